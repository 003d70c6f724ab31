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
@pytest.mark.parametrize("purpose", [VERIFY, CHANGE, REVERT, RESET])
async def test_a_link_that_was_used_since_the_backup_is_worth_nothing(
    postgres_server: EmbeddedPostgres, tmp_path: Path, purpose: TokenPurpose
) -> None:
    await asyncio.to_thread(create_migrated, postgres_server, DATABASE)
    dsn = postgres_server.dsn_of(DATABASE)
    try:
        async with Database(dsn, max_size=2) as database:
            emails, user = EmailWorld(database), make_user(email_verified=purpose is not VERIFY)
            await emails.users.create(user, password_hash())
            if purpose is REVERT:
                digest = await emails.change_to(user, "ada@new.example")
            else:
                digest = await emails.link(user, purpose, "ada@new.example" if purpose is CHANGE else user.email)
            await asyncio.to_thread(dump, postgres_server, DATABASE, tmp_path / "backup")
            assert await emails.use(purpose, digest, NOW)

        await asyncio.to_thread(restore, postgres_server, DATABASE, tmp_path / "backup")

        async with Database(dsn, max_size=2) as database:
            emails = EmailWorld(database)
            # What the runbook has operators do: the backup does not know what was used.
            assert await emails.tokens.find_link(digest, purpose, NOW) is not None
            await revoke_all(database, datetime.now(UTC))
            assert await emails.tokens.find_link(digest, purpose, NOW) is None
            assert await emails.use(purpose, digest, NOW) is None
    finally:
        await asyncio.to_thread(drop, postgres_server, DATABASE)
