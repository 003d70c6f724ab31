"""The issuer's own address: whose page this is, who is signed in, and what to do. Every error page leads here."""

from aiohttp import web

from valetkey.authorize.pages.models import HomePage, account_of
from valetkey.authorize.pages.response import page_response
from valetkey.authorize.service import AUTHORIZE
from valetkey.core.routes import LOGOUT
from valetkey.runtime.telemetry.tracing import current_trace_id


async def show_home(request: web.Request) -> web.StreamResponse:
    """The home page. Reads the session, and nothing that the address says."""
    service = request.app[AUTHORIZE]
    session = await service.find_session(request)
    page = HomePage(account=None if session is None else account_of(session.user), form_action=service.path(LOGOUT))
    return page_response(service.pages.home(page, reference=current_trace_id()))
