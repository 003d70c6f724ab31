"""The paths of the management port, out of the application that serves it."""

from valetkey.runtime.http.health import Health, create_management_app

MANAGEMENT_ROUTES = frozenset(resource.canonical for resource in create_management_app(Health()).router.resources())
