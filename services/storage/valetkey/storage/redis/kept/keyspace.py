"""Every key there is in Redis: its pattern, what it holds and for how long, in one table.

Each kind of thing has a prefix of its own, so that a value of one kind can never be looked up as another. No key
holds a code, a token or anything else that would be worth stealing. What is sealed opens under its own key alone
(``valetkey.core.sealed_value``), unless VALETKEY_SEALING_KEYS says ``plain``.
"""

import hashlib
from dataclasses import dataclass
from typing import NewType
from uuid import UUID

from valetkey.core.oauth.authorization_code import code_digest
from valetkey.core.oauth.revocation import RevocationTarget

CodeKey = NewType("CodeKey", str)
InteractionKey = NewType("InteractionKey", str)
RevocationKey = NewType("RevocationKey", str)


@dataclass(frozen=True, slots=True)
class KeyPattern:
    """One kind of key. ``{...}`` in a key decides which node of a cluster holds it."""

    prefix: str
    name: str
    holds: str
    lives: str


CODE = KeyPattern(
    "vk:code:",
    "{SHA-256 of the code, hex}",
    "F(resh) or S(pent), 32 bytes of holder binding, 32 of redirect URI digest; sealed: AuthorizationCode message",
    "the code lifetime; once spent, as much longer as an access token lives",
)
CODE_COUNTS = KeyPattern(
    "vk:codes:",
    "{subject}:user, {subject}:session:<its id>, {subject}:client:<its uid>",
    "how many codes the user has been given, in this session, for this client",
    "the code lifetime, from the first",
)
INTERACTION = KeyPattern(
    "vk:interaction:",
    "{SHA-256 of the interaction id, hex}",
    "sealed: Interaction message; empty once it has been taken",
    "the login lifetime, counted from its creation",
)
REVOCATION = KeyPattern(
    "vk:{rev}:",
    "<kind>:<target>",
    "8 bytes of revoked_at, big-endian, for comparing; Revocation message",
    "until nothing it kills can be alive, and a minute of clock skew",
)
REVOCATIONS_LOADED = KeyPattern(
    "vk:{rev}:loaded",
    "",
    "the identity of the server that all revocations were loaded into; or loading:<uuid>",
    "as long as the server process; while loading, a lease of seconds",
)
LOGIN_ATTEMPTS = KeyPattern(
    "vk:attempts",
    ":<budget>/<digest of address, name, account, or account and device>",
    "how many passwords were tried within a window",
    "its window",
)
RATE_LIMITS = KeyPattern(
    "vk:limits",
    ":<limit>/<digest of address or client_id>/...",
    "a counter of rate-limit windows",
    "its window",
)
CLIENT_RATES = KeyPattern(
    "vk:{rate}:",
    "<service>:<number of the window>:<digest of client_id>",
    "how many requests of the client every replica has reported",
    "twice its window",
)

KEYSPACE = (CODE, CODE_COUNTS, INTERACTION, REVOCATION, REVOCATIONS_LOADED, LOGIN_ATTEMPTS, RATE_LIMITS, CLIENT_RATES)


def code_key(value: str) -> CodeKey:
    """Where an authorization code is kept."""
    return CodeKey(f"{CODE.prefix}{{{code_digest(value)}}}")


def code_count_keys(subject: UUID, session_id: UUID, client_uid: UUID) -> tuple[str, str, str]:
    """Where codes are counted: of the user at this client, of the session, of the user. One node has all three."""
    owner = f"{CODE_COUNTS.prefix}{{{subject.hex}}}"
    return f"{owner}:client:{client_uid.hex}", f"{owner}:session:{session_id.hex}", f"{owner}:user"


def interaction_key(interaction_id: str) -> InteractionKey:
    """Where an interaction is kept."""
    return InteractionKey(f"{INTERACTION.prefix}{{{hashlib.sha256(interaction_id.encode()).hexdigest()}}}")


def revocation_key(target: RevocationTarget) -> RevocationKey:
    """Where the revocation of a target is kept."""
    return RevocationKey(f"{REVOCATION.prefix}{target.kind}:{target.target}")
