"""RFC 9700 §4.15: clients and users have no name in common, whatever writes to PostgreSQL, and at whatever moment."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from support.database_roles import as_role
from support.legacy import put_legacy_client
from support.operator_cli import Operator, environment_of
from support.release import install_previous_release
from support.seed import make_client, make_user, password_hash
from support.system import test_settings
from support.tier import rounds
from valetkey.cli.exit_code import ExitCode
from valetkey.core.authentication.subject import subject_of
from valetkey.core.client.registration import is_like_subject
from valetkey.storage.postgres.database.errors import Conflict
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.tables.client_lifecycle import ClientLifecycle
from valetkey.storage.postgres.tables.clients import Clients
from valetkey.storage.postgres.tables.user_lifecycle import UserLifecycle
from valetkey.storage.postgres.tables.users import Users

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
SUBJECT = UUID("8b5b7b6e-6a6c-4a51-9d5f-5a0e7f2d6c11")
HASH = password_hash()
ROUNDS = rounds(60, nightly=200)
SPELLINGS: dict[str, Callable[[UUID], str]] = {
    "as it is": str,
    "capitals": lambda subject: str(subject).upper(),
    "mixed": lambda subject: str(subject).title(),
    "no hyphens": lambda subject: subject.hex,
    "underscores": lambda subject: str(subject).replace("-", "_"),
    "dots": lambda subject: str(subject).replace("-", "."),
    "groups of four": lambda subject: "-".join(subject.hex[place : place + 4] for place in range(0, 32, 4)),
    "braces": lambda subject: f"{{{subject}}}",
    "a URN": lambda subject: f"urn:uuid:{subject}",
    "a URN in capitals": lambda subject: f"URN:UUID:{subject}".upper(),
}
NO_NAME_IN_COMMON = pytest.mark.requirement(
    "RFC 9700 §4.15: no client is called like a user, and no user like a client"
)


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[Database]:
    async with Database(postgres_dsn, max_size=8) as opened:
        yield opened


@NO_NAME_IN_COMMON
@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("exists", [True, False], ids=["of a user", "of none yet"])
async def test_no_client_is_called_like_a_user(database: Database, spelling: str, exists: bool) -> None:
    if exists:
        await Users(database).create(make_user(subject=SUBJECT), HASH)

    with pytest.raises(Conflict, match="could be taken for the subject of a user"):
        await Clients(database).insert(make_client(SPELLINGS[spelling](SUBJECT)), NOW)

    assert await Clients(database).list() == []


@NO_NAME_IN_COMMON
@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_no_user_is_called_like_a_client_of_an_earlier_release(
    database: Database, postgres_dsn: str, spelling: str
) -> None:
    await put_legacy_client(postgres_dsn, SPELLINGS[spelling](SUBJECT))
    users = Users(database)

    with pytest.raises(Conflict, match="is the client_id of a client"):
        await users.create(make_user(subject=SUBJECT), HASH)
    await users.create(make_user("grace"), HASH)

    assert [user.username for user in await users.list()] == ["grace"]


@NO_NAME_IN_COMMON
async def test_no_name_is_changed_into_one_of_the_others(database: Database, postgres_dsn: str) -> None:
    await Users(database).create(make_user(subject=SUBJECT), HASH)
    await Clients(database).insert(make_client(), NOW)
    other = uuid4()
    await put_legacy_client(postgres_dsn, str(other))
    connection = await asyncpg.connect(postgres_dsn)

    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute("UPDATE clients SET client_id = $1 WHERE client_id = 'web'", str(SUBJECT))
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute("UPDATE users SET subject = $1", other)
    await connection.execute("UPDATE clients SET client_id = client_id")
    await connection.execute("UPDATE users SET subject = subject")
    await connection.close()


@NO_NAME_IN_COMMON
@pytest.mark.parametrize("level", ["read committed", "repeatable read", "serializable"])
async def test_a_client_and_a_user_made_at_the_same_moment_have_no_name_in_common(
    postgres_dsn: str, level: str
) -> None:
    """Both begin their transactions, wait for each other, and write what the other writes too."""
    connections = [await asyncpg.connect(postgres_dsn) for _ in range(2)]
    both = 0
    for number in range(ROUNDS):
        subject, barrier = uuid4(), asyncio.Barrier(2)
        spell = list(SPELLINGS.values())[number % len(SPELLINGS)]

        async def add(
            connection: asyncpg.Connection[asyncpg.Record], statement: str, name: object, barrier: asyncio.Barrier
        ) -> bool:
            try:
                async with connection.transaction(isolation=level.replace(" ", "_")):  # type: ignore[arg-type]
                    await connection.fetchval("SELECT 1")
                    await barrier.wait()
                    await connection.execute(statement, name)
            except asyncpg.UniqueViolationError:
                return False
            return True

        added = await asyncio.gather(
            add(connections[0], ADD_CLIENT, spell(subject), barrier), add(connections[1], ADD_USER, subject, barrier)
        )
        both += all(added)
        assert added[1]
    for connection in connections:
        await connection.close()

    assert both == 0


@NO_NAME_IN_COMMON
@pytest.mark.parametrize("sub", ["web", "auth0|17", "Web"])
async def test_no_user_is_given_the_name_of_a_client_and_no_client_the_sub_of_a_user(
    database: Database, sub: str
) -> None:
    user = make_user(subject=subject_of(sub), given_sub=sub)
    users, clients, client = Users(database), Clients(database), make_client(sub)

    await clients.insert(client, NOW)
    with pytest.raises(Conflict, match="is the client_id of a client"):
        await users.create(user, HASH)
    assert await ClientLifecycle(database).delete(sub, NOW) is not None
    await users.create(user, HASH)
    with pytest.raises(Conflict, match="could be taken for the subject of a user"):
        await clients.insert(make_client(sub), NOW)
    await UserLifecycle(database).delete(user.subject, NOW)
    await clients.insert(make_client(sub), NOW)

    assert [record.client.client_id for record in await clients.list()] == [sub]


@NO_NAME_IN_COMMON
@pytest.mark.parametrize("level", ["read committed", "repeatable read", "serializable"])
async def test_a_client_and_a_given_sub_made_at_the_same_moment_are_not_the_same(postgres_dsn: str, level: str) -> None:
    connections = [await asyncpg.connect(postgres_dsn) for _ in range(2)]
    added: list[bool] = []
    for number in range(ROUNDS // 4):
        sub, barrier = f"legacy|{number}", asyncio.Barrier(2)

        async def add(
            connection: asyncpg.Connection[asyncpg.Record], statement: str, barrier: asyncio.Barrier, *names: object
        ) -> bool:
            try:
                async with connection.transaction(isolation=level.replace(" ", "_")):  # type: ignore[arg-type]
                    await connection.fetchval("SELECT 1")
                    await barrier.wait()
                    await connection.execute(statement, *names)
            except (asyncpg.UniqueViolationError, asyncpg.SerializationError):
                return False
            return True

        both = await asyncio.gather(
            add(connections[0], ADD_CLIENT, barrier, sub),
            add(connections[1], ADD_USER_WITH_SUB, barrier, subject_of(sub), sub),
        )
        added.append(sum(both) == 1)
    for connection in connections:
        await connection.close()

    assert all(added)


ADD_CLIENT = """
    INSERT INTO clients (uid, client_id, client_name, token_endpoint_auth_method, grant_types, redirect_uris,
        post_logout_redirect_uris, scope, resources, id_token_signed_response_alg, enabled, created_at, updated_at)
    VALUES (gen_random_uuid(), $1, 'x', 'none', '{}', '{}', '{}', '{}', '{}', 'ES256', TRUE, now(), now())
