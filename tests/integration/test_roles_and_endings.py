"""What has ended stays ended, even for an attacker with the database role of a service or of an operator."""

import contextlib
from datetime import UTC, datetime
from typing import cast

import asyncpg
import pytest

from support.database_roles import as_role, run_roles_sql
from support.postgres import postgres_stores
from support.seed import make_authorization, make_client, make_session, make_user, password_hash
from valetkey.core.oauth.consent import Consent
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.tables.revoke_all import revoke_all

# What a role may try and nothing comes of it: what has ended stays ended. Each is a statement that leaves no trace.
STAYS_ENDED = {
    "authorize": [
        "UPDATE authorizations SET revoked_at = NULL",
        "UPDATE revocations SET expires_at = '-infinity', revoked_at = '-infinity', epoch = -1",
        "UPDATE consents SET epoch = 0",
    ],
    "token": [
        "UPDATE authorizations SET revoked_at = NULL",
        "DELETE FROM authorizations",
        "UPDATE revocations SET expires_at = '-infinity', revoked_at = '-infinity', epoch = -1",
        "DELETE FROM revocations",
    ],
    "compact": [
        "UPDATE authorizations SET revoked_at = NULL",
        "DELETE FROM authorizations",
        "UPDATE revocations SET expires_at = '-infinity', revoked_at = '-infinity', epoch = -1",
        "DELETE FROM revocations",
        "UPDATE consents SET epoch = 0",
    ],
    "operator": [
        "UPDATE authorizations SET revoked_at = NULL",
        "UPDATE clients SET epoch = 0",
        "UPDATE users SET epoch = 0",
        "UPDATE consents SET epoch = 0",
        "UPDATE installation SET epoch = 0",
        "UPDATE revocations SET expires_at = '-infinity', revoked_at = '-infinity', epoch = -1",
        "DELETE FROM revocations",
    ],
}
# What tells that something has ended.
ENDED = """
    SELECT ARRAY(SELECT (client_id, epoch)::text FROM clients ORDER BY 1)
        || ARRAY(SELECT (username, epoch)::text FROM users ORDER BY 1)
        || ARRAY(SELECT (subject, client_uid, epoch)::text FROM consents ORDER BY 1)
        || ARRAY(SELECT (id, revoked_at)::text FROM authorizations ORDER BY 1)
        || ARRAY(SELECT (kind, target, revoked_at, expires_at, epoch)::text FROM revocations ORDER BY 1)
        || ARRAY(SELECT epoch::text FROM installation)
"""


async def end_one_of_each(dsn: str) -> None:
    """A client, a user and a consent that have ended, with what was granted; and everything."""
    async with Database(dsn) as database:
        stores, now = postgres_stores(database), datetime.now(UTC)
        client, session = make_client(), make_session(make_user(), now)
        await stores.clients.insert(client, now)
        await stores.users.create(session.user, password_hash())
        await stores.consents.add(session.user.subject, client.uid, Consent(frozenset({"openid"})), now)
        await stores.authorizations.insert(make_authorization(client, session, now, bound_to_session=False))
        await stores.consents.withdraw(session.user.subject, client.uid, now)
        await stores.client_lifecycle.disable(client.client_id, now)
        await stores.user_lifecycle.disable(session.user.subject, now)
        await revoke_all(database, now)


async def what_has_ended(dsn: str) -> list[str]:
    """As the migration's role sees it."""
    connection = await asyncpg.connect(dsn)
    try:
        return cast("list[str]", await connection.fetchval(ENDED))
    finally:
        await connection.close()


@pytest.mark.requirement("security 55a, 56: what has ended stays ended for an attacker with any role")
@pytest.mark.parametrize(
    ("role", "statement"), [(role, statement) for role, statements in STAYS_ENDED.items() for statement in statements]
)
async def test_no_role_brings_back_what_has_ended(postgres_dsn: str, role: str, statement: str) -> None:
    # What is said about a database is not copied with it.
    run_roles_sql(postgres_dsn, {})
    await end_one_of_each(postgres_dsn)
    before = await what_has_ended(postgres_dsn)
    connection = await asyncpg.connect(as_role(postgres_dsn, role))

    with contextlib.suppress(asyncpg.CheckViolationError):
        await connection.execute(statement)

    await connection.close()
    assert await what_has_ended(postgres_dsn) == before
    assert len(before) > 5
