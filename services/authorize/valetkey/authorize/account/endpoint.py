"""The account page: how and where one signs in, what applications may do, and a form for each change."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import UUID

from valetkey.authorize.account.enrolment import can_set_up
from valetkey.authorize.account.events import record_change
from valetkey.authorize.account.notices import tell_removed
from valetkey.authorize.account.profile import own_details
from valetkey.authorize.account.visit import (
    Visit,
    account_response,
    back_with,
    browser_of,
    changed_at,
    form_token,
    sign_in_first,
    visit,
)
from valetkey.authorize.consent.scope_words import scope_words
from valetkey.authorize.login.browser_origin import device_words
from valetkey.authorize.login.methods.passkey import other_passkey_name
from valetkey.authorize.login.methods.recovery_code import new_codes
from valetkey.authorize.login.methods.registry import credential_words
from valetkey.authorize.pages.account_models import (
    AccountError,
    AccountNews,
    AccountPage,
    ApplicationWords,
    CredentialWords,
    SessionWords,
)
from valetkey.authorize.pages.models import RecoveryCodesPage, account_of
from valetkey.authorize.pages.response import see_other
from valetkey.core.authentication.factor import Method
from valetkey.core.oauth.errors import InvalidRequest
from valetkey.core.routes import (
    ACCOUNT,
    ACCOUNT_DELETE,
    ACCOUNT_EMAIL,
    ACCOUNT_EXPORT,
    ACCOUNT_PASSKEY,
    ACCOUNT_PASSWORD,
    ACCOUNT_PROFILE,
    ACCOUNT_TOTP,
    LOGOUT,
)
from valetkey.runtime.http.forms import read_query
from valetkey.runtime.telemetry.metrics import CREDENTIAL_CHANGES
from valetkey.runtime.telemetry.tracing import current_trace_id

if TYPE_CHECKING:
    from datetime import datetime

    from aiohttp import web

    from valetkey.core.oauth.params import Params
    from valetkey.core.oauth.resource import Catalog
    from valetkey.storage.postgres.tables.consents import ConsentSummary


async def show_account(request: web.Request) -> web.StreamResponse:
    """What there is to see; the login first where there is no session."""
    visited = await visit(request)
    if visited is None:
        return await sign_in_first(request, ACCOUNT, None)
    return await _page(visited, read_query(request).get("news"))


@changed_at(ACCOUNT)
async def change_account(visited: Visit) -> web.StreamResponse:
    """One change. A login first where the last one was not a moment ago."""
    form = visited.posted
    match form.get("action"):
        case "end_session":
            return await _end_session(visited, form)
        case "end_others":
            return await _end_others(visited)
        case "withdraw":
            return await _withdraw(visited, form)
        case "remove":
            return await _remove(visited, form)
        case "rename":
            return await _rename(visited, form)
        case "new_codes":
            return await _new_codes(visited)
        case _:
            raise InvalidRequest("the form says none of what can be done")


async def _end_session(visited: Visit, form: Params) -> web.Response:
    service, subject, now = visited.service, visited.session.user.subject, visited.service.clock()
    session_id = _uuid(form.get("session_id"))
    if session_id == visited.session.session_id:
        return see_other(service.path(LOGOUT))
    if session_id is not None and await service.sessions.find_subject(session_id, now) == subject:
        await service.sessions.end(session_id, now)
        record_change("account.session_ended", visited.session, ended=str(session_id))
    return back_with(visited, AccountNews.SESSION)


async def _end_others(visited: Visit) -> web.Response:
    service, now = visited.service, visited.service.clock()
    for each in await service.sessions.list(now, visited.session.user.subject):
        if each.session_id != visited.session.session_id:
            await service.sessions.end(each.session_id, now)
            record_change("account.session_ended", visited.session, ended=str(each.session_id))
    return back_with(visited, AccountNews.SESSIONS)


async def _withdraw(visited: Visit, form: Params) -> web.Response:
    service, subject = visited.service, visited.session.user.subject
    for each in await service.consents.list(subject):
        if each.client_id == form.get("client_id"):
            ended = await service.consents.withdraw(subject, each.client_uid, service.clock())
            await service.revocations.publish(ended)
            record_change("account.consent_withdrawn", visited.session, client_id=each.client_id)
    return back_with(visited, AccountNews.APPLICATION)


async def _remove(visited: Visit, form: Params) -> web.Response:
    service, subject = visited.service, visited.session.user.subject
    credential_id = _uuid(form.get("credential_id"))
    removed = None if credential_id is None else await service.credentials.remove(subject, credential_id)
    if removed is not None:
        CREDENTIAL_CHANGES.add(removed, "removed")
        record_change("credential.removed", visited.session, reason=removed)
        await tell_removed(service, visited.session.user, removed)
        left = await service.credentials.enrolled(subject)
        if left.methods <= {Method.PASSWORD, Method.RECOVERY_CODE}:
            # They are what is left of a second factor, and there is none any more.
            await service.credentials.remove_all(subject, [Method.RECOVERY_CODE])
    return back_with(visited, AccountNews.REMOVED)


async def _rename(visited: Visit, form: Params) -> web.Response:
    """Call a passkey something else, so that its user tells it from others."""
    name, credential_id = other_passkey_name(form.get("name")), _uuid(form.get("credential_id"))
    if name is None:
        return await _page(visited, None, AccountError.NAME)
    service, subject = visited.service, visited.session.user.subject
    if credential_id is not None and await service.credentials.rename_passkey(subject, credential_id, name):
        record_change("credential.renamed", visited.session, reason=Method.PASSKEY)
    return back_with(visited, AccountNews.RENAMED)


async def _new_codes(visited: Visit) -> web.StreamResponse:
    service = visited.service
    if visited.enrolled.methods <= {Method.PASSWORD, Method.RECOVERY_CODE}:
        return see_other(service.path(ACCOUNT))
    codes = await new_codes(service, visited.session.user)
    if not codes:
        return see_other(service.path(ACCOUNT))
    record_change("account.recovery_codes_made", visited.session)
    page = RecoveryCodesPage(codes=codes, continue_uri=service.path(ACCOUNT))
    html = service.pages.recovery_codes(page, reference=current_trace_id())
    return account_response(visited, browser_of(visited), html)


async def _page(visited: Visit, news: str | None, error: AccountError | None = None) -> web.Response:
    service, user = visited.service, visited.session.user
    found = await service.credentials.list(user.subject)
    sessions = await service.sessions.list(service.clock(), user.subject)
    consents = await service.consents.list(user.subject)
    catalog, browser = await service.catalog.get(), browser_of(visited)
    is_owned = await service.own_accounts.is_owned(user.subject)
    page = AccountPage(
        form_action=service.path(ACCOUNT),
        csrf_token=form_token(visited, browser),
        account=account_of(user),
        email=user.email,
        is_verified=user.email_verified,
        email_uri=service.path(ACCOUNT_EMAIL) if service.outbox.is_configured and not is_owned else None,
        profile_uri=service.path(ACCOUNT_PROFILE) if own_details(visited) and not is_owned else None,
        export_uri=service.path(ACCOUNT_EXPORT),
        delete_uri=service.path(ACCOUNT_DELETE) if service.settings.account_deletion and not is_owned else None,
        password_uri=service.path(ACCOUNT_PASSWORD),
        totp_uri=service.path(ACCOUNT_TOTP) if can_set_up(visited, Method.TOTP) else None,
        passkey_uri=service.path(ACCOUNT_PASSKEY) if can_set_up(visited, Method.PASSKEY) else None,
        logout_uri=service.path(LOGOUT),
        credentials=[
            CredentialWords(
                str(each.credential_id),
                each.method.value,
                credential_words(each.method, each.name),
                _day(each.created_at),
                "" if each.used_at is None else _day(each.used_at),
            )
            for each in found
            if each.method is not Method.RECOVERY_CODE
        ],
        codes_left=sum(each.method is Method.RECOVERY_CODE for each in found),
        sessions=[
            SessionWords(
                str(each.session_id),
                each.session_id == visited.session.session_id,
                device_words(each.device or ""),
                each.address or "",
                _minute(each.created_at),
                _minute(each.used_at),
            )
            for each in sorted(sessions, key=lambda each: each.used_at, reverse=True)
        ],
        applications=[_application(each, catalog) for each in consents],
        news=AccountNews.__members__.get((news or "").upper()),
        error=error,
    )
    html = service.pages.account(page, reference=current_trace_id())
    return account_response(visited, browser, html, 200 if error is None else 400)


def _application(agreed: ConsentSummary, catalog: Catalog) -> ApplicationWords:
    scopes = [scope_words(catalog.scopes[name]) for name in sorted(agreed.consent.scope) if name in catalog.scopes]
    return ApplicationWords(agreed.client_id, agreed.client_name, scopes, _day(agreed.updated_at))


def _uuid(text: str | None) -> UUID | None:
    with suppress(ValueError):
        return UUID(text or "")
    return None


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
