"""Guesses at a second factor: how many there may be, and what is told of them to operators.

They have a budget of their own, beside that of passwords, so that who knows the password spends that alone. A browser
that has signed in to the account before has one for itself, which others cannot spend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from valetkey.runtime.http.address import address_group, caller_address, client_address
from valetkey.runtime.telemetry import audit
from valetkey.runtime.telemetry.metrics import LOGIN_ATTEMPTS, RATE_LIMITED
from valetkey.storage.redis.limits.login_attempts import Counted, Guess, second_factor_of

if TYPE_CHECKING:
    from aiohttp import web

    from valetkey.authorize.service import AuthorizeService
    from valetkey.core.authentication.factor import Method
    from valetkey.core.authentication.user import User

_REASONS = {"refused": "wrong answer", "limited": "second factor"}


async def count_guess(service: AuthorizeService, request: web.Request, user: User) -> Counted:
    """Count a guess. Raises ``TemporarilyUnavailable`` while Redis is away: what cannot be counted is not checked."""
    device = service.devices.parse(service.cookies.device(request))
    known = device is not None and service.devices.knows(device, user.subject)
    name = second_factor_of(user.subject)
    address = address_group(client_address(request, service.settings.trusted_proxies))
    counted = await service.attempts.count(
        Guess(name, name, address, device.device_id if device is not None and known else None)
    )
    if not counted.counts:
        RATE_LIMITED.add("second_factor")
    return counted


def record_proof(user: User, client_id: str, method: Method, result: str, amr: tuple[str, ...] = ()) -> None:
    """Count a second factor and put it into the audit stream; ``result`` is success, refused or limited."""
    LOGIN_ATTEMPTS.add(method, result)
    is_success = result == "success"
    audit.emit(
        audit.AuditEvent(
            type="login.second_factor",
            outcome="success" if is_success else "failure",
            reason=method if is_success else f"{method}: {_REASONS[result]}",
            subject=user.sub,
            client_id=client_id,
            amr=amr,
            address=caller_address(),
        )
    )
