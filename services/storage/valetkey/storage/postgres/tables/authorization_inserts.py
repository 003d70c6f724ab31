"""What redemptions store: those that are in flight together share a statement and a commit, each with its own outcome.

A row that another transaction has locked is skipped, so that one disabled client or user delays no other redemption,
and two batches never wait for each other. Whatever a batch did not store is asked again alone, which waits.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import asyncpg

from valetkey.core.oauth.authorization_code import REMEMBERED_AFTER_END
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.core.oauth.revocation import REVOCATION_MARGIN
from valetkey.runtime.telemetry.tracing import detached_task
from valetkey.storage.batches import Batches
from valetkey.storage.postgres.database.shared_statement import shown_as
from valetkey.storage.postgres.database.statement import Executor, Statement
from valetkey.storage.postgres.tables.rows import granted_authorization_from

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from valetkey.core.oauth.stored_authorization import GrantedAuthorization, NewAuthorization

# The rows that must not change while this commits are locked, in the order that holds everywhere: the end of a session
# or of a consent then finds what is stored here. Nothing is stored unless every epoch is still the code's. A code of
# release 0.1.0 has none: there, what ended after the user agreed stays ended, even if the client was enabled, or the
# user has consented, again meanwhile. A consent that is there and could not be locked decides nothing.
# A replay may revoke what the first redemption has yet to store: that is stored, so that one succeeds, and never lives.
# What an abandoned redemption stored bears its time until a later redemption takes it over: the client got no token.
# Of the authorizations that a user has given a client, those that were used longest ago make room. They are looked for
# by user (IS NOT DISTINCT FROM and IS TRUE keep other indexes out): a client may have millions.
_INSERT = """
    WITH asked AS MATERIALIZED (
        SELECT id, client_uid, subject, session_id, bound_to_session, scope::text[], resources::text[],
            userinfo_claims::text[], id_token_claims::text[], amr::text[], auth_time, acr, idle_seconds, expires_at,
            issued_at, agreed_at, unconfirmed_at::timestamptz[], installation_epoch, client_epoch, user_epoch,
            consent_epoch
        FROM unnest(
            $1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::boolean[], $6::text[], $7::text[], $8::text[],
            $9::text[], $10::text[], $11::timestamptz[], $12::text[], $13::integer[], $14::timestamptz[],
            $15::timestamptz[], $16::timestamptz[], $17::text[], $18::bigint[], $19::bigint[], $20::bigint[],
            $21::bigint[]
        ) AS asked (
            id, client_uid, subject, session_id, bound_to_session, scope, resources, userinfo_claims, id_token_claims,
            amr, auth_time, acr, idle_seconds, expires_at, issued_at, agreed_at, unconfirmed_at, installation_epoch,
            client_epoch, user_epoch, consent_epoch
        )
    ), client AS MATERIALIZED (
        SELECT uid, epoch, valid_since FROM clients WHERE uid = ANY($2) AND enabled FOR SHARE {skip_locked}
    ), resource_owner AS MATERIALIZED (
        SELECT subject, username, email, email_verified, claims, enabled, valid_since, updated_at, epoch, sub
        FROM users WHERE subject = ANY($3) AND enabled AND (SELECT count(*) FROM client) > 0 FOR SHARE {skip_locked}
    ), session AS MATERIALIZED (
        SELECT session_id, subject, idle_expires_at, expires_at
        FROM sessions WHERE session_id = ANY($23::uuid[]) AND (SELECT count(*) FROM resource_owner) > 0
        FOR SHARE {skip_locked}
    ), consent AS MATERIALIZED (
        SELECT consents.subject, consents.client_uid, consents.withdrawn_at, consents.epoch
        FROM asked JOIN consents ON consents.subject = asked.subject AND consents.client_uid = asked.client_uid
        WHERE (SELECT count(*) FROM session) >= 0 AND (SELECT count(*) FROM resource_owner) > 0
        FOR SHARE OF consents {skip_locked}
    ), granted AS MATERIALIZED (
        SELECT asked.*, i.epoch AS installation_epoch_now, c.epoch AS client_epoch_now, u.epoch AS user_epoch_now,
            COALESCE(k.epoch, 0) AS consent_epoch_now
        FROM asked JOIN installation AS i ON i.id = 1 JOIN client AS c ON c.uid = client_uid
            JOIN resource_owner AS u ON u.subject = asked.subject
            LEFT JOIN consent AS k ON k.subject = asked.subject AND k.client_uid = asked.client_uid
        WHERE CASE WHEN installation_epoch IS NULL THEN c.valid_since < agreed_at
                ELSE i.epoch = installation_epoch AND c.epoch = client_epoch END
            AND CASE WHEN user_epoch IS NULL THEN u.valid_since <= auth_time ELSE u.epoch = user_epoch END
            AND (NOT bound_to_session OR EXISTS (
                SELECT FROM session AS s
                WHERE s.session_id = asked.session_id AND s.subject = asked.subject AND s.idle_expires_at > issued_at
                    AND s.expires_at > issued_at
            ))
            AND CASE WHEN consent_epoch IS NULL
                THEN k.withdrawn_at IS NULL OR k.withdrawn_at < date_trunc('milliseconds', agreed_at)
                ELSE COALESCE(k.epoch, 0) = consent_epoch END
            AND (k.epoch IS NOT NULL OR NOT EXISTS (
                SELECT FROM consents WHERE consents.subject = asked.subject AND consents.client_uid = asked.client_uid
            ))
    ), inserted AS (
        INSERT INTO authorizations (
            id, client_uid, subject, session_id, bound_to_session, scope, resources, userinfo_claims, id_token_claims,
            amr, auth_time, acr, generation, created_at, rotated_at, idle_seconds, idle_expires_at, expires_at,
            revoked_at, installation_epoch, client_epoch, user_epoch, consent_epoch
        )
        SELECT id, client_uid, subject, session_id, bound_to_session, scope, resources, userinfo_claims,
            id_token_claims, amr, auth_time, acr, 1, issued_at, issued_at, idle_seconds,
            issued_at + idle_seconds * interval '1 second', expires_at,
            (SELECT revoked_at FROM revocations WHERE kind = 'authorization' AND target = granted.id::text),
            installation_epoch_now, client_epoch_now, user_epoch_now, consent_epoch_now
        FROM granted {where_decided}
        ON CONFLICT (id) DO UPDATE
        SET rotated_at = excluded.rotated_at, idle_expires_at = excluded.idle_expires_at
        WHERE authorizations.generation = 1 AND authorizations.revoked_at IS NULL AND authorizations.rotated_at = ANY(
            (SELECT unconfirmed_at FROM asked WHERE asked.id = excluded.id)::timestamptz[]
        )
        RETURNING id, generation, session_id, scope, resources, userinfo_claims, id_token_claims, auth_time, acr, amr
    )
    SELECT inserted.*, u.subject, username, email, email_verified, u.claims AS user_claims, u.enabled AS user_enabled,
        u.valid_since, u.updated_at AS user_updated_at, user_epoch_now AS user_epoch,
        client_epoch_now AS client_epoch, installation_epoch_now AS installation_epoch,
        groups_of(u.subject) AS user_groups, sub, EXISTS (
            SELECT FROM authorizations AS a
            WHERE a.subject = granted.subject AND a.client_uid IS NOT DISTINCT FROM granted.client_uid
                AND a.id <> granted.id AND a.revoked_at IS NULL AND (a.expires_at > granted.issued_at) IS TRUE
            OFFSET $22::integer - 1
        ) AS is_crowded
    FROM inserted JOIN granted ON granted.id = inserted.id JOIN resource_owner AS u ON u.subject = granted.subject
