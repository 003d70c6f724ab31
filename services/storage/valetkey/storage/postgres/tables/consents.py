"""What users have agreed to, one row per user and client. A withdrawal stays on record beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from valetkey.core.oauth.consent import Consent, KeptConsent
from valetkey.core.oauth.revocation import Revocation
from valetkey.storage.batches import Batches
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Statement
from valetkey.storage.postgres.tables.revocation_lifetime import REVOCATION_LIFETIME
from valetkey.storage.postgres.tables.rows import consent_from, floor_to_millisecond, revocation_from

_FIND = Statement(
    "consents.find",
    """
    SELECT subject, client_uid, scope, resources, claims, epoch
    FROM unnest($1::uuid[], $2::uuid[]) AS asked (subject, client_uid) JOIN consents USING (subject, client_uid)
    WHERE is_given
    """,
)
# What was withdrawn does not come back with the next thing that is agreed to. A client or user that is gone meanwhile
# leaves nothing to remember.
_ADD = Statement(
    "consents.add",
    """
    INSERT INTO consents AS c (subject, client_uid, scope, resources, claims, is_given, updated_at)
    SELECT u.subject, clients.uid, $3::text[], $4::text[], $5::text[], TRUE, $6::timestamptz
    FROM users AS u, clients WHERE u.subject = $1 AND clients.uid = $2
    ON CONFLICT (subject, client_uid) DO UPDATE SET
        scope = ARRAY(
            SELECT DISTINCT unnest(CASE WHEN c.is_given THEN c.scope END || excluded.scope) ORDER BY 1
        ),
        resources = ARRAY(
            SELECT DISTINCT unnest(CASE WHEN c.is_given THEN c.resources END || excluded.resources)
            ORDER BY 1
        ),
        claims = ARRAY(
            SELECT DISTINCT unnest(CASE WHEN c.is_given THEN c.claims END || excluded.claims) ORDER BY 1
        ),
        is_given = TRUE,
        updated_at = greatest(c.updated_at, excluded.updated_at)
    RETURNING epoch
    """,
)
_WITHDRAW = Statement(
    "consents.withdraw",
    """
    INSERT INTO consents AS k (subject, client_uid, scope, resources, claims, is_given, epoch, updated_at, withdrawn_at)
    SELECT u.subject, c.uid, '{}'::text[], '{}'::text[], '{}'::text[], FALSE, 1, $3::timestamptz, $3::timestamptz
    FROM users AS u, clients AS c WHERE u.subject = $1 AND c.uid = $2
    ON CONFLICT (subject, client_uid) DO UPDATE
    SET scope = '{}', resources = '{}', claims = '{}', is_given = FALSE, epoch = k.epoch + 1, updated_at = $3,
        withdrawn_at = $3
    """,
)
_END_AUTHORIZATIONS = Statement(
    "consents.end_authorizations",
    """
    WITH ended AS (
        UPDATE authorizations SET revoked_at = $3
        WHERE subject = $1 AND client_uid = $2 AND revoked_at IS NULL AND expires_at > $3 RETURNING id
    )
    INSERT INTO revocations AS r (kind, target, revoked_at, expires_at)
    SELECT 'authorization', id::text, $3, $4::timestamptz FROM ended ORDER BY id
    ON CONFLICT (kind, target) DO UPDATE
    SET revoked_at = greatest(r.revoked_at, excluded.revoked_at),
        expires_at = greatest(r.expires_at, excluded.expires_at)
    RETURNING kind, target, revoked_at, expires_at, epoch
    """,
)
_LIST = Statement(
    "consents.list",
    """
    SELECT k.subject, u.username, c.client_id, c.client_name, k.client_uid, k.scope, k.resources, k.claims, k.updated_at
    FROM consents AS k JOIN clients AS c ON c.uid = k.client_uid JOIN users AS u ON u.subject = k.subject
    WHERE k.is_given AND ($1::uuid IS NULL OR k.subject = $1) AND ($2::uuid IS NULL OR k.client_uid = $2)
    ORDER BY u.username, k.subject, c.client_id
    """,
)


@dataclass(frozen=True, slots=True)
class ConsentSummary:
    """What a user has agreed to for one client, and when last. UTC."""

    subject: UUID
    username: str
    client_id: str
    client_name: str
    client_uid: UUID
    consent: Consent
    updated_at: datetime


class Consents:
    """What users have agreed to, by user and client."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._finds: Batches[tuple[UUID, UUID], KeptConsent | None] = Batches(self._find)

    async def find(self, subject: UUID, client_uid: UUID) -> KeptConsent | None:
        """Everything this user has agreed to for this client, unless it was withdrawn."""
        return await self._finds.ask((subject, client_uid))

    async def add(self, subject: UUID, client_uid: UUID, consent: Consent, now: datetime) -> int | None:
        """Remember this beside what was agreed to before. The epoch of the consent; None if user or client is gone."""
        row = await self._database.fetch_row(
            _ADD, subject, client_uid, sorted(consent.scope), sorted(consent.resources), sorted(consent.claims), now
        )
        return None if row is None else row["epoch"]

    async def withdraw(self, subject: UUID, client_uid: UUID, now: datetime) -> Sequence[Revocation]:
        """Forget what was agreed to and end what was granted with it. Returns what has to be revoked in Redis too.

        Codes that are under way end with it, whatever the user agrees to next.
        """
        moment = floor_to_millisecond(now)
        async with self._database.transaction("consents.withdraw") as transaction:
            await transaction.execute(_WITHDRAW, subject, client_uid, moment)
            rows = await transaction.fetch(
                _END_AUTHORIZATIONS, subject, client_uid, moment, moment + REVOCATION_LIFETIME
            )
        return [revocation_from(row) for row in rows]

    async def list(self, subject: UUID | None = None, client_uid: UUID | None = None) -> list[ConsentSummary]:
        """What users have agreed to, by user and client; of one user, or for one client, where that is given."""
        return [
            ConsentSummary(
                subject=row["subject"],
                username=row["username"],
                client_id=row["client_id"],
                client_name=row["client_name"],
                client_uid=row["client_uid"],
                consent=consent_from(row),
                updated_at=row["updated_at"],
            )
            for row in await self._database.fetch(_LIST, subject, client_uid)
        ]

    async def _find(self, asked: Sequence[tuple[UUID, UUID]]) -> Sequence[KeptConsent | None]:
        subjects, client_uids = zip(*set(asked), strict=True)
        rows = await self._database.fetch(_FIND, subjects, client_uids)
        found = {(row["subject"], row["client_uid"]): KeptConsent(consent_from(row), row["epoch"]) for row in rows}
        return [found.get(each) for each in asked]
