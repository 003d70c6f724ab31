"""Text that would control a terminal, hide itself, or look like other text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

BIDIRECTIONAL = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff\U000e0041"
CONTROLS = "\x07\x08\t\r\n\x0b\x0c\x1b[2J\x1b]0;title\x07\x7f\x85\x9b31m"
LINE_BREAKS = "\u2028\u2029"
# What PostgreSQL can keep: everything but NUL and halves of characters.
STORABLE = f"ada{CONTROLS}{LINE_BREAKS}{BIDIRECTIONAL}{INVISIBLE}valetkey: all is well"
HALVES = "\udcff\ud800"
HOSTILE = f"{STORABLE}\0{HALVES}"


def hidden_in(printed: str) -> set[str]:
    """The unprintable characters in what was printed, line breaks apart."""
    return {character for character in printed if not character.isprintable() and character != "\n"}


def write_hostile_exports(folder: Path) -> None:
    """Users of other systems, as JSON Lines and as JSON that is an export of each of them."""
    user = {"username": STORABLE, "groups": [STORABLE], STORABLE: STORABLE, "credentials": [{"type": STORABLE}]}
    (folder / "hostile.jsonl").write_text(f"{json.dumps(user)}\n{STORABLE}\n")
    group = {"name": "made", "path": "/made", STORABLE: STORABLE}
    export = {"groups": [group], "users": [user], "items": [user], "results": [user]}
    (folder / "hostile.json").write_text(json.dumps(export))


# Rows of which every text is hostile: $1 the text, $2 the client_id, $3 the subject, $4 the session_id.
PLANTED = [
    """
    INSERT INTO clients (uid, client_id, client_name, token_endpoint_auth_method, grant_types, redirect_uris,
        post_logout_redirect_uris, scope, resources, resource, id_token_signed_response_alg, client_uri, policy_uri,
        tos_uri, enabled, managed_by, created_at, updated_at)
    VALUES (gen_random_uuid(), $2, $1, 'client_secret_basic', ARRAY[$1], ARRAY[$1], ARRAY[$1, $1], ARRAY[$1],
        ARRAY[$1], $1, $1, $1, $1, $1, TRUE, $1, now(), now())
    """,
    "INSERT INTO scopes (name, description, resource) VALUES ($1, $1, $1)",
    """
    INSERT INTO users (subject, username, email, email_verified, claims, password_hash, enabled, valid_since,
        created_at, updated_at)
    VALUES ($3, $1, $1, TRUE, jsonb_build_object($1, $1, 'name', $1, 'address', jsonb_build_object($1, $1)), $1, TRUE,
        now(), now(), now())
    """,
    "INSERT INTO login_names (name_key, subject) VALUES ('ada', $3)",
    """
    INSERT INTO sessions (session_id, secret_digest, subject, auth_time, acr, amr, created_at, used_at,
        idle_expires_at, expires_at)
    VALUES ($4, '\\x01', $3, now(), $1, ARRAY[$1], now(), now(), now() + interval '1 hour', now() + interval '1 hour')
    """,
    """
    INSERT INTO consents (subject, client_uid, scope, resources, claims, is_given, updated_at)
    SELECT $3, uid, ARRAY[$1], ARRAY[$1], ARRAY[$1], TRUE, now() FROM clients
    """,
    """
    INSERT INTO signing_keys (kid, alg, state, jwk, sealed_private, key_encryption_key_id, created_at, activated_at)
    VALUES ($1, 'ES256', 'active', jsonb_build_object('kid', $1, $1, $1), '\\x01', $1, now() - interval '1 year',
        now() - interval '1 year'),
        ($1 || 'next', 'ES256', 'prepared', jsonb_build_object('kid', $1), '\\x01', $1, now() - interval '1 year', NULL)
    """,
    """
    INSERT INTO groups (name, display_name, description, managed_by, created_at, updated_at)
    VALUES ($1, $1, $1, $1, now(), now()), ('staff', $1, $1, NULL, now(), now())
    """,
    "INSERT INTO group_members (subject, group_name) VALUES ($3, $1)",
    "INSERT INTO group_nesting (child, parent) VALUES ($1, 'staff')",
    "INSERT INTO user_attributes (name, type, claim, scope, managed_by) VALUES ($1, 'string', $1, 'profile', $1)",
    """
    INSERT INTO key_observations (replica_id, service, kids, serving_since, seen_at)
    VALUES ($1, $1, ARRAY[$1], now(), now())
    """,
]
