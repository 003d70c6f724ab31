"""Browser sessions. A session is its row: logging out deletes it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, Self, cast
from uuid import UUID

from asyncpg import Record

from valetkey.core.authentication.session import Session, SignedIn
from valetkey.core.oauth.consent import KeptConsent
from valetkey.core.oauth.revocation import Revocation
from valetkey.storage.batches import Batches
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Executor, Statement
from valetkey.storage.postgres.tables.revocation_lifetime import REVOCATION_LIFETIME
from valetkey.storage.postgres.tables.revocations import Publish
from valetkey.storage.postgres.tables.rows import (
    consent_from,
    factors_text,
    floor_to_millisecond,
    revocation_from,
    session_from,
)
from valetkey.storage.postgres.tables.session_list import (
    FIRST_PLACE,
    SessionPlace,
    SessionSummary,
    find_place,
    find_summary,
    list_sessions,
)

if TYPE_CHECKING:
    from valetkey.runtime.settings.settings import Settings

# Nothing is created if the user's sessions were ended since the login began: by disabling the user, by a new password,
# or with all others. Of a user's sessions, the one used longest ago makes room.
_CREATE = Statement(
    "sessions.create",
    """
    WITH swept AS (
        DELETE FROM sessions WHERE session_id IN (
            SELECT session_id FROM sessions WHERE expires_at <= $8 ORDER BY expires_at LIMIT 10 FOR UPDATE SKIP LOCKED
        )
    ), resource_owner AS MATERIALIZED (
        SELECT subject, users.epoch AS user_epoch, installation.epoch AS installation_epoch
        FROM users, installation
        WHERE subject = $3 AND enabled AND users.epoch = $11 AND installation.id = 1 AND installation.epoch = $12
        FOR SHARE OF users
    ), created AS (
        INSERT INTO sessions (
            session_id, secret_digest, subject, auth_time, acr, amr, created_at, used_at, idle_expires_at, expires_at,
            installation_epoch, user_epoch, factors, device, address, is_kept
        )
        SELECT $1::uuid, $2::bytea, subject, $4::timestamptz, $5::text, $6::text[], $7::timestamptz, $8::timestamptz,
            $9::timestamptz, $10::timestamptz, installation_epoch, user_epoch, $14::text[],
            $15::text, $16::text, $17::boolean
        FROM resource_owner
        RETURNING subject
    )
    SELECT ARRAY(
        SELECT session_id FROM sessions WHERE sessions.subject = created.subject AND expires_at > $8
        ORDER BY used_at DESC OFFSET $13::integer - 1
    ) AS crowded_out FROM created
    """,
)
_RENEW = Statement(
    "sessions.renew",
    """
    WITH resource_owner AS MATERIALIZED (
        SELECT subject, users.epoch AS user_epoch, installation.epoch AS installation_epoch
        FROM users, installation
        WHERE subject = $3 AND enabled AND users.epoch = $9 AND installation.id = 1 AND installation.epoch = $10
        FOR SHARE OF users
    )
    UPDATE sessions AS s
    SET secret_digest = $2, auth_time = $4, acr = $5, amr = $6, used_at = $11, idle_expires_at = $7, expires_at = $8,
        installation_epoch = o.installation_epoch, user_epoch = o.user_epoch, factors = $12::text[],
        device = COALESCE($13::text, s.device), address = COALESCE($14::text, s.address),
        is_kept = $15::boolean
    FROM resource_owner AS o
    WHERE s.session_id = $1 AND s.subject = o.subject
    RETURNING s.session_id
    """,
)
_FIND_ID = Statement("sessions.find_id", "SELECT session_id FROM sessions WHERE secret_digest = $1")
# Noting a use is not worth waiting for a row lock.
_FIND = Statement(
    "sessions.find",
    """
    WITH used AS (
        UPDATE sessions SET used_at = $2,
            idle_expires_at = least(
                $2::timestamptz + CASE WHEN is_kept THEN $6::interval ELSE $3::interval END, expires_at
            )
        WHERE session_id IN (
            SELECT session_id FROM sessions
            WHERE secret_digest = ANY ($1::bytea[]) AND used_at <= $2::timestamptz - $4::interval
                AND idle_expires_at > $2 AND expires_at > $2
            FOR NO KEY UPDATE SKIP LOCKED
        )
    )
    SELECT s.secret_digest, s.session_id, s.auth_time, s.factors, s.is_kept, u.subject, u.username, u.email,
        u.email_verified, u.claims AS user_claims, u.enabled AS user_enabled, u.valid_since,
        u.updated_at AS user_updated_at, u.epoch AS user_epoch, i.epoch AS installation_epoch,
        groups_of(u.subject) AS user_groups, u.sub, asked.client_uid, k.scope AS consent_scope,
        k.resources AS consent_resources, k.claims AS consent_claims, k.epoch AS consent_epoch
    FROM unnest($1::bytea[], $5::uuid[]) AS asked (secret_digest, client_uid)
        JOIN sessions AS s ON s.secret_digest = asked.secret_digest JOIN users AS u ON u.subject = s.subject
        JOIN installation AS i ON i.id = 1
        LEFT JOIN consents AS k ON k.subject = s.subject AND k.client_uid = asked.client_uid AND k.is_given
    WHERE s.idle_expires_at > $2 AND s.expires_at > $2 AND u.enabled
        AND CASE WHEN s.user_epoch IS NULL THEN u.valid_since <= s.auth_time
            ELSE s.user_epoch = u.epoch AND s.installation_epoch = i.epoch END
    """,
)
_FIND_SUBJECT = Statement(
    "sessions.find_subject",
    """
    SELECT s.subject FROM sessions AS s JOIN users AS u ON u.subject = s.subject JOIN installation AS i ON i.id = 1
    WHERE s.session_id = $1 AND s.idle_expires_at > $2 AND s.expires_at > $2 AND u.enabled
        AND CASE WHEN s.user_epoch IS NULL THEN u.valid_since <= s.auth_time
            ELSE s.user_epoch = u.epoch AND s.installation_epoch = i.epoch END
    """,
)
_DELETE = Statement("sessions.delete", "DELETE FROM sessions WHERE session_id = $1 RETURNING session_id")
_END_AUTHORIZATIONS = Statement(
    "sessions.end_authorizations",
    """
    WITH ended AS (
        UPDATE authorizations SET revoked_at = $2
        WHERE session_id = $1 AND bound_to_session AND revoked_at IS NULL AND expires_at > $2 RETURNING id
    )
    INSERT INTO revocations AS r (kind, target, revoked_at, expires_at)
    SELECT 'authorization', id::text, $2, $3::timestamptz FROM ended ORDER BY id
    ON CONFLICT (kind, target) DO UPDATE
    SET revoked_at = greatest(r.revoked_at, excluded.revoked_at),
        expires_at = greatest(r.expires_at, excluded.expires_at)
    RETURNING kind, target, revoked_at, expires_at, epoch
    """,
)


class _Use(NamedTuple):
    """A session by its secret, asked for by a client or by a page of ours."""

    secret_digest: bytes
    client_uid: UUID | None
    now: datetime


_NOWHERE = (None, None)


class Sessions:
    """Browser sessions, by the secret in the browser's cookie.

    ``idle_lifetime`` is how long one may be unused, ``kept_idle_lifetime`` the same of one that stays when the browser
    is closed, ``lifetime`` how long any of them lives. ``most`` is how many a user may have. ``publish`` takes the
    revocations that ending a session has stored here to where introspection looks first.
    """

    @classmethod
    def from_settings(cls, settings: Settings, database: Database, publish: Publish) -> Self:
        """Those of an installation."""
        return cls(
            database,
            publish,
            idle_lifetime=timedelta(seconds=settings.session_idle_lifetime),
            kept_idle_lifetime=timedelta(seconds=settings.kept_idle_lifetime),
            lifetime=timedelta(seconds=settings.session_lifetime),
            most=settings.sessions_per_user,
        )

    def __init__(
        self,
        database: Database,
        publish: Publish,
        *,
        idle_lifetime: timedelta,
        kept_idle_lifetime: timedelta,
        lifetime: timedelta,
        most: int,
    ) -> None:
        self._database = database
        self._publish = publish
        self._most = most
        self._idle_lifetime = idle_lifetime
        self._kept_idle_lifetime = kept_idle_lifetime
        self._lifetime = lifetime
        # Noting every use would write a row for every page; so short a lifetime needs a finer note.
        self._note_interval = min(timedelta(minutes=1), idle_lifetime / 10, kept_idle_lifetime / 10)
        self._uses: Batches[_Use, SignedIn | None] = Batches(self._find)

    async def create(self, secret: str, session: Session, replaced: str | None) -> bool:
        """Begin a session under a new secret; the one it replaces in this browser ends. Only digests are stored.

        It lives from the first proof on. False, and nothing is stored, where the user has ended since ``session.user``
        was read.
        """
        revocations: Sequence[Revocation] = ()
        if replaced is None:
            row = await self._insert(self._database, secret, session)
        else:
            async with self._database.transaction("sessions.create") as transaction:
                # Every transaction locks the user before the user's sessions, consents and grants.
                row = await self._insert(transaction, secret, session)
                if row is not None:
                    revocations = await _end_replaced(transaction, replaced, session.last_proof)
        if row is None:
            return False
        if revocations:
            await self._publish(revocations)
        for session_id in row["crowded_out"]:
            await self.end(session_id, session.last_proof)
        return True

    async def renew(self, secret: str, session: Session) -> bool:
        """Let a session go on under a new secret after another login, with everything that is bound to it.

        False, and nothing changes, where it has ended meanwhile, or its user has: what has ended never goes on.
        """
        renewed = await self._database.fetch_row(
            _RENEW,
            session.session_id,
            _digest(secret),
            session.user.subject,
            *_strength(session),
            *self._ends(session),
            session.user.epoch,
            session.user.installation_epoch,
            session.last_proof,
            factors_text(session.factors),
            *(session.origin or _NOWHERE),
            session.is_kept,
        )
        return renewed is not None

    async def find(self, secret: str, now: datetime) -> Session | None:
        """The live session of a user who has not ended since it began, or None. Notes its use."""
        found = await self._uses.ask(_Use(_digest(secret), None, now))
        return None if found is None else found.session

    async def find_signed_in(self, secret: str, client_uid: UUID, now: datetime) -> SignedIn | None:
        """The same with what the user has agreed to for this client, unless it was withdrawn: one statement."""
        return await self._uses.ask(_Use(_digest(secret), client_uid, now))

    async def find_subject(self, session_id: UUID, now: datetime) -> UUID | None:
        """Whose live session this is, None where there is none of this id. Notes no use."""
        row = await self._database.fetch_row(_FIND_SUBJECT, session_id, now)
        return None if row is None else cast("UUID", row["subject"])

    async def end(self, session_id: UUID, now: datetime) -> bool:
        """End a session and every authorization bound to it; whether there was one."""
        async with self._database.transaction("sessions.end") as transaction:
            was_there, revocations = await _end(transaction, session_id, now)
        if revocations:
            await self._publish(revocations)
        return was_there

    async def list(
        self,
        now: datetime,
        subject: UUID | None = None,
        most: int | None = None,
        *,
        after: SessionPlace = FIRST_PLACE,
        client_uid: UUID | None = None,
    ) -> list[SessionSummary]:
        """Live sessions, of one user or of all, the oldest first: at most so many, beginning behind a place.

        ``client_uid``: only those in which something was granted to this client that it may still use.
        """
        return await list_sessions(self._database, now, subject, most, after, client_uid)

    async def find_summary(self, session_id: UUID, now: datetime) -> SessionSummary | None:
        """The live session of this id, as an operator sees it. Notes no use."""
        return await find_summary(self._database, session_id, now)

    async def find_place(self, session_id: UUID) -> SessionPlace | None:
        """Where this session stands, live or not; None where it is gone."""
        return await find_place(self._database, session_id)

    async def _insert(self, executor: Executor, secret: str, session: Session) -> Record | None:
        """``crowded_out`` are the sessions that have to make room; None if nothing was stored."""
        return await executor.fetch_row(
            _CREATE,
            session.session_id,
            _digest(secret),
            session.user.subject,
            *_strength(session),
            session.factors[0].at,
            session.last_proof,
            *self._ends(session),
            session.user.epoch,
            session.user.installation_epoch,
            self._most,
            factors_text(session.factors),
            *(session.origin or _NOWHERE),
            session.is_kept,
        )

    def _ends(self, session: Session) -> tuple[datetime, datetime]:
        """When it ends unless it is used, and in any case."""
        ends = session.strength.auth_time + self._lifetime
        idle_lifetime = self._kept_idle_lifetime if session.is_kept else self._idle_lifetime
        return min(session.last_proof + idle_lifetime, ends), ends

    async def _find(self, asked: Sequence[_Use]) -> Sequence[SignedIn | None]:
        digests, client_uids = zip(*{use[:2] for use in asked}, strict=True)
        now = max(use.now for use in asked)
        lifetimes = self._idle_lifetime, self._note_interval, client_uids, self._kept_idle_lifetime
        rows = await self._database.fetch(_FIND, digests, now, *lifetimes)
        found = {(row["secret_digest"], row["client_uid"]): _signed_in_from(row) for row in rows}
        return [found.get(use[:2]) for use in asked]


def _signed_in_from(row: Record) -> SignedIn:
    epoch = row["consent_epoch"]
    return SignedIn(session_from(row), None if epoch is None else KeptConsent(consent_from(row, "consent_"), epoch))


def _strength(session: Session) -> tuple[datetime, str, tuple[str, ...]]:
    """What a release without factors goes by: its columns ``auth_time``, ``acr`` and ``amr``."""
    strength = session.strength
    return strength.auth_time, strength.acr, strength.amr


def _digest(secret: str) -> bytes:
    """What is stored of a session's secret, which is random enough for a plain SHA-256."""
    return hashlib.sha256(secret.encode()).digest()


async def _end_replaced(transaction: Executor, secret: str, now: datetime) -> list[Revocation]:
    row = await transaction.fetch_row(_FIND_ID, _digest(secret))
    return [] if row is None else (await _end(transaction, row["session_id"], now))[1]


async def _end(transaction: Executor, session_id: UUID, now: datetime) -> tuple[bool, list[Revocation]]:
    """Whether there was such a session, and what ended with it."""
    # Deleting first waits for redemptions that are storing something bound to this session; then it can be found.
    deleted = await transaction.fetch_row(_DELETE, session_id)
    moment = floor_to_millisecond(now)
    rows = await transaction.fetch(_END_AUTHORIZATIONS, session_id, moment, moment + REVOCATION_LIFETIME)
    return deleted is not None, [revocation_from(row) for row in rows]
