"""Users: the accounts of people who sign in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from valetkey.administration.errors import NotFound, Refused
from valetkey.administration.ownership import require_unowned
from valetkey.administration.passwords import hash_password
from valetkey.administration.user_attributes import require_bounded
from valetkey.core.authentication.subject import sub_problem, subject_of
from valetkey.core.authentication.user import User, listed_name, normalize_login_name
from valetkey.storage.postgres.tables.groups import Groups
from valetkey.storage.postgres.tables.user_lifecycle import UserLifecycle
from valetkey.storage.postgres.tables.users import Users

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping
    from uuid import UUID

    from valetkey.administration.installation import Installation, Publish
    from valetkey.storage.redis.limits.login_attempts import Forgotten

_PAGE = 1000
_LOGIN_NAME = "it must be 1 to 254 characters without spaces and control characters."


async def get_user(installation: Installation, name: str) -> User:
    """The user with this user name, e-mail address or subject; a name wins over a subject that is spelled the same.

    Raises ``NotFound``.
    """
    user = await find_user(installation, name)
    if user is not None:
        return user
    if sub_problem(name) is None:
        user = await Users(installation.database).find_by_subject(subject_of(name))
    if user is None:
        raise NotFound("user", name)
    return user


async def require_unowned_user(installation: Installation, user: User, *, force: bool) -> None:
    """Raise ``Owned`` where an applied file owns the user."""
    for found in await Users(installation.database).list_records([user.username], ""):
        if found.user.subject == user.subject:
            require_unowned(user.username, found.managed_by, force=force)


async def find_user(installation: Installation, login_name: str) -> User | None:
    """The user who signs in with this name, or None."""
    found = await Users(installation.database).find_by_login_name(login_name)
    return None if found is None else found[0]


async def list_users(
    installation: Installation,
    *,
    prefix: str = "",
    group: str | None = None,
    enabled: bool | None = None,
    after: str = "",
    most: int | None = None,
) -> AsyncIterator[list[User]]:
    """Pages of users, by user name: at most so many users in all, beginning behind the user name ``after``.

    ``prefix`` is how their user names or e-mail addresses begin; then they come by the first name that begins so, and
    ``after`` is such a name. ``group``: only those who are in it, directly or through other groups. ``enabled``: only
    those who are, or only those who are not. What is created or goes in between may show or not. Raises ``NotFound``
    for a group that is not there.
    """
    groups = None if group is None else await Groups(installation.database).find_below(group)
    if groups is not None and not groups:
        raise NotFound("group", group)
    users, left = Users(installation.database), most
    while left is None or left > 0:
        size = _PAGE if left is None else min(left, _PAGE)
        page = list(await users.list(size, after=after, prefix=prefix, groups=groups, enabled=enabled))
        if page:
            yield page
        if len(page) < size:
            return
        after, left = listed_name(page[-1], prefix), None if left is None else left - size


def new_user(
    installation: Installation,
    username: str,
    *,
    email: str | None = None,
    email_verified: bool = False,
    claims: Mapping[str, object] | None = None,
) -> User:
    """A user who is not stored yet."""
    now = installation.clock()
    return User(
        subject=uuid4(),
        username=username,
        email=email,
        email_verified=email_verified,
        enabled=True,
        valid_since=now,
        updated_at=now,
        claims=dict(claims or {}),
    )


def password_hash_for(installation: Installation, user: User, password: str) -> str:
    """The hash of a password for this user. Raises ``Refused`` where the password will not do."""
    names = tuple(filter(None, (user.username, user.email)))
    return hash_password(password, names, installation.settings)


async def create_user(installation: Installation, user: User, password_hash: str | None) -> None:
    """Store a user, who signs in by nothing yet where there is no hash.

    Raises ``Refused`` for a name that cannot be signed in with, and for attributes beyond a bound.
    """
    require_bounded(user.claims)
    with installation.audited("user.created", subject=user.sub):
        try:
            await Users(installation.database).create(user, password_hash)
        except ValueError as error:
            raise Refused(f"{error}: {_LOGIN_NAME}") from error


async def update_user(
    installation: Installation, user: User, removed: Iterable[str], claims: Mapping[str, object]
) -> None:
    """Store what is known of a user. Claims in ``claims`` are set, ``removed`` ones go, and the others stay.

    Sessions and grants go on. Raises ``Refused`` as ``create_user`` does.
    """
    removed = tuple(removed)
    require_bounded({name: value for name, value in user.claims.items() if name not in removed} | dict(claims))
    with installation.audited("user.updated", subject=user.sub):
        try:
            await Users(installation.database).update(user, installation.clock(), removed, claims)
        except ValueError as error:
            raise Refused(f"{error}: {_LOGIN_NAME}") from error


async def set_password(installation: Installation, subject: UUID, password_hash: str, publish: Publish) -> None:
    """Give the user another password, and end every session and grant. Raises ``NotFound``."""
    with installation.audited("user.password_set", subject=str(subject)):
        ended = await UserLifecycle(installation.database).set_password(subject, password_hash, installation.clock())
        if ended is None:
            raise NotFound("user", subject)
        await publish(ended)


async def disable_user(installation: Installation, subject: UUID, publish: Publish) -> None:
    """Refuse the user, and end every session and grant. Raises ``NotFound``."""
    with installation.audited("user.disabled", subject=str(subject)):
        await _disable(installation, subject, publish)


async def enable_user(installation: Installation, subject: UUID) -> None:
    """Accept a disabled user again. What has ended stays ended."""
    with installation.audited("user.enabled", subject=str(subject)):
        await UserLifecycle(installation.database).enable(subject, installation.clock())


async def delete_user(installation: Installation, subject: UUID, publish: Publish) -> None:
    """Forget the user, once Redis knows that the user has ended. Raises ``NotFound``."""
    with installation.audited("user.deleted", subject=str(subject)):
        await _disable(installation, subject, publish)
        ended = await UserLifecycle(installation.database).delete(subject, installation.clock())
        await publish(ended or ())


async def unlock_user(installation: Installation, user: User) -> list[Forgotten]:
    """Forget wrong passwords and codes counted against a user, under every name; what addresses have spent stays."""
    from valetkey.storage.redis.limits.login_attempts import LoginAttempts, account_of_user, second_factor_of

    async with installation.redis() as redis:
        attempts = LoginAttempts.from_settings(installation.settings, redis)
        with installation.audited("user.unlocked", subject=user.sub):
            passwords = await attempts.forget(_login_names(user), account_of_user(user.subject))
            second = second_factor_of(user.subject)
            *_, codes = await attempts.forget([second], second)
            return [*passwords, replace(codes, budget="second_factor")]


async def _disable(installation: Installation, subject: UUID, publish: Publish) -> None:
    ended = await UserLifecycle(installation.database).disable(subject, installation.clock())
    if ended is None:
        raise NotFound("user", subject)
    await publish(ended)


def _login_names(user: User) -> list[str]:
    """Every name that the user may sign in with, in the one spelling under which it is looked up and counted."""
    names = (normalize_login_name(name) for name in (user.username, user.email) if name is not None)
    return list(dict.fromkeys(name for name in names if name is not None))
