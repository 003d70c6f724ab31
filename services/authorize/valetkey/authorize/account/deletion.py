"""Deleting one's own account, where the installation allows it. The user name is typed, so that no slip deletes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from valetkey.authorize.account.events import record_change
from valetkey.authorize.account.notices import deletion_notice
from valetkey.authorize.account.visit import (
    Visit,
    account_form,
    account_response,
    browser_of,
    form_token,
    is_recent,
    sign_in_first,
    visit,
)
from valetkey.authorize.pages.account_models import DeletedPage, DeletePage
from valetkey.authorize.pages.models import account_of
from valetkey.authorize.pages.response import page_response, see_other
from valetkey.core.authentication.user import normalize_login_name
from valetkey.core.message import Message
from valetkey.core.routes import ACCOUNT, ACCOUNT_DELETE
from valetkey.runtime.telemetry.tracing import current_trace_id

if TYPE_CHECKING:
    from aiohttp import web

_DIFFERENT = Message("That is not your user name. Nothing was deleted.")


async def show_deletion(request: web.Request) -> web.StreamResponse:
    """What goes, and the form."""
    visited = await visit(request)
    if visited is None or not is_recent(visited):
        return await sign_in_first(request, ACCOUNT_DELETE, visited)
    return _page(visited) if await _can_delete(visited) else see_other(visited.service.path(ACCOUNT))


async def delete_account(request: web.Request) -> web.StreamResponse:
    """End everything, and forget the user."""
    visited = await visit(request)
    if visited is None:
        return await sign_in_first(request, ACCOUNT_DELETE, None)
    form = account_form(visited)
    if not is_recent(visited):
        return await sign_in_first(request, ACCOUNT_DELETE, visited)
    service, user = visited.service, visited.session.user
    if not await _can_delete(visited):
        return see_other(service.path(ACCOUNT))
    if normalize_login_name(form.get("username") or "") != normalize_login_name(user.username):
        return _page(visited, _DIFFERENT, 400)
    ended = await service.own_accounts.delete(user, service.clock(), deletion_notice(service, user))
    if ended is None:
        return see_other(service.path(ACCOUNT))
    record_change("account.deleted", visited.session)
    await service.revocations.publish(ended)
    response = page_response(service.pages.account_deleted(DeletedPage(), reference=current_trace_id()))
    service.cookies.sign_out(request, response)
    return response


async def _can_delete(visited: Visit) -> bool:
    """Whether the installation allows it, and no applied file owns the user."""
    service = visited.service
    if not service.settings.account_deletion:
        return False
    return not await service.own_accounts.is_owned(visited.session.user.subject)


def _page(visited: Visit, error: str | None = None, status: int = 200) -> web.Response:
    service, browser = visited.service, browser_of(visited)
    page = DeletePage(
        form_action=service.path(ACCOUNT_DELETE),
        csrf_token=form_token(visited, browser),
        account=account_of(visited.session.user),
        username=visited.session.user.username,
        back=service.path(ACCOUNT),
        error=error,
    )
    html = service.pages.account_delete(page, reference=current_trace_id())
    return account_response(visited, browser, html, status)
