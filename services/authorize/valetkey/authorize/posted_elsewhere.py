"""Requests that another site's form has posted, for which browsers withhold our cookies."""

import re

from aiohttp import web

from valetkey.authorize.service import AuthorizeService

# Below the line length that every proxy on the way accepts.
MAX_QUERY = 6000
_QUERY = re.compile(r"[!$-~]+")


async def location_with_cookies(service: AuthorizeService, request: web.Request, endpoint: str) -> str | None:
    """Where the same request arrives with its cookies; None where it has them, or can go no other way.

    SameSite=Lax keeps cookies from a form that another site posts, but not from the GET that follows a redirect.
    Without this a client that posts would find everybody signed out, and our answer would unbind the browser's other
    tabs.
    """
    if request.method != "POST" or service.cookies.has_any(request):
        return None
    body = (await request.read()).decode("utf-8")
    if len(body) > MAX_QUERY or not _QUERY.fullmatch(body):
        return None
    return f"{service.path(endpoint)}?{body}"
