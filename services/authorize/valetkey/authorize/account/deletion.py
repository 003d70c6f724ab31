"""Deleting one's own account, where the installation allows it. The user name is typed, so that no slip deletes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from valetkey.authorize.account.events import record_change
from valetkey.authorize.account.notices import deletion_notice
from valetkey.authorize.account.visit import (
    Visit,
    account_response,
    browser_of,
    changed_at,
    form_token,
    shown_at,
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


@shown_at(ACCOUNT_DELETE)
async def show_deletion(visited: Visit) -> web.StreamResponse:
    """What goes, and the form."""
    return _page(visited) if await _can_delete(visited) else see_other(visited.service.path(ACCOUNT))


@changed_at(ACCOUNT_DELETE)
async def delete_account(visited: Visit) -> web.StreamResponse:
    """End everything, and forget the user."""
    form = visited.posted
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
    service.cookies.sign_out(visited.request, response)
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