"""
ADD_USER = """
    INSERT INTO users (subject, username, email_verified, claims, password_hash, enabled, valid_since, created_at,
        updated_at)
    VALUES ($1, 'x', FALSE, '{}', 'x', TRUE, now(), now(), now())
"""
ADD_USER_WITH_SUB = """
    INSERT INTO users (subject, username, email_verified, claims, password_hash, enabled, valid_since, created_at,
        updated_at, sub)
    VALUES ($1, 'x', FALSE, '{}', 'x', TRUE, now(), now(), now(), $2)
"""


async def test_postgres_and_the_rule_agree_about_every_name(postgres_dsn: str) -> None:
    names = {spell(uuid4()) for spell in SPELLINGS.values() for _ in range(20)}
    names |= {
        "",
        "web",
        "0" * 31,
        "0" * 32,
        "0" * 33,
        "g" + "0" * 31,
        f"x{SUBJECT}",
        f"{SUBJECT}x",
        "urn:uuid:",
        "a" * 32,
    }
    names |= {f"urn:uuid:urn:uuid:{SUBJECT}", f"uuid:{SUBJECT}", "\u212a" + "0" * 31, "\uff10" * 32, f"é{SUBJECT}"}
    names |= {str(SUBJECT)[:at] + other + str(SUBJECT)[at + 1 :] for at in range(36) for other in "g-A\u0130 "}
    connection = await asyncpg.connect(postgres_dsn)

    rows = await connection.fetch("SELECT name, subject_key(name) FROM unnest($1::text[]) AS name", sorted(names))
    await connection.close()

    assert {row["name"]: row["subject_key"] is not None for row in rows} == {n: is_like_subject(n) for n in names}


def test_a_client_of_an_earlier_release_goes_on_and_is_named(postgres_dsn: str, redis_url: str, tmp_path: Path) -> None:
    name = str(SUBJECT)
    asyncio.run(put_legacy_client(postgres_dsn, name, resource="https://api.example"))
    settings = test_settings("https://id.example", as_role(postgres_dsn, "operator"), redis_url)
    operator = Operator(environment_of(settings))
    file = tmp_path / "clients.yaml"
    file.write_text(f"clients: [{{client_id: '{name}', client_name: New, grant_types: [], secret_file: secret}}]")
    (tmp_path / "secret").write_text("0123456789abcdefghijklmnopqrstuvwxyz")

    operator.succeed("client", "update", name, "--name", "Changed")
    operator.succeed("client", "rotate-secret", name)
    operator.succeed("client", "update", name, "--disable")
    operator.succeed("client", "update", name, "--enable")
    told = {finding["check"]: finding for finding in operator.run("doctor", "-o", "json").json}
    applied = operator.run("client", "apply", "-f", str(file), "--adopt", "--yes")
    operator.succeed("client", "delete", name, "--yes", "--force")
    again = operator.run("client", "create", name, "--resource", "https://api.example")

    assert told["clients"]["status"] == "warning"
    assert name in told["clients"]["detail"]
    assert applied.exit_code == ExitCode.REFUSED, "it has neither a grant nor a resource"
    assert "UUID" not in applied.err
    assert again.exit_code == ExitCode.REFUSED


@NO_NAME_IN_COMMON
async def test_the_previous_release_is_refused_too_and_says_so_in_a_sentence(
    postgres_dsn: str, redis_url: str, tmp_path: Path
) -> None:
    """N-1 and N run side by side: the schema is the newer one, and the older program writes to it."""
    previous = install_previous_release(tmp_path / "release")
    settings = test_settings("https://id.example", as_role(postgres_dsn, "operator"), redis_url)
    environment = {"PATH": os.environ["PATH"], **environment_of(settings)}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = previous.command("valetkey.cli", *arguments)
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    refused = await asyncio.to_thread(run, "client", "create", str(SUBJECT), "--resource", "https://api.example")
    made = await asyncio.to_thread(run, "client", "create", "api", "--resource", "https://api.example")
    user = await asyncio.to_thread(run, "user", "create", "ada", "--generate-password")

    assert (refused.returncode, made.returncode, user.returncode) == (ExitCode.CONFLICT, 0, 0), refused
    assert "Traceback" not in refused.stderr
