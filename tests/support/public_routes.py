"""What tests ask of every public route, out of the table of routes."""

from valetkey.core.routes import ROUTES

PAGE_PATHS = tuple(route.path for route in ROUTES if route.is_page)
