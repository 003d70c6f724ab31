"""The one row of every granted authorization: inserted once, updated by each refresh, never multiplied.

Each statement says itself which rows are live, so none depends on a job that marks dead ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from asyncpg import Record

from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.core.oauth.refresh_token import RefreshState
from valetkey.core.oauth.revocation import Revocation, authorization_target
from valetkey.core.oauth.stored_authorization import GrantedAuthorization, NewAuthorization
from valetkey.storage.batches import Batches
from valetkey.storage.postgres.database.shared_statement import shown_as
from valetkey.storage.postgres.database.statement import Executor, Statement
from valetkey.storage.postgres.tables.authorization_inserts import SWEEP_PAUSE, AuthorizationInserts
from valetkey.storage.postgres.tables.revocation_lifetime import REVOCATION_LIFETIME
from valetkey.storage.postgres.tables.revocations import Publish
from valetkey.storage.postgres.tables.rows import granted_authorization_from

# Hardly ever needed, so that it is a statement apart. Rows are locked once they are found, for FOR UPDATE would lock
# those before the OFFSET too.
_CROWD_OUT = Statement(
    "authorizations.crowd_out",
    """
    WITH crowded_out AS (
        UPDATE authorizations SET revoked_at = $4 WHERE id IN (
            SELECT id FROM authorizations WHERE revoked_at IS NULL AND id IN (
                SELECT id FROM authorizations
                WHERE subject = $2 AND client_uid IS NOT DISTINCT FROM $3 AND id <> $1 AND revoked_at IS NULL
                    AND (expires_at > $4::timestamptz) IS TRUE
                ORDER BY rotated_at DESC OFFSET $5::integer - 1
            ) FOR NO KEY UPDATE SKIP LOCKED
        )
        RETURNING id, revoked_at
    ), revoked AS (
        INSERT INTO revocations AS r (kind, target, revoked_at, expires_at)
        SELECT 'authorization', id::text, revoked_at, revoked_at + $6::interval FROM crowded_out ORDER BY id
        ON CONFLICT (kind, target) DO UPDATE
        SET revoked_at = greatest(r.revoked_at, excluded.revoked_at),
            expires_at = greatest(r.expires_at, excluded.expires_at)
    )
    SELECT id FROM crowded_out
    """,
)
# What release 0.1.0 stored has no epochs and is judged by time, until the first rotation here: from then on it carries
# those it was found good with.
_ROTATE_ONE = Statement(
    "authorizations.rotate_one",
    """
    UPDATE authorizations AS a
    SET generation = a.generation + 1, rotated_at = database_clock(),
        idle_expires_at = $4 + a.idle_seconds * interval '1 second',
        installation_epoch = i.epoch, client_epoch = c.epoch, user_epoch = u.epoch
    FROM users AS u, clients AS c, installation AS i
    WHERE a.id = $1 AND a.generation = $2 AND a.client_uid = $3 AND i.id = 1
        AND a.revoked_at IS NULL AND a.expires_at > $4::timestamptz AND a.idle_expires_at > $4
        AND c.uid = a.client_uid AND c.enabled AND u.subject = a.subject AND u.enabled
        AND CASE WHEN a.client_epoch IS NULL THEN u.valid_since <= a.auth_time
            ELSE a.installation_epoch = i.epoch AND a.client_epoch = c.epoch AND a.user_epoch = u.epoch END
        AND (NOT a.bound_to_session OR EXISTS (
            SELECT FROM sessions AS s
            WHERE s.session_id = a.session_id AND s.idle_expires_at > $4 AND s.expires_at > $4
        ))
        AND NOT EXISTS (SELECT FROM revocations WHERE kind = 'authorization' AND target = a.id::text)
    RETURNING a.id, a.generation, a.session_id, a.scope, a.resources, a.userinfo_claims, a.id_token_claims,
        a.auth_time, a.acr, a.amr, u.subject, u.username, u.email, u.email_verified, u.claims AS user_claims,
        u.enabled AS user_enabled, u.valid_since, u.updated_at AS user_updated_at,
        u.epoch AS user_epoch, c.epoch AS client_epoch, i.epoch AS installation_epoch,
        groups_of(u.subject) AS user_groups, u.sub
    """,
)
# Rows that another transaction has locked are skipped, so that one of them delays no other refresh, and two batches
# never wait for each other. A skipped refresh is repeated alone.
_ROTATE = Statement(
    "authorizations.rotate",
    """
    WITH asked AS (
        SELECT * FROM unnest($1::uuid[], $2::integer[], $3::uuid[], $4::timestamptz[])
            AS asked (id, generation, client_uid, at)
    ), free AS MATERIALIZED (
        SELECT a.id FROM asked JOIN authorizations AS a ON a.id = asked.id
        WHERE a.generation = asked.generation AND a.client_uid = asked.client_uid
        FOR NO KEY UPDATE OF a SKIP LOCKED
    )
    UPDATE authorizations AS a
    SET generation = a.generation + 1, rotated_at = database_clock(),
        idle_expires_at = asked.at + a.idle_seconds * interval '1 second',
        installation_epoch = i.epoch, client_epoch = c.epoch, user_epoch = u.epoch
    FROM free, asked, users AS u, clients AS c, installation AS i
    WHERE asked.id = free.id AND a.id = free.id AND a.generation = asked.generation AND a.client_uid = asked.client_uid
        AND i.id = 1 AND a.revoked_at IS NULL AND a.expires_at > asked.at AND a.idle_expires_at > asked.at
        AND c.uid = a.client_uid AND c.enabled AND u.subject = a.subject AND u.enabled
        AND CASE WHEN a.client_epoch IS NULL THEN u.valid_since <= a.auth_time
            ELSE a.installation_epoch = i.epoch AND a.client_epoch = c.epoch AND a.user_epoch = u.epoch END
        AND (NOT a.bound_to_session OR EXISTS (
            SELECT FROM sessions AS s
            WHERE s.session_id = a.session_id AND s.idle_expires_at > asked.at AND s.expires_at > asked.at
        ))
        AND NOT EXISTS (SELECT FROM revocations WHERE kind = 'authorization' AND target = a.id::text)
    RETURNING a.id, a.generation, a.session_id, a.scope, a.resources, a.userinfo_claims, a.id_token_claims,
        a.auth_time, a.acr, a.amr, u.subject, u.username, u.email, u.email_verified, u.claims AS user_claims,
        u.enabled AS user_enabled, u.valid_since, u.updated_at AS user_updated_at,
        u.epoch AS user_epoch, c.epoch AS client_epoch, i.epoch AS installation_epoch,
        groups_of(u.subject) AS user_groups, u.sub
    """,
)
# A time that no rotation can have stands for "not handed out": rotations come before the end.
_WITHHOLD = Statement(
    "authorizations.withhold", "UPDATE authorizations SET rotated_at = expires_at WHERE id = $1 AND generation = $2"
)
_HAND_OUT = Statement(
    "authorizations.hand_out",
    "UPDATE authorizations SET rotated_at = database_clock() WHERE id = $1 AND generation = $2",
)
_FIND = Statement(
    "authorizations.find",
    """
    SELECT a.id, a.client_uid, a.generation, a.session_id, a.scope, a.resources, a.userinfo_claims, a.id_token_claims,
        a.auth_time, a.acr, a.amr, database_clock() - a.rotated_at AS since_rotation,
        a.rotated_at = a.expires_at AS is_withheld, u.subject, u.username, u.email, u.email_verified,
        u.claims AS user_claims, u.enabled AS user_enabled, u.valid_since, u.updated_at AS user_updated_at,
        u.epoch AS user_epoch, c.epoch AS client_epoch, i.epoch AS installation_epoch,
        groups_of(u.subject) AS user_groups, u.sub,
        a.revoked_at IS NULL AND a.expires_at > $2 AND a.idle_expires_at > $2 AND c.enabled AND u.enabled
        AND CASE WHEN a.client_epoch IS NULL THEN u.valid_since <= a.auth_time
            ELSE a.installation_epoch = i.epoch AND a.client_epoch = c.epoch AND a.user_epoch = u.epoch END
        AND (NOT a.bound_to_session OR EXISTS (
            SELECT FROM sessions AS s
            WHERE s.session_id = a.session_id AND s.idle_expires_at > $2 AND s.expires_at > $2
        ))
        AND NOT EXISTS (SELECT FROM revocations WHERE kind = 'authorization' AND target = a.id::text) AS is_live
    FROM authorizations AS a JOIN clients AS c ON c.uid = a.client_uid JOIN users AS u ON u.subject = a.subject
        JOIN installation AS i ON i.id = 1
    WHERE a.id = $1
    """,
)


class _Rotation(NamedTuple):
    authorization_id: UUID
    generation: int
    client_uid: UUID
    now: datetime


class Authorizations:
    """See ``valetkey.core.ports.GrantedAuthorizations``.

    ``most`` is how many live ones a user may have given to a client. ``publish`` takes the revocations of what has to
    make room to where introspection looks first.
    """

    def __init__(
        self, database: Executor, publish: Publish, *, most: int, sweep_pause: timedelta = SWEEP_PAUSE
    ) -> None:
        self._database = database
        self._publish = publish
        self._most = most
        self._inserts = AuthorizationInserts(database, most=most, pause=sweep_pause)
        self._rotations: Batches[_Rotation, GrantedAuthorization | None] = Batches(self._rotate)

    async def insert(self, new: NewAuthorization) -> GrantedAuthorization | None:
        """Store it once, ever; None if it exists, or its user, client, session or consent has ended since the code.

        What was revoked already is stored as such. What one of ``new.unconfirmed_at`` stored is taken
        over by exactly one caller, and by none after a refresh. One statement for all concurrent redemptions; another
        one ends what has to make room.
        """
        inserted = await self._inserts.insert(new)
        if inserted is None:
            return None
        if inserted.is_crowded:
            await self._crowd_out(new)
        return inserted.granted

    async def swept(self) -> None:
        """Return once what has expired is gone, as far as redemptions have made it due. Redemptions do not wait."""
        await self._inserts.swept()

    async def aclose(self) -> None:
        """Sweep no more."""
        await self._inserts.aclose()

    async def rotate(
        self, authorization_id: UUID, generation: int, client_uid: UUID, now: datetime
    ) -> GrantedAuthorization | None:
        """Move a live authorization of this client from ``generation`` to the next, for exactly one caller.

        ``now`` is for lifetimes; PostgreSQL's clock notes when it was rotated, and tells how long ago that was. One
        statement for all concurrent refreshes. RFC 9700 §4.14.2.
        """
        asked = _Rotation(authorization_id, generation, client_uid, now)
        with shown_as(_ROTATE, self._database.attributes):
            granted = await self._rotations.ask(asked)
        if granted is not None:
            return granted
        # What cannot be rotated may have been held by another refresh, which may yet fail: wait for that.
        row = await self._database.fetch_row(_ROTATE_ONE, *asked)
        return None if row is None else granted_authorization_from(row)

    async def withhold(self, authorization_id: UUID, generation: int) -> None:
        """Note that no client was given this generation; nothing where it is not the current one any more."""
        await self._database.execute(_WITHHOLD, authorization_id, generation)

    async def hand_out(self, authorization_id: UUID, generation: int) -> None:
        """Note that a client is given what was withheld. It counts as rotated now."""
        await self._database.execute(_HAND_OUT, authorization_id, generation)

    async def find_state(self, authorization_id: UUID, now: datetime) -> RefreshState | None:
        """The refresh state, for judging a presentation that did not rotate. ``now`` is for lifetimes only."""
        row = await self._find(authorization_id, now)
        if row is None:
            return None
        return RefreshState(
            row["client_uid"],
            row["generation"],
            row["since_rotation"],
            is_live=row["is_live"],
            is_withheld=row["is_withheld"],
        )

    async def find_live(self, authorization_id: UUID, client_uid: UUID, now: datetime) -> GrantedAuthorization | None:
        """The authorization as ``rotate`` would return it, unchanged, for a retry."""
        row = await self._find(authorization_id, now)
        if row is None or not row["is_live"] or row["client_uid"] != client_uid:
            return None
        return granted_authorization_from(row)

    async def _rotate(self, asked: Sequence[_Rotation]) -> Sequence[GrantedAuthorization | None]:
        # Two who present the same token are for the row's lock to part: the second one asks alone.
        first = {rotation.authorization_id: rotation for rotation in reversed(asked)}
        rows = await self._database.fetch(_ROTATE, *map(list, zip(*first.values(), strict=True)))
        rotated = {row["id"]: granted_authorization_from(row) for row in rows}
        return [
            rotated.get(rotation.authorization_id) if first[rotation.authorization_id] is rotation else None
            for rotation in asked
        ]

    async def _crowd_out(self, new: NewAuthorization) -> None:
        login, now = new.authentication, new.issued_at
        rows = await self._database.fetch(
            _CROWD_OUT,
            new.authorization_id,
            login.subject,
            new.client_uid,
            now,
            self._most,
            REVOCATION_LIFETIME,
        )
        ended = [Revocation(authorization_target(row["id"]), now, now + REVOCATION_LIFETIME) for row in rows]
        # A Redis that could not be told is not believed until it has been loaded anew, and PostgreSQL knows.
        with suppress(TemporarilyUnavailable):
            await self._publish(ended)

    async def _find(self, authorization_id: UUID, now: datetime) -> Record | None:
        return await self._database.fetch_row(_FIND, authorization_id, now)
