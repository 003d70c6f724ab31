"""Requests that another site's form has posted, for which browsers withhold our cookies."""

from urllib.parse import urlencode

from aiohttp import web

from valetkey.authorize.service import AuthorizeService
from valetkey.core.oauth.params import Params
from valetkey.core.routes import Route

# Below the line length that every proxy on the way accepts.
MAX_QUERY = 6000


def location_with_cookies(service: AuthorizeService, request: web.Request, params: Params, route: Route) -> str | None:
    """Where the same request arrives with its cookies; None where it has them, or can go no other way.

    SameSite=Lax keeps cookies from a form that another site posts, but not from the GET that follows a redirect.
    Without this a client that posts would find every user signed out, and our answer would unbind the browser's other
    tabs.
    """
    if request.method != "POST" or service.cookies.has_any(request):
        return None
    query = urlencode(params.pairs())
    return f"{service.path(route)}?{query}" if len(query) <= MAX_QUERY else None
