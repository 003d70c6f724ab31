"""Signing in by a passkey alone: it says who its user is, and proves it. Nothing that was typed takes part.

An answer needs a question of this browser's own, so that there is nothing to guess at. What is counted, by address, is
work: a look into the database and the check of a signature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from valetkey.authorize.login.credentials import LoginRefused
from valetkey.authorize.login.methods.passkey import log_refused, passkey_factor
from valetkey.authorize.login.passkeys.refusal import PasskeyRefused
from valetkey.authorize.pages.models import LoginError
from valetkey.core.authentication.factor import Method
from valetkey.runtime.http.address import address_group, caller_address, client_address
from valetkey.runtime.telemetry import audit
from valetkey.runtime.telemetry.metrics import LOGIN_ATTEMPTS, RATE_LIMITED

if TYPE_CHECKING:
    from aiohttp import web

    from valetkey.authorize.service import AuthorizeService
    from valetkey.core.authentication.factor import Factor
    from valetkey.core.authentication.user import User
    from valetkey.core.client.client import Client
    from valetkey.core.oauth.params import Params


async def check_passkey(
    service: AuthorizeService, request: web.Request, client: Client, form: Params
) -> tuple[User, Factor]:
    """The user who has proven to be one. Raises ``LoginRefused``, and ``TemporarilyUnavailable`` with a store away."""
    if service.passkeys is None:
        raise LoginRefused(LoginError.PASSKEY, 403)
    address = address_group(client_address(request, service.settings.trusted_proxies))
    if await service.passkeys.is_limited(address):
        RATE_LIMITED.add("passkey_answers")
        record_passkey(None, client, "limited", "address")
        raise LoginRefused(LoginError.TOO_MANY_ATTEMPTS, 429, service.settings.login_lifetime)
    try:
        kept = await service.passkeys.check_anyone(form.get("passkey") or "", form.get("csrf_token") or "")
    except PasskeyRefused as refused:
        log_refused(refused)
        record_passkey(None, client, "refused", refused.reason)
        raise LoginRefused(LoginError.PASSKEY, 403) from refused
    user = await service.users.find_by_subject(kept.subject)
    if user is None or not user.enabled:
        record_passkey(user, client, "refused", "disabled user")
        raise LoginRefused(LoginError.PASSKEY, 403)
    factor = passkey_factor(service, kept)
    record_passkey(user, client, "success", "", factor)
    return user, factor


def record_passkey(user: User | None, client: Client, result: str, reason: str, factor: Factor | None = None) -> None:
    """Count a login and put it into the audit stream; ``result`` is success, refused or limited."""
    LOGIN_ATTEMPTS.add(Method.PASSKEY, result)
    audit.emit(
        audit.AuditEvent(
            type="login",
            outcome="success" if result == "success" else "failure",
            reason=reason,
            subject="" if user is None else user.sub,
            client_id=client.client_id,
            amr=() if factor is None else factor.amr,
            address=caller_address(),
        )
    )
