"""Revocations: which tokens one record revokes. RFC 7009.

One record kills one token, one authorization, or whatever was made before the present epoch of one client, of one
subject, or of the installation.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from valetkey.core.authentication.subject import subject_key
from valetkey.core.clock_tolerance import CLOCK_TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from valetkey.core.oauth.access_token import AccessToken

# A record is kept this much longer than it says. Three clocks take part in its life: of the replica that made the
# token, of the process that revokes, and of the one that sweeps. And a token that was on its way when its authorization
# was revoked is signed a moment later.
REVOCATION_MARGIN = 2 * CLOCK_TOLERANCE


class RevocationKind(StrEnum):
    """What the target of a revocation names."""

    TOKEN = "token"  # noqa: S105 - a kind, not a secret
    AUTHORIZATION = "authorization"
    CLIENT = "client"
    SUBJECT = "subject"


class RevocationTarget(NamedTuple):
    """One thing that can be revoked: a ``jti``, an authorization id, a ``client_id`` or a user's UUID."""

    kind: RevocationKind
    target: str


@dataclass(frozen=True, slots=True)
class Revocation:
    """A target, when it was revoked, and when every token it revokes has expired. UTC, milliseconds.

    ``epoch`` is the present one of a client, a subject or the installation. Release 0.1.0 writes none.
    """

    target: RevocationTarget
    revoked_at: datetime
    expires_at: datetime
    epoch: int | None = None


# No client has this for its client_id. Of a kind that every release knows, so that older ones can keep it.
_EVERYTHING = RevocationTarget(RevocationKind.CLIENT, "*")


def token_target(jti: str) -> RevocationTarget:
    """One access token."""
    return RevocationTarget(RevocationKind.TOKEN, jti)


def authorization_target(authorization_id: UUID) -> RevocationTarget:
    """Every token of one authorization."""
    return RevocationTarget(RevocationKind.AUTHORIZATION, str(authorization_id))


def client_target(client_id: str) -> RevocationTarget:
    """Every token issued to a client before its present epoch."""
    return RevocationTarget(RevocationKind.CLIENT, client_id)


def subject_target(sub: str) -> RevocationTarget:
    """Every token issued for the user whom tokens call ``sub`` before the user's present epoch."""
    return RevocationTarget(RevocationKind.SUBJECT, subject_key(sub))


def everything_target() -> RevocationTarget:
    """Every token issued before the present epoch of the installation."""
    return _EVERYTHING


def targets_of(token: AccessToken) -> tuple[RevocationTarget, ...]:
    """Every target whose revocation would revoke this access token: what introspection asks for, in one read."""
    token_id = token.token_id
    targets = (
        token_target(str(token_id)),
        authorization_target(token_id.authorization_id),
        client_target(token.client_id),
        _EVERYTHING,
    )
    # The token of a client that acts for itself has no user, even if a user's subject equals its client_id.
    return (*targets, subject_target(token.subject)) if token.has_user else targets


def is_revoked(token: AccessToken, revocations: Iterable[Revocation]) -> bool:
    """Whether one of the revocations found for a token revokes it."""
    return any(_kills(revocation, token) for revocation in revocations)


def _kills(revocation: Revocation, token: AccessToken) -> bool:
    kind = revocation.target.kind
    if kind in (RevocationKind.TOKEN, RevocationKind.AUTHORIZATION):
        return True
    carried = _epoch_of(token, revocation.target)
    if carried is None or revocation.epoch is None:
        # One of the two was made by release 0.1.0.
        return token.token_id.issued_at <= revocation.revoked_at
    # A token may be of a later epoch than a record: the one that a later ending is about to write.
    return carried < revocation.epoch


def _epoch_of(token: AccessToken, target: RevocationTarget) -> int | None:
    epochs = token.epochs
    if epochs is None:
        return None
    if target == _EVERYTHING:
        return epochs.installation
    return epochs.client if target.kind is RevocationKind.CLIENT else epochs.user
