"""A new password, chosen by its user. It ends every session and grant but the session in which it was chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from valetkey.authorize.account.events import record_change
from valetkey.authorize.account.notices import tell_password_changed
from valetkey.authorize.account.visit import (
    Visit,
    account_response,
    back_with,
    browser_of,
    changed_at,
    form_token,
    shown_at,
    sign_in_first,
)
from valetkey.authorize.browser.cookies import generate_secret
from valetkey.authorize.login.browser_origin import origin_of
from valetkey.authorize.pages.account_models import (
    AccountNews,
    NewPasswordPage,
    PasswordError,
)
from valetkey.authorize.pages.models import account_of
from valetkey.core.authentication.session import Session
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.core.routes import ACCOUNT, ACCOUNT_PASSWORD
from valetkey.runtime.password_rules import password_problem
from valetkey.runtime.telemetry.tracing import current_trace_id

if TYPE_CHECKING:
    from aiohttp import web


@shown_at(ACCOUNT_PASSWORD)
async def show_new_password(visited: Visit) -> web.StreamResponse:
    """The form; a login first where the last one was not a moment ago."""
    return _form(visited)


@changed_at(ACCOUNT_PASSWORD)
async def set_password(visited: Visit) -> web.StreamResponse:
    """Change it, and go on under a new session: everything from before has ended."""
    form = visited.posted
    password, again = form.get("password"), form.get("again")
    if password is None or again is None:
        return _form(visited, PasswordError.INCOMPLETE, 400)
    if password != again:
        return _form(visited, PasswordError.DIFFERENT, 400)
    service, user = visited.service, visited.session.user
    names = tuple(name for name in (user.username, user.email) if name is not None)
    if (problem := password_problem(password, names, service.settings.password_max_length)) is not None:
        return _form(visited, problem, 400)
    try:
        password_hash = await service.passwords.hash(password)
    except TemporarilyUnavailable as error:
        return _form(visited, PasswordError.BUSY, 503, error.retry_after)
    return await _change(visited, password_hash)


async def _change(visited: Visit, password_hash: str) -> web.StreamResponse:
    service, session = visited.service, visited.session
    ended = await service.user_lifecycle.set_password(session.user.subject, password_hash, service.clock())
    if ended is None:
        return await sign_in_first(visited.request, ACCOUNT, None)
    await service.revocations.publish(ended)
    record_change("account.password_set", session)
    await tell_password_changed(service, session.user)
    response = back_with(visited, AccountNews.PASSWORD)
    user = await service.users.find_by_subject(session.user.subject)
    if user is not None:
        secret = generate_secret()
        begun = Session(uuid4(), user, session.factors, session.is_kept, origin_of(service, visited.request))
        if await service.sessions.create(secret, begun, None):
            service.write_session(visited.request, response, secret, begun)
    return response


def _form(visited: Visit, error: str | None = None, status: int = 200, retry_after: int | None = None) -> web.Response:
    service, browser = visited.service, browser_of(visited)
    page = NewPasswordPage(
        form_action=service.path(ACCOUNT_PASSWORD),
        csrf_token=form_token(visited, browser),
        account=account_of(visited.session.user),
        back=service.path(ACCOUNT),
        error=error,
    )
    html = service.pages.new_password(page, reference=current_trace_id())
    return account_response(visited, browser, html, status, retry_after=retry_after, runs_script=True)
