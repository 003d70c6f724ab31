"""The one row of every granted authorization: inserted once, updated by each refresh, never multiplied.

Each statement says itself which rows are live, so none depends on a job that marks dead ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from asyncpg import Record

from valetkey.core.oauth.authorization_code import REMEMBERED_AFTER_END
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.core.oauth.refresh_token import RefreshState
from valetkey.core.oauth.revocation import REVOCATION_MARGIN, Revocation, authorization_target
from valetkey.core.oauth.stored_authorization import GrantedAuthorization, NewAuthorization
from valetkey.storage.batches import Batches
from valetkey.storage.postgres.database.statement import Executor, Statement
from valetkey.storage.postgres.tables.revocation_lifetime import REVOCATION_LIFETIME
from valetkey.storage.postgres.tables.revocations import Publish
from valetkey.storage.postgres.tables.rows import granted_authorization_from

# The rows that must not change while this commits are locked, in the order that holds everywhere: the end of a session
# or of a consent then finds what is stored here. Nothing is stored unless every epoch is still the code's. A code of
# release 0.1.0 has none: there, what ended after the user agreed stays ended, even if the client was enabled, or the
# user has consented, again meanwhile.
# A replay may revoke what the first redemption has yet to store: that is stored, so that one succeeds, and never lives.
# What an abandoned redemption stored bears its time until a later redemption takes it over: the client got no token.
# A row outlives its end for as long as its code could be presented again (``REMEMBERED_AFTER_END``).
# A logout or a withdrawn consent leaves a revocation of each authorization, and deletes none.
# Of the authorizations that a user has given a client, those that were used longest ago make room. They are looked for
# by user (IS NOT DISTINCT FROM and IS TRUE keep other indexes out): a client may have millions.
_INSERT = Statement(
    "authorizations.insert",
    """
    WITH swept AS (
        DELETE FROM authorizations WHERE id IN (
            SELECT id FROM authorizations WHERE expires_at < least($15, database_clock()) - $24::interval AND id <> $1
            ORDER BY expires_at LIMIT 10 FOR UPDATE SKIP LOCKED
        )
    ), swept_revocations AS (
        DELETE FROM revocations WHERE (kind, target) IN (
            SELECT kind, target FROM revocations
            WHERE expires_at <= least($15::timestamptz, database_clock()) - $23::interval
            ORDER BY expires_at LIMIT 10 FOR UPDATE SKIP LOCKED
        )
    ), client AS MATERIALIZED (
        SELECT uid, clients.epoch AS client_epoch, installation.epoch AS installation_epoch
        FROM clients, installation
        WHERE uid = $2 AND installation.id = 1 AND enabled AND CASE WHEN $18::bigint IS NULL THEN valid_since < $16
            ELSE installation.epoch = $18 AND clients.epoch = $19 END
        FOR SHARE OF clients
    ), resource_owner AS MATERIALIZED (
        SELECT subject, username, email, email_verified, claims AS user_claims, enabled AS user_enabled, valid_since,
            users.updated_at AS user_updated_at, users.epoch AS user_epoch, client_epoch, installation_epoch,
            groups_of(subject) AS user_groups, sub
        FROM client, users
        WHERE subject = $3 AND users.enabled AND CASE WHEN $20::bigint IS NULL THEN valid_since <= $11
            ELSE users.epoch = $20 END
        FOR SHARE OF users
    ), session AS MATERIALIZED (
        SELECT session_id FROM resource_owner, sessions
        WHERE session_id = $4 AND $5 AND sessions.subject = $3 AND idle_expires_at > $15 AND expires_at > $15
        FOR SHARE OF sessions
    ), consent AS MATERIALIZED (
        SELECT withdrawn_at, epoch FROM resource_owner, consents
        WHERE consents.subject = $3 AND client_uid = $2 FOR SHARE OF consents
    ), inserted AS (
        INSERT INTO authorizations (
            id, client_uid, subject, session_id, bound_to_session, scope, resources, userinfo_claims, id_token_claims,
            amr, auth_time, acr, generation, created_at, rotated_at, idle_seconds, idle_expires_at, expires_at,
            revoked_at, installation_epoch, client_epoch, user_epoch, consent_epoch
        )
        SELECT $1, $2, $3, $4, $5, $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11, $12::text,
            1, $15, $15, $13, $15 + $13::integer * interval '1 second', $14::timestamptz,
            (SELECT revoked_at FROM revocations WHERE kind = 'authorization' AND target = $1::uuid::text),
            installation_epoch, client_epoch, user_epoch, COALESCE((SELECT epoch FROM consent), 0)
        FROM resource_owner
        WHERE (NOT $5 OR EXISTS (SELECT FROM session))
            AND CASE WHEN $21::bigint IS NULL
                THEN NOT EXISTS (SELECT FROM consent WHERE withdrawn_at >= date_trunc('milliseconds', $16::timestamptz))
                ELSE COALESCE((SELECT epoch FROM consent), 0) = $21 END
        ON CONFLICT (id) DO UPDATE
        SET rotated_at = excluded.rotated_at, idle_expires_at = excluded.idle_expires_at
        WHERE authorizations.generation = 1 AND authorizations.rotated_at = ANY($17::timestamptz[])
            AND authorizations.revoked_at IS NULL
        RETURNING id, generation, session_id, scope, resources, userinfo_claims, id_token_claims, auth_time, acr, amr
    )
    SELECT id, generation, session_id, scope, resources, userinfo_claims, id_token_claims, auth_time, acr, amr,
        subject, username, email, email_verified, user_claims, user_enabled, valid_since, user_updated_at,
        user_epoch, client_epoch, installation_epoch, user_groups, sub, EXISTS (
            SELECT FROM authorizations
            WHERE subject = $3 AND client_uid IS NOT DISTINCT FROM $2 AND id <> $1 AND revoked_at IS NULL
                AND (expires_at > $15) IS TRUE
            OFFSET $22::integer - 1
        ) AS is_crowded
    FROM inserted, resource_owner
    """,
)
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
_NO_EPOCHS = (None, None, None, None)


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

    def __init__(self, database: Executor, publish: Publish, *, most: int) -> None:
        self._database = database
        self._publish = publish
        self._most = most
        self._rotations: Batches[_Rotation, GrantedAuthorization | None] = Batches(self._rotate)

    async def insert(self, new: NewAuthorization) -> GrantedAuthorization | None:
        """Store it once, ever; None if it exists, or its user, client, session or consent has ended since the code.

        What was revoked already is stored as such. What one of ``new.unconfirmed_at`` stored is taken
        over by exactly one caller, and by none after a refresh. The statement also deletes a few authorizations and
        revocations that have expired, so that neither table grows; another one ends what has to make room.
        """
        login, epochs = new.authentication, new.epochs or _NO_EPOCHS
        row = await self._database.fetch_row(
            _INSERT,
            new.authorization_id,
            new.client_uid,
            login.subject,
            login.session_id,
            new.bound_to_session,
            new.scope,
            new.resources,
            new.claims.userinfo,
            new.claims.id_token,
            login.amr,
            login.auth_time,
            login.acr,
            new.idle_seconds,
            new.expires_at,
            new.issued_at,
            new.agreed_at,
            new.unconfirmed_at,
            *epochs,
            self._most,
            REVOCATION_MARGIN,
            REMEMBERED_AFTER_END,
        )
        if row is None:
            return None
        if row["is_crowded"]:
            await self._crowd_out(new)
        return granted_authorization_from(row)

    async def rotate(
        self, authorization_id: UUID, generation: int, client_uid: UUID, now: datetime
    ) -> GrantedAuthorization | None:
        """Move a live authorization of this client from ``generation`` to the next, for exactly one caller.

        ``now`` is for lifetimes; PostgreSQL's clock notes when it was rotated, and tells how long ago that was. One
        statement for all concurrent refreshes. RFC 9700 §4.14.2.
        """
        asked = _Rotation(authorization_id, generation, client_uid, now)
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