"""
# Held until the commit by each batch for what it stores, so that no other waits for what is undecided.
_IF_DECIDED = "WHERE pg_try_advisory_xact_lock(hashtextextended(id::text, 0))"
_INSERT_FREE = Statement("authorizations.insert", _INSERT.format(skip_locked="SKIP LOCKED", where_decided=_IF_DECIDED))
_INSERT_ONE = Statement("authorizations.insert_one", _INSERT.format(skip_locked="", where_decided=""))
# A row outlives its end for as long as its code could be presented again (``REMEMBERED_AFTER_END``).
# A logout or a withdrawn consent leaves a revocation of each authorization, and deletes none.
# Rows are named by their place, which cannot change while they are locked: no plan reads a whole table then.
_SWEEP = Statement(
    "authorizations.sweep",
    """
    WITH swept AS (
        DELETE FROM authorizations WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM authorizations WHERE expires_at < least($1, database_clock()) - $3::interval
            ORDER BY expires_at LIMIT 100 FOR UPDATE SKIP LOCKED
        ))
        RETURNING 1
    ), swept_revocations AS (
        DELETE FROM revocations WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM revocations
            WHERE expires_at <= least($1::timestamptz, database_clock()) - $2::interval
            ORDER BY expires_at LIMIT 100 FOR UPDATE SKIP LOCKED
        ))
        RETURNING 1
    )
    SELECT greatest((SELECT count(*) FROM swept), (SELECT count(*) FROM swept_revocations)) AS swept
    """,
)
SWEEP_PAUSE = timedelta(seconds=1)
_SWEPT_AT_ONCE = 100
_SWEPT_PER_INSERT = 10
_MOST_DUE = 10_000
_NO_EPOCHS = (None, None, None, None)


class Inserted(NamedTuple):
    """What was stored, and whether others of the same user and client have to make room for it."""

    granted: GrantedAuthorization
    is_crowded: bool


class AuthorizationInserts:
    """Stores what codes were redeemed for; ``most`` is how many live ones a user may have given to a client.

    What has expired is swept behind the redemptions, as many rows as they store and more, so that the tables do not
    grow; at most one sweep every ``pause``.
    """

    def __init__(self, database: Executor, *, most: int, pause: timedelta) -> None:
        self._database = database
        self._most = most
        self._pause = pause.total_seconds()
        self._batches: Batches[NewAuthorization, Inserted | None] = Batches(self._insert)
        self._due = 0
        self._latest: datetime | None = None
        self._sweeping: asyncio.Task[None] | None = None

    async def insert(self, new: NewAuthorization) -> Inserted | None:
        """See ``Authorizations.insert``."""
        with shown_as(_INSERT_FREE, self._database.attributes):
            inserted = await self._batches.ask(new)
        if inserted is None:
            # It was refused, or something of it was locked by what may yet fail: wait for that.
            (inserted,) = await self._store(_INSERT_ONE, [new])
        self._note(new.issued_at)
        return inserted

    async def swept(self) -> None:
        """Return once what was noted so far is swept."""
        if self._sweeping is not None:
            await asyncio.wait([self._sweeping])

    async def aclose(self) -> None:
        """Sweep no more."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            await self.swept()

    async def _insert(self, asked: Sequence[NewAuthorization]) -> Sequence[Inserted | None]:
        # Of those of one user and client each counts the others, so only the last one is asked with them.
        places = {(new.authentication.subject, new.client_uid): place for place, new in enumerate(asked)}
        batch = [asked[place] for place in places.values()]
        try:
            stored = await self._store(_INSERT_FREE, batch)
        except asyncpg.DataError:
            # One of them is at fault, and learns so alone.
            stored = [None] * len(batch)
        found = dict(zip(places.values(), stored, strict=True))
        return [found.get(place) for place in range(len(asked))]

    async def _store(self, statement: Statement, batch: Sequence[NewAuthorization]) -> Sequence[Inserted | None]:
        columns = [list(column) for column in zip(*map(_row, batch), strict=True)]
        bound = [new.authentication.session_id for new in batch if new.bound_to_session]
        rows = await self._database.fetch(statement, *columns, self._most, bound)
        found = {row["id"]: Inserted(granted_authorization_from(row), row["is_crowded"]) for row in rows}
        return [found.get(new.authorization_id) for new in batch]

    def _note(self, now: datetime) -> None:
        self._due = min(self._due + _SWEPT_PER_INSERT, _MOST_DUE)
        self._latest = now if self._latest is None else max(self._latest, now)
        if self._sweeping is None:
            self._sweeping = detached_task(self._sweep(), "sweep")

    async def _sweep(self) -> None:
        try:
            while self._due:
                due, self._due = self._due, 0
                with suppress(TemporarilyUnavailable):
                    while due > 0 and await self._sweep_some() == _SWEPT_AT_ONCE:
                        due -= _SWEPT_AT_ONCE
                await asyncio.sleep(self._pause)
        finally:
            self._sweeping = None

    async def _sweep_some(self) -> int:
        row = await self._database.fetch_row(_SWEEP, self._latest, REVOCATION_MARGIN, REMEMBERED_AFTER_END)
        return 0 if row is None else int(row["swept"])


def _row(new: NewAuthorization) -> tuple[object, ...]:
    login, claims = new.authentication, new.claims
    return (
        *(new.authorization_id, new.client_uid, login.subject, login.session_id, new.bound_to_session),
        *map(_array, (new.scope, new.resources, claims.userinfo, claims.id_token, login.amr)),
        *(login.auth_time, login.acr, new.idle_seconds, new.expires_at, new.issued_at, new.agreed_at),
        _array(each.isoformat() for each in new.unconfirmed_at),
        *(new.epochs or _NO_EPOCHS),
    )


def _array(texts: Iterable[str]) -> str:
    """An array of texts as PostgreSQL reads one: arrays of arrays would have to be of one length."""
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return "{" + ",".join(f'"{text}"' for text in quoted) + "}"
