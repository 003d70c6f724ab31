"""Checking a name and a password: counted first, then hashed; strangers, owners and nobody look and take the same."""

from dataclasses import dataclass

from valetkey.authorize.attempts import Budget, TooManyAttempts
from valetkey.authorize.device import Device
from valetkey.authorize.page import LoginError
from valetkey.authorize.password import PasswordCheck
from valetkey.authorize.service import AuthorizeService
from valetkey.core.authentication import AMR_PASSWORD
from valetkey.core.errors import TemporarilyUnavailable
from valetkey.core.user import User, normalize_login_name
from valetkey.runtime import audit
from valetkey.runtime.http.address import caller_address
from valetkey.runtime.metrics import LOGIN_ATTEMPTS

METHOD = "password"


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was typed, and from where: ``address`` is what the limit counts by, ``device`` is not yet believed."""

    name: str
    password: str
    address: str
    device: Device | None
    client_id: str


class LoginRefused(Exception):
    """A login that did not succeed: what the page says, with which status, and when to try again (seconds)."""

    def __init__(self, shown: LoginError, status: int, retry_after: int | None = None) -> None:
        super().__init__(shown.name)
        self.shown = shown
        self.status = status
        self.retry_after = retry_after


async def check_credentials(service: AuthorizeService, attempt: Attempt) -> User:
    """The user who has proven to be one. Raises ``LoginRefused``, and ``TemporarilyUnavailable`` where a store is away.

    The order never changes with what is found: look up, count, hash, judge.
    """
    name = normalize_login_name(attempt.name)
    found = None if name is None else await service.users.find_by_login_name(name)
    user, password_hash = (None, None) if found is None else found
    budgets = _budgets(service, attempt, user, name or attempt.name)
    try:
        await service.attempts.spend(budgets)
    except TooManyAttempts as error:
        _record(attempt, user, "limited", error.budget)
        raise LoginRefused(LoginError.TOO_MANY_ATTEMPTS, 429, error.retry_after) from error
    check = await _hash(service, attempt, user, password_hash, budgets)
    if user is None or not check.is_right:
        _record(attempt, user, "refused", "unknown user" if user is None else "wrong password")
        raise LoginRefused(LoginError.CREDENTIALS, 403)
    if not user.enabled:
        _record(attempt, user, "refused", "disabled user")
        raise LoginRefused(LoginError.CREDENTIALS, 403)
    await service.attempts.give_back(budgets)
    if check.new_hash is not None and password_hash is not None:
        await service.users.rehash_password(user.subject, password_hash, check.new_hash)
    _record(attempt, user, "success", "")
    return user


def ended_meanwhile(attempt: Attempt, user: User) -> LoginRefused:
    """The refusal of a right password whose user was disabled, or given another, before the session could be stored."""
    _record(attempt, user, "refused", "the user has ended during the login")
    return LoginRefused(LoginError.CREDENTIALS, 403)


def _budgets(service: AuthorizeService, attempt: Attempt, user: User | None, name: str) -> tuple[Budget, ...]:
    # By subject where there is one: the user name and the e-mail address of an account share one budget.
    account = f"name:{name}" if user is None else f"subject:{user.subject}"
    device = attempt.device
    if user is not None and device is not None and service.devices.knows(device, user.subject):
        return service.attempts.of_device(account, device.device_id)
    return service.attempts.of_stranger(account, attempt.address)


async def _hash(
    service: AuthorizeService,
    attempt: Attempt,
    user: User | None,
    password_hash: str | None,
    budgets: tuple[Budget, ...],
) -> PasswordCheck:
    try:
        return await service.passwords.check(attempt.password, password_hash)
    except TemporarilyUnavailable as error:
        # Nobody has learnt whether the password was right, so that it is no attempt.
        await service.attempts.give_back(budgets)
        _record(attempt, user, "busy", error.reason)
        raise LoginRefused(LoginError.BUSY, 503, error.retry_after) from error


def _record(attempt: Attempt, user: User | None, result: str, reason: str) -> None:
    LOGIN_ATTEMPTS.add(METHOD, result)
    audit.emit(
        audit.AuditEvent(
            type="login",
            outcome="success" if result == "success" else "failure",
            # What was typed as a name stays out: it may be a password in the wrong field.
            reason=reason,
            subject="" if user is None else str(user.subject),
            client_id=attempt.client_id,
            amr=(AMR_PASSWORD,) if result == "success" else (),
            address=caller_address(),
        )
    )
