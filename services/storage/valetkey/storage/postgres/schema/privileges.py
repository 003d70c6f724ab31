"""What each role may do with each table in this release: what its service does, and nothing else.

`valetkey migrate up` grants them. While two releases overlap both work under these, so what a release no longer needs
goes with the one after it. Only its owner may use a table that is not named here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Columns = tuple[str, ...]
WHOLE: Columns = ()
Privileges = Mapping[str, Columns]

_READ: Privileges = {"SELECT": WHOLE}
_EVERYTHING: Privileges = dict.fromkeys(("SELECT", "INSERT", "UPDATE", "DELETE"), WHOLE)
# Who may not see a password's hash sees these.
_USER_COLUMNS = (
    *(
        "subject",
        "username",
        "email",
        "email_verified",
        "claims",
        "enabled",
        "valid_since",
        "updated_at",
        "epoch",
        "sub",
    ),
)
# A role that reads users reads the names of their groups with them.
_GROUPS_OF_USERS: Mapping[str, Privileges] = {"group_members": _READ, "group_nesting": _READ}
# PostgreSQL lets a role lock a row only if it may update one of its columns: this column decides nothing.
_LOCK_USERS = _LOCK_CLIENTS = _LOCK_CONSENTS = ("updated_at",)
_LOCK_SESSIONS = ("used_at",)
# Whose consent it is and for whom stays what it was.
_WITHDRAWAL = ("scope", "resources", "claims", "is_given", "updated_at", "withdrawn_at", "epoch")

# Every server reads clients and their secrets' digests, verifies with the public keys, and reports which it holds.
_SERVER: Mapping[str, Privileges] = {
    "alembic_version": _READ,
    "installation": _READ,
    "clients": _READ,
    "client_secrets": _READ,
    "scopes": _READ,
    "user_attributes": _READ,
    "groups": {"SELECT": ("name", "required_acr")},
    "published_jwk_set": _READ,
    "key_observations": _EVERYTHING,
}
_KEYS: Mapping[str, Privileges] = {
    "alembic_version": _READ,
    "signing_keys": _EVERYTHING,
    "published_jwk_set": {"SELECT": WHOLE, "INSERT": WHOLE, "UPDATE": WHOLE},
    "key_observations": _READ,
}

_SERVICES: Mapping[str, Mapping[str, Privileges]] = {
    "valetkey_authorize": {
        **_SERVER,
        **_GROUPS_OF_USERS,
        "users": {"SELECT": WHOLE, "UPDATE": ("password_hash",)},
        "login_names": _READ,
        "credentials": _EVERYTHING,
        "sessions": _EVERYTHING,
        "consents": {"SELECT": WHOLE, "INSERT": WHOLE, "UPDATE": WHOLE},
        "authorizations": {
            "SELECT": ("id", "session_id", "bound_to_session", "expires_at", "revoked_at"),
            "UPDATE": ("revoked_at",),
        },
        "revocations": {"SELECT": WHOLE, "INSERT": WHOLE, "UPDATE": WHOLE},
    },
    "valetkey_token": {
        **_SERVER,
        "clients": {"SELECT": WHOLE, "UPDATE": _LOCK_CLIENTS},
        **_GROUPS_OF_USERS,
        "users": {"SELECT": _USER_COLUMNS, "UPDATE": _LOCK_USERS},
        "sessions": {
            "SELECT": ("session_id", "subject", "idle_expires_at", "expires_at"),
            "UPDATE": _LOCK_SESSIONS,
        },
        "consents": {"SELECT": ("subject", "client_uid", "withdrawn_at", "epoch"), "UPDATE": _LOCK_CONSENTS},
        "authorizations": {
            "SELECT": WHOLE,
            "INSERT": WHOLE,
            "UPDATE": (
                *("generation", "rotated_at", "idle_expires_at", "revoked_at"),
                *("installation_epoch", "client_epoch", "user_epoch"),
            ),
            "DELETE": WHOLE,
        },
        "revocations": _EVERYTHING,
        "signing_keys": _READ,
    },
    "valetkey_introspection": {
        **_SERVER,
        **_GROUPS_OF_USERS,
        "users": {"SELECT": _USER_COLUMNS},
        "revocations": _READ,
    },
}


def _together(roles: Iterable[Mapping[str, Privileges]]) -> Mapping[str, Privileges]:
    """What any of these may do. A privilege on some columns is part of that on the whole table."""
    may: dict[str, dict[str, Columns]] = {}
    for role in roles:
        for table, privileges in role.items():
            for privilege, columns in privileges.items():
                before = may.setdefault(table, {}).get(privilege, columns)
                is_whole = WHOLE in {before, columns}
                may[table][privilege] = WHOLE if is_whole else tuple(dict.fromkeys((*before, *columns)))
    return may


ROLES: Mapping[str, Mapping[str, Privileges]] = {
    **_SERVICES,
    # One process that is every service, so that one role for it hides nothing: it would hold three passwords.
    "valetkey_compact": _together(_SERVICES.values()),
    "valetkey_key_rotation": _KEYS,
    "valetkey_operator": {
        **_KEYS,
        "installation": {"SELECT": WHOLE, "UPDATE": ("epoch",)},
        "clients": _EVERYTHING,
        "client_secrets": _EVERYTHING,
        "scopes": _EVERYTHING,
        "user_attributes": _EVERYTHING,
        "users": _EVERYTHING,
        "groups": _EVERYTHING,
        "group_members": _EVERYTHING,
        "group_nesting": _EVERYTHING,
        "credentials": {"SELECT": WHOLE, "DELETE": WHOLE},
        "login_names": {"SELECT": WHOLE, "INSERT": WHOLE, "DELETE": WHOLE},
        "token_subjects": {"SELECT": WHOLE, "INSERT": WHOLE, "DELETE": WHOLE},
        "sessions": {"SELECT": WHOLE, "DELETE": WHOLE},
        "consents": {"SELECT": WHOLE, "INSERT": WHOLE, "UPDATE": _WITHDRAWAL},
        "authorizations": {"SELECT": WHOLE, "UPDATE": ("revoked_at",)},
        "revocations": _EVERYTHING,
    },
}
