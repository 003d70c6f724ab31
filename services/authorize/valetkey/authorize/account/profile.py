"""What is known of a user, edited by the user: the claims that the installation leaves to its people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from valetkey.authorize.account.events import record_change
from valetkey.authorize.account.notices import tell_profile_changed
from valetkey.authorize.account.visit import (
    Visit,
    account_response,
    back_with,
    browser_of,
    changed_at,
    form_token,
    shown_at,
)
from valetkey.authorize.pages.account_models import AccountNews, ProfileField, ProfilePage
from valetkey.authorize.pages.models import account_of
from valetkey.authorize.pages.response import see_other
from valetkey.core.message import Message
from valetkey.core.oidc.claims.bound import MAX_BYTES, claims_size
from valetkey.core.oidc.claims.registry import CLAIM
from valetkey.core.routes import ACCOUNT, ACCOUNT_PROFILE
from valetkey.runtime.telemetry.tracing import current_trace_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

_TOO_LARGE = Message("All your details together are too long. Shorten some.")


@shown_at(ACCOUNT_PROFILE)
async def show_profile(visited: Visit) -> web.StreamResponse:
    """The form, with what is known."""
    if not await _can_edit(visited):
        return see_other(visited.service.path(ACCOUNT))
    return _page(visited, own_details(visited))


@changed_at(ACCOUNT_PROFILE)
async def edit_profile(visited: Visit) -> web.StreamResponse:
    """Store what was changed; an empty field takes the attribute away."""
    form = visited.posted
    if not await _can_edit(visited):
        return see_other(visited.service.path(ACCOUNT))
    before = own_details(visited)
    typed = {name: (form.get(name) or "").strip() for name in before}
    changed = {name: text for name, text in typed.items() if text != before[name]}
    problems = {name: words for name, text in changed.items() if text and (words := CLAIM[name].check(text))}
    if problems:
        return _page(visited, typed, problems, status=400)
    if not changed:
        return see_other(visited.service.path(ACCOUNT))
    return await _store(visited, typed, changed)


async def _can_edit(visited: Visit) -> bool:
    """Whether there is anything to edit, and no applied file would undo it."""
    service = visited.service
    return bool(own_details(visited)) and not await service.own_accounts.is_owned(visited.session.user.subject)


def own_details(visited: Visit) -> dict[str, str]:
    """What the installation leaves to the user, by claim; empty where there is none. All are texts."""
    claims = visited.session.user.claims
    found = {name: claims.get(name, "") for name in visited.service.settings.account_editable}
    return {name: value for name, value in found.items() if isinstance(value, str)}


async def _store(visited: Visit, typed: Mapping[str, str], changed: Mapping[str, str]) -> web.StreamResponse:
    service, user = visited.service, visited.session.user
    removed = [name for name, text in changed.items() if not text]
    claims = {name: text for name, text in changed.items() if text}
    if claims_size({name: value for name, value in user.claims.items() if name not in removed} | claims) > MAX_BYTES:
        return _page(visited, typed, error=_TOO_LARGE, status=400)
    if not await service.own_accounts.edit(user, removed, claims, service.clock()):
        return see_other(service.path(ACCOUNT))
    record_change("account.profile_changed", visited.session, reason=", ".join(changed))
    await tell_profile_changed(service, user)
    return back_with(visited, AccountNews.PROFILE)


def _page(
    visited: Visit,
    values: Mapping[str, str],
    problems: Mapping[str, str] | None = None,
    error: str | None = None,
    status: int = 200,
) -> web.Response:
    service, browser = visited.service, browser_of(visited)
    page = ProfilePage(
        form_action=service.path(ACCOUNT_PROFILE),
        csrf_token=form_token(visited, browser),
        account=account_of(visited.session.user),
        fields=[ProfileField(name, value, (problems or {}).get(name)) for name, value in values.items()],
        back=service.path(ACCOUNT),
        error=error,
    )
    html = service.pages.account_profile(page, reference=current_trace_id())
    return account_response(visited, browser, html, status)
