"""``valetkey doctor`` about passkeys that are bound to a domain which browsers are not asked for."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from support.operator_cli import Operator
from support.seed import make_user, password_hash
from valetkey.cli.exit_code import ExitCode
from valetkey.core.authentication.passkey import Passkey, new_user_handle
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.tables.passkeys import KeptPasskey, Passkeys
from valetkey.storage.postgres.tables.users import Users

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


async def put(dsn: str, rp_id: str) -> None:
    """A user with a passkey for a domain."""
    user = make_user(f"user-{uuid4().hex[:8]}")
    passkey = Passkey(uuid4().bytes, b"a key", new_user_handle(), 1, backup_eligible=False, backed_up=False)
    async with Database(dsn, max_size=1) as database:
        await Users(database).create(user, password_hash())
        assert await Passkeys(database).add(user, KeptPasskey(uuid4(), user.subject, passkey, rp_id), "Laptop", NOW)


def examined(operator: Operator) -> tuple[int, dict[str, Any]]:
    """The exit code, and what was found of passkeys."""
    outcome = operator.run("doctor", "-o", "json")
    return outcome.exit_code, {finding["check"]: finding for finding in outcome.json}["passkeys"]


def test_passkeys_of_the_issuer_are_well(operator: Operator, postgres_dsn: str) -> None:
    asyncio.run(put(postgres_dsn, "id.example"))

    _, found = examined(operator)

    assert found["status"] == "ok"
    assert found["detail"] == "1, all bound to id.example"


@pytest.mark.requirement("WebAuthn §13.4.9: a change of the RP ID, after which nobody can sign in, is a fault")
def test_a_changed_domain_is_a_fault(operator: Operator, postgres_dsn: str) -> None:
    for rp_id in ("id.example", "old.example", "old.example"):
        asyncio.run(put(postgres_dsn, rp_id))

    code, found = examined(operator)

    assert code == ExitCode.REFUSED
    assert found["status"] == "failed"
    assert "2 to old.example" in found["detail"]
    assert "VALETKEY_PASSKEY_RP_ID" in found["next_step"]
