"""Users by what an operator types: user name, e-mail address or subject."""

from __future__ import annotations

from uuid import UUID

from valetkey.cli.failure import NotFound
from valetkey.core.authentication.user import User, normalize_login_name
from valetkey.storage.postgres.database.statement import Executor
from valetkey.storage.postgres.tables.users import Users

LIST_COLUMNS = ("username", "email", "enabled", "subject")


async def get_user(database: Executor, name: str) -> User:
    """The user; ``NotFound`` if there is none. A name wins over a subject that is spelled the same."""
    users = Users(database)
    found = await users.find_by_login_name(name)
    if found is not None:
        return found[0]
    try:
        user = await users.find_by_subject(UUID(name))
    except ValueError:
        user = None
    if user is None:
        raise NotFound(f"There is no user {name}; `valetkey user list` lists them.")
    return user


def login_names(user: User) -> list[str]:
    """Every name that the user may sign in with, in the one spelling under which it is looked up and counted."""
    names = (normalize_login_name(name) for name in (user.username, user.email) if name is not None)
    return list(dict.fromkeys(name for name in names if name is not None))


def user_record(user: User) -> dict[str, object]:
    """Everything an operator may know; nothing of the password."""
    return {
        "subject": user.subject,
        "username": user.username,
        "email": user.email,
        "email_verified": user.email_verified,
        "claims": user.claims,
        "enabled": user.enabled,
        "valid_since": user.valid_since,
        "updated_at": user.updated_at,
    }
