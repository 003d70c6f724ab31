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
# PostgreSQL lets a role lock a row only if it may update one of its columns: this column decides nothing.
_LINKS: Privileges = {"SELECT": WHOLE, "INSERT": WHOLE, "DELETE": WHOLE, "UPDATE": ("created_at",)}
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

# Who asks for a mail counts those that were asked for, and cannot read what any of them says.
_MAIL_COUNTS = ("recipient", "requester", "is_requested", "state", "created_at")
_ENQUEUE: Privileges = {"SELECT": _MAIL_COUNTS, "INSERT": WHOLE}
# What a mail is, to whom and for how long stays what it was.
_MAIL_PROGRESS = ("sealed", "state", "attempts", "last_error", "due_at", "finished_at", "lease")
_MAIL_RECORD = (
    *("id", "kind", "recipient", "requester", "is_requested", "subject", "state", "attempts", "last_error"),
    *("created_at", "due_at", "expires_at", "finished_at", "lease"),
)

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
        # A user who changes the password ends, as one who is given another; the rest is for the account page.
        "users": {
            "SELECT": WHOLE,
            "UPDATE": (
                *("password_hash", "epoch", "valid_since", "updated_at"),
                *("email", "email_verified", "email_epoch", "claims"),
            ),
            "DELETE": WHOLE,
        },
        "login_names": {"SELECT": WHOLE, "INSERT": WHOLE, "DELETE": WHOLE},
        "token_subjects": {"SELECT": WHOLE, "DELETE": WHOLE},
        "credentials": _EVERYTHING,
        "account_tokens": _LINKS,
        "sessions": _EVERYTHING,
        "consents": {"SELECT": WHOLE, "INSERT": WHOLE, "UPDATE": WHOLE},
        "authorizations": {
            "SELECT": (
                *("id", "session_id", "bound_to_session", "expires_at", "revoked_at"),
                *("subject", "client_uid", "auth_time", "created_at", "rotated_at", "idle_expires_at"),
                *("installation_epoch", "client_epoch", "user_epoch"),
            ),
            "UPDATE": ("revoked_at",),
        },
        "revocations": {"SELECT": WHOLE, "INSERT": WHOLE, "UPDATE": WHOLE},
        "mail_outbox": _ENQUEUE,
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
    "valetkey_mailer": {
        "alembic_version": _READ,
        "mail_outbox": {"SELECT": WHOLE, "UPDATE": _MAIL_PROGRESS, "DELETE": WHOLE},
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
        "account_tokens": _LINKS,
        "login_names": {"SELECT": WHOLE, "INSERT": WHOLE, "DELETE": WHOLE},
        "token_subjects": {"SELECT": WHOLE, "INSERT": WHOLE, "DELETE": WHOLE},
        "sessions": {"SELECT": WHOLE, "DELETE": WHOLE},
        "consents": {"SELECT": WHOLE, "INSERT": WHOLE, "UPDATE": _WITHDRAWAL},
        "authorizations": {"SELECT": WHOLE, "UPDATE": ("revoked_at",)},
        "revocations": _EVERYTHING,
        "mail_outbox": {"SELECT": _MAIL_RECORD, "INSERT": WHOLE, "UPDATE": ("state", "due_at", "finished_at")},
    },
}
