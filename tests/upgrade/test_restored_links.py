"""PostgreSQL comes back from a backup, and no link in a mail comes back with it that was used since."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.backup import dump, restore
from support.email_world import CHANGE, NOW, RESET, REVERT, VERIFY, EmailWorld
from support.seed import make_user, password_hash
from support.stores import create_migrated, drop
from valetkey.core.authentication.account_token import TokenPurpose
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.tables.revoke_all import revoke_all

DATABASE = "restored_links"


@pytest.mark.requirement("security 56: a restored backup brings back no link that was used")
async def test_a_link_that_was_used_since_the_backup_is_worth_nothing(
    postgres_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    await asyncio.to_thread(create_migrated, postgres_server, DATABASE)
    dsn = postgres_server.dsn_of(DATABASE)
    try:
        async with Database(dsn, max_size=2) as database:
            emails = EmailWorld(database)
            links = {purpose: await link_of_a_new_user(emails, purpose) for purpose in (VERIFY, CHANGE, REVERT, RESET)}
            await asyncio.to_thread(dump, postgres_server, DATABASE, tmp_path / "backup")
            for purpose, digest in links.items():
                assert await emails.use(purpose, digest, NOW)

        await asyncio.to_thread(restore, postgres_server, DATABASE, tmp_path / "backup")

        async with Database(dsn, max_size=2) as database:
            emails = EmailWorld(database)
            # What the runbook has operators do: the backup does not know what was used.
            for purpose, digest in links.items():
                assert await emails.tokens.find_link(digest, purpose, NOW) is not None
            await revoke_all(database, datetime.now(UTC))
            assert [await emails.use(purpose, digest, NOW) for purpose, digest in links.items()] == [None] * 4
    finally:
        await asyncio.to_thread(drop, postgres_server, DATABASE)


async def link_of_a_new_user(emails: EmailWorld, purpose: TokenPurpose) -> bytes:
    user = make_user(purpose, email_verified=purpose is not VERIFY)
    await emails.users.create(user, password_hash())
    if purpose is REVERT:
        return await emails.change_to(user, f"{purpose}@new.example")
    return await emails.link(user, purpose, f"{purpose}@new.example" if purpose is CHANGE else user.email)
