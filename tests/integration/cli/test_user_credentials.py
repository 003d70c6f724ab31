"""``valetkey user credentials``: operators see what a user signs in with, and take away what was lost."""

import asyncio
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from support.administration import Administration
from support.operator_cli import Operator, Outcome
from support.relying_party import Person
from support.system import System
from valetkey.cli.exit_code import ExitCode
from valetkey.storage.postgres.tables.credentials import Credentials
from valetkey.storage.postgres.tables.users import Users
from valetkey.storage.redis.limits.login_attempts import Guess, LoginAttempts, second_factor_of

NO_ID = "5f0c8f0e-6e0e-4b0e-9d8e-0a9d1f6f2c11"


@pytest.fixture
async def ada(administration: Administration) -> Person:
    """A user with an authenticator app and two recovery codes."""
    person, now = await administration.create_user(), administration.clock()
    async with administration.database() as database:
        user = await Users(database).find_by_subject(UUID(person.subject))
        assert user is not None
        credentials = Credentials(database)
        assert await credentials.add_totp(user, uuid4(), "Authenticator app", b"sealed", 1, now)
        assert await credentials.replace_recovery_codes(user, [(uuid4(), b"one"), (uuid4(), b"two")], now)
    return person


async def run(operator: Operator, *arguments: str) -> Outcome:
    return await asyncio.to_thread(operator.run, "user", "credentials", *arguments)


async def test_they_are_listed_without_what_is_secret(system_operator: Operator, ada: Person) -> None:
    listed = await run(system_operator, "list", ada.username, "-o", "json")

    (app,) = listed.json
    assert (app["method"], app["name"]) == ("totp", "Authenticator app")
    assert "sealed" not in listed.out + listed.err
    assert "2 recovery codes are left." in listed.err


async def test_one_is_removed_by_its_id(system_operator: Operator, ada: Person) -> None:
    (app,) = (await run(system_operator, "list", ada.username, "-o", "json")).json

    removed = await run(system_operator, "remove", ada.username, app["credential_id"], "-o", "json")
    again = await run(system_operator, "remove", ada.username, app["credential_id"])

    assert removed.json == {"subject": ada.subject, "username": ada.username, "removed": 1}
    assert [event["type"] for event in removed.events] == ["user.credential_removed"]
    assert again.exit_code == ExitCode.NOT_FOUND


async def test_all_of_some_methods_are_removed(system_operator: Operator, ada: Person) -> None:
    methods = ("--method", "totp", "--method", "recovery_code")

    asked = await run(system_operator, "remove", ada.username, *methods)
    removed = await run(system_operator, "remove", ada.username, *methods, "--yes", "-o", "json")
    again = await run(system_operator, "remove", ada.username, *methods, "--yes")

    assert asked.exit_code != ExitCode.OK
    assert removed.json["removed"] == 3
    assert "nothing was changed" in again.err
    assert (await run(system_operator, "list", ada.username, "-o", "json")).json == []


@pytest.mark.parametrize("arguments", [(), (NO_ID, "--method", "totp"), ("--method", "password")], ids=str)
async def test_what_is_to_go_is_said_in_one_way(
    system_operator: Operator, ada: Person, arguments: tuple[str, ...]
) -> None:
    assert (await run(system_operator, "remove", ada.username, *arguments)).exit_code == ExitCode.USAGE


async def test_codes_that_were_guessed_are_forgotten_with_passwords(
    system_operator: Operator, ada: Person, system: System
) -> None:
    name = second_factor_of(UUID(ada.subject))
    async with Redis.from_url(system.redis_url) as redis:
        attempts = LoginAttempts.from_settings(system.settings, redis)
        for _ in range(3):
            await attempts.count(Guess(name, name, "192.0.2.7"))

    unlocked = await asyncio.to_thread(system_operator.run, "user", "unlock", ada.username, "-o", "json")

    assert {"budget": "second_factor", "attempts": 3} in unlocked.json["cleared"]
