"""``valetkey user unlock``: a person whom others' guesses keep out gets in again."""

import asyncio
import secrets
from uuid import UUID

import pytest

from support.administration import Administration
from support.front_channel import heading
from support.operator_cli import Operator
from support.redis_topologies import URL_FIXTURES
from support.relying_party import Person, RelyingParty
from support.system import System
from support.systems import MakeParty
from valetkey.cli.exit_code import ExitCode
from valetkey.demo.stores.embedded_redis import EmbeddedRedis
from valetkey.storage.redis.client.connection import connect
from valetkey.storage.redis.kept.keyspace import LOGIN_ATTEMPTS
from valetkey.storage.redis.limits.login_attempts import Guess, LoginAttempts, account_of_user
from valetkey.storage.redis.limits.rate_limit_storage import RateLimitStorage

PER_ACCOUNT = 10
CONSENT = "asks for access"


async def sign_in(make_party: MakeParty, system: System, client: RelyingParty, name: str, password: str) -> int:
    """A login in a new browser; its status."""
    party: RelyingParty = await make_party(client.client, Person(name, password), at=system)
    answer = await party.sign_in(await party.start(prompt="consent"))
    if answer.status == 200:
        assert CONSENT in heading(answer)
    return answer.status


@pytest.mark.requirement("security 40: an operator gives an account its budgets back")
@pytest.mark.parametrize("typed", ["user name", "e-mail address", "another spelling", "subject"])
async def test_a_locked_out_user_gets_in_again(
    system: System, administration: Administration, make_party: MakeParty, system_operator: Operator, typed: str
) -> None:
    person, client = await administration.create_user(), await make_party()
    names = [person.username, f"{person.username}@example.com"]
    for name in names:
        for _ in range(PER_ACCOUNT):
            assert await sign_in(make_party, system, client, name, "wrong") == 403
    locked = [await sign_in(make_party, system, client, name, person.password) for name in names]
    said = {
        "user name": person.username,
        "e-mail address": names[1],
        "another spelling": f" {person.username.upper()}",
        "subject": person.subject,
    }[typed]

    outcome = await asyncio.to_thread(system_operator.succeed, "user", "unlock", said, "-o", "json")
    let_in = [await sign_in(make_party, system, client, name, person.password) for name in names]

    assert locked == [429, 429]
    assert let_in == [200, 200]
    assert outcome.json == {
        "subject": person.subject,
        "username": person.username,
        "cleared": [
            {"budget": "name", "attempts": PER_ACCOUNT + 1, "name": names[0]},
            {"budget": "name", "attempts": PER_ACCOUNT + 1, "name": names[1]},
            {"budget": "account", "attempts": 2 * PER_ACCOUNT + 2},
        ],
    }
    assert f"{person.username} may try again at once" in outcome.err
    (event,) = outcome.events
    assert (event["type"], event["outcome"], event["subject"]) == ("user.unlocked", "success", person.subject)


async def test_what_was_refused_in_silence_is_unlocked_too(
    system: System, administration: Administration, make_party: MakeParty, system_operator: Operator
) -> None:
    person, client = await administration.create_user(), await make_party()
    for number in range(PER_ACCOUNT):
        name = person.username if number % 2 else f"{person.username}@example.com"
        await sign_in(make_party, system, client, name, "wrong")

    refused = await sign_in(make_party, system, client, person.username, person.password)
    await asyncio.to_thread(system_operator.succeed, "user", "unlock", person.username)

    assert refused == 403
    assert await sign_in(make_party, system, client, person.username, person.password) == 200


async def test_others_and_addresses_stay_as_they_are(
    system: System, administration: Administration, make_party: MakeParty, system_operator: Operator
) -> None:
    person, other, client = await administration.create_user(), await administration.create_user(), await make_party()
    for each in (person, other):
        for _ in range(PER_ACCOUNT):
            await sign_in(make_party, system, client, each.username, "wrong")
    async with connect(system.redis_url) as redis:
        before = {key: await redis.get(key) for key in await redis.keys("vk:attempts:address/*")}

        await asyncio.to_thread(system_operator.succeed, "user", "unlock", person.username)
        after = {key: await redis.get(key) for key in await redis.keys("vk:attempts:address/*")}

    assert before == after != {}
    assert await sign_in(make_party, system, client, other.username, other.password) == 429


@pytest.mark.parametrize("topology", list(URL_FIXTURES))
@pytest.mark.parametrize("limits", ["the services' own", "others"])
def test_it_works_on_every_topology_and_whatever_the_operator_s_limits_are(
    request: pytest.FixtureRequest, operator: Operator, topology: str, limits: str
) -> None:
    url = request.getfixturevalue(URL_FIXTURES[topology])
    operator = operator.with_variables(redis_url=url)
    if limits == "others":
        operator = operator.with_variables(login_attempts_per_account="7", login_attempts_window="60")
    ada = operator.json("user", "create", "ada", "--email", "Ada@Example.org", "--generate-password")
    guesses = [
        Guess(name, account_of_user(UUID(ada["subject"])), "198.51.100.7") for name in ("ada", "ada@example.org")
    ]

    async def guess(times: int) -> list[tuple[str | None, bool]]:
        async with connect(url) as redis:
            attempts = LoginAttempts(
                RateLimitStorage(redis, LOGIN_ATTEMPTS), per_account=3, per_address=1000, window=900
            )
            counted = [await attempts.count(each) for each in guesses for _ in range(times)]
        return [(each.told, each.counts) for each in counted]

    asyncio.run(guess(4))
    first = operator.json("user", "unlock", "ada")
    after = asyncio.run(guess(1))

    assert [(each["budget"], each["attempts"]) for each in first["cleared"]] == [
        ("name", 4),
        ("name", 4),
        ("account", 8),
    ]
    assert after == [(None, True)] * 2


def test_it_may_be_repeated_and_says_that_there_was_nothing(operator: Operator) -> None:
    operator.json("user", "create", "ada", "--generate-password")

    once, again = [operator.succeed("user", "unlock", "ada") for _ in range(2)]

    for outcome in (once, again):
        assert "Nothing was counted against ada; nothing was changed." in outcome.err
        assert "cleared" in outcome.out
        assert [event["type"] for event in outcome.events] == ["user.unlocked"]


def test_an_unknown_user_cannot_be_unlocked(operator: Operator) -> None:
    outcome = operator.run("user", "unlock", f"unknown-{secrets.token_hex(4)}")

    assert outcome.exit_code == ExitCode.NOT_FOUND
    assert "There is no user unknown-" in outcome.err
    assert not outcome.events


@pytest.mark.requirement("security 55: dependencies away: fail closed")
def test_while_redis_is_away_the_command_says_so(operator: Operator, disposable_redis: EmbeddedRedis) -> None:
    operator = operator.with_variables(redis_url=disposable_redis.url, redis_timeout="1s")
    operator.json("user", "create", "ada", "--generate-password")
    disposable_redis.stop()

    outcome = operator.run("user", "unlock", "ada")

    assert outcome.exit_code == ExitCode.UNAVAILABLE
    assert "Check that it runs" in outcome.err
    assert [event["outcome"] for event in outcome.events] == ["failure"]


def test_without_a_redis_in_the_settings_the_command_says_which(operator: Operator) -> None:
    operator.json("user", "create", "ada", "--generate-password")
    poorer = Operator({name: value for name, value in operator.environment.items() if name != "VALETKEY_REDIS_URL"})

    outcome = poorer.run("user", "unlock", "ada")

    assert outcome.exit_code == ExitCode.CONFIGURATION
    assert "VALETKEY_REDIS_URL" in outcome.err
