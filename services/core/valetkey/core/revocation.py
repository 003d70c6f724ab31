"""Revocations: what one record kills. RFC 7009.

One record kills one token, one authorization, or everything issued before a moment to one client, for one subject, or
at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from valetkey.core.access_token import TokenId

# A record is kept this much longer than it says: the clock of whoever revoked may be behind that of the issuer, and a
# token that was on its way when its authorization was revoked is signed a moment later.
REVOCATION_MARGIN = timedelta(minutes=1)


class RevocationKind(StrEnum):
    """What the target of a revocation names."""

    TOKEN = "token"  # noqa: S105 - a kind, not a secret
    AUTHORIZATION = "authorization"
    CLIENT = "client"
    SUBJECT = "subject"


class RevocationTarget(NamedTuple):
    """One thing that can be revoked: a ``jti``, an authorization id, a ``client_id`` or a ``sub``."""

    kind: RevocationKind
    target: str


@dataclass(frozen=True, slots=True)
class Revocation:
    """A target, the moment it died, and when nothing it kills can be alive any more. UTC, milliseconds."""

    target: RevocationTarget
    revoked_at: datetime
    expires_at: datetime


# No client has this for its client_id. Of a kind that every release knows, so that older ones can keep it.
_EVERYTHING = RevocationTarget(RevocationKind.CLIENT, "*")


def token_target(jti: str) -> RevocationTarget:
    """One access token."""
    return RevocationTarget(RevocationKind.TOKEN, jti)


def authorization_target(authorization_id: UUID) -> RevocationTarget:
    """Every token of one authorization."""
    return RevocationTarget(RevocationKind.AUTHORIZATION, str(authorization_id))


def client_target(client_id: str) -> RevocationTarget:
    """Every token issued to a client until now."""
    return RevocationTarget(RevocationKind.CLIENT, client_id)


def subject_target(subject: str) -> RevocationTarget:
    """Every token issued for a user until now."""
    return RevocationTarget(RevocationKind.SUBJECT, subject)


def everything_target() -> RevocationTarget:
    """Every token issued until now."""
    return _EVERYTHING


def targets_of(token_id: TokenId, client_id: str, subject: str) -> tuple[RevocationTarget, ...]:
    """Everything whose revocation would kill this access token: what introspection asks for, in one read."""
    return (
        token_target(str(token_id)),
        authorization_target(token_id.authorization_id),
        client_target(client_id),
        subject_target(subject),
        _EVERYTHING,
    )


def is_revoked(issued_at: datetime, revocations: Iterable[Revocation]) -> bool:
    """Whether one of the revocations found for a token kills it."""
    return any(
        revocation.target.kind in (RevocationKind.TOKEN, RevocationKind.AUTHORIZATION)
        or issued_at <= revocation.revoked_at
        for revocation in revocations
    )
