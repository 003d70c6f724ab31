"""Checking a name and a password: counted first, then hashed. Known and unknown accounts give the same answer.

The answer to a wrong password follows from what was typed and from where alone: 429 once the budget of that name or
that address is spent, else 403. What is found decides only whether a *right* password signs in. A budget of the
account, which its names share, is spent in silence: from then on a right password is answered as a wrong one is,
403, after the same hash. Saying so would tell an attacker who guesses at one name that another one means the same
account, or any at all. The person is told how it can be that a right password is refused, on every refusal, and is
let in by a browser that has signed in before, by a code from one (``browser_code``), or by an operator (`valetkey
user unlock`).
"""

from dataclasses import dataclass
from uuid import UUID

from valetkey.authorize.login.device_cookie import Device
from valetkey.authorize.login.fair_queue import Source
from valetkey.authorize.login.password import PasswordCheck
from valetkey.authorize.pages.models import LoginError
from valetkey.authorize.service import AuthorizeService
from valetkey.core.authentication.factor import Method
from valetkey.core.authentication.user import User, normalize_login_name
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.runtime.http.address import caller_address
from valetkey.runtime.telemetry import audit
from valetkey.runtime.telemetry.metrics import LOGIN_ATTEMPTS, RATE_LIMITED
from valetkey.storage.redis.limits.login_attempts import Counted, Guess, account_of_name, account_of_user

# Whom a device and a code are compared with where there is no account, so that it takes as long.
_NO_ACCOUNT = UUID(int=0)
_AMR = ("pwd",)
_BY_CODE = "browser code"


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was typed, and from where: ``address`` is what the limit counts by.

    ``device`` and ``browser_code`` are not yet believed.
    """

    name: str
    password: str
    address: str
    device: Device | None
    client_id: str
    browser_code: str | None = None


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
    counted = await service.attempts.count(_guess(service, attempt, user, name or attempt.name))
    if counted.told is not None and not counted.counts:
        raise _limited(attempt, user, counted, counted.told)
    can_sign_in = user is not None and user.enabled and counted.counts
    check = await _hash(service, attempt, user, password_hash if can_sign_in else None, counted)
    if user is None or not check.is_right:
        raise _refused(attempt, user, counted)
    await service.attempts.give_back(counted)
    if check.new_hash is not None and password_hash is not None:
        await service.users.rehash_password(user.subject, password_hash, check.new_hash)
    _record(attempt, user, "success", "")
    return user


def ended_meanwhile(attempt: Attempt, user: User) -> LoginRefused:
    """The refusal of a right password whose user was disabled, or given another, before the session could be stored."""
    _record(attempt, user, "refused", "the user has ended during the login")
    return LoginRefused(LoginError.CREDENTIALS, 403)


def _guess(service: AuthorizeService, attempt: Attempt, user: User | None, name: str) -> Guess:
    subject = _NO_ACCOUNT if user is None else user.subject
    device = _device_of(service, attempt, subject)
    if user is None:
        return Guess(name, account_of_name(name), attempt.address)
    return Guess(name, account_of_user(subject), attempt.address, device)


def _device_of(service: AuthorizeService, attempt: Attempt, subject: UUID) -> str | None:
    device, code = attempt.device, attempt.browser_code
    if device is not None and service.devices.knows(device, subject):
        return device.device_id
    if code is not None and service.browser_codes.is_valid(code, subject, service.clock()):
        return _BY_CODE
    return None


def _source(service: AuthorizeService, attempt: Attempt, user: User | None) -> Source:
    # The name as it was typed: were it the account, the order of answers would tell that two names mean one.
    name = normalize_login_name(attempt.name) or attempt.name
    device = attempt.device
    if user is not None and device is not None and service.devices.knows(device, user.subject):
        return Source(name, f"device:{device.device_id}")
    return Source(name, f"address:{attempt.address}")


async def _hash(
    service: AuthorizeService,
    attempt: Attempt,
    user: User | None,
    password_hash: str | None,
    counted: Counted,
) -> PasswordCheck:
    try:
        return await service.passwords.check(attempt.password, password_hash, _source(service, attempt, user))
    except TemporarilyUnavailable as error:
        # The password was not checked, so this is no attempt.
        await service.attempts.give_back(counted)
        _record(attempt, user, "busy", error.reason)
        raise LoginRefused(LoginError.BUSY, 503, error.retry_after) from error


def _refused(attempt: Attempt, user: User | None, counted: Counted) -> LoginRefused:
    """A password that is wrong, or might as well be."""
    if counted.told is not None:
        return _limited(attempt, user, counted, counted.told)
    if user is None:
        _record(attempt, user, "refused", "unknown user")
    elif not user.enabled:
        _record(attempt, user, "refused", "disabled user")
    elif not counted.counts:
        _count_limited(attempt, user, "account")
    else:
        _record(attempt, user, "refused", "wrong password")
    return LoginRefused(LoginError.CREDENTIALS, 403)


def _limited(attempt: Attempt, user: User | None, counted: Counted, budget: str) -> LoginRefused:
    """A budget that is told of is spent."""
    _count_limited(attempt, user, budget)
    return LoginRefused(LoginError.TOO_MANY_ATTEMPTS, 429, counted.retry_after)


def _count_limited(attempt: Attempt, user: User | None, budget: str) -> None:
    RATE_LIMITED.add(budget)
    _record(attempt, user, "limited", budget)


def _record(attempt: Attempt, user: User | None, result: str, reason: str) -> None:
    LOGIN_ATTEMPTS.add(Method.PASSWORD, result)
    audit.emit(
        audit.AuditEvent(
            type="login",
            outcome="success" if result == "success" else "failure",
            # What was typed as a name stays out: it may be a password in the wrong field.
            reason=reason,
            subject="" if user is None else user.sub,
            client_id=attempt.client_id,
            amr=_AMR if result == "success" else (),
            address=caller_address(),
        )
    )
