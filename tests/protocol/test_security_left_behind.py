"""What is left by trying: counts of passwords and secrets, consents, ended sessions; so many of each, and small."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from redis.asyncio import Redis

from support.administration import FULL_SCOPE
from support.client_address import new_address
from support.relying_party import ClientIdentity, Person, RelyingParty
from support.system import System
from support.systems import MakeParty, StartSystem
from valetkey.core.oauth.revocation import REVOCATION_MARGIN
from valetkey.storage.postgres.database.statement import Statement
from valetkey.storage.postgres.tables.revocation_lifetime import REVOCATION_LIFETIME

PER_ADDRESS = 5
COUNT_BYTES = 250
SETTINGS = {
    "login_attempts_per_address": str(PER_ADDRESS),
    "client_failures_per_address": str(PER_ADDRESS),
    "client_failures_per_client": "100",
    "trusted_proxies": "127.0.0.1/32",
}
_CONSENTS = Statement("consents", "SELECT scope, claims FROM consents WHERE subject = $1")
pytestmark = pytest.mark.requirement("security 55c: whatever can be left behind is bounded in count and bytes")


@pytest.fixture(scope="module")
def guarded(start_system: StartSystem) -> System:
    """A system in which an address may fail few times, behind a proxy that it trusts."""
    return start_system(changes=SETTINGS)


@pytest.fixture
async def redis(guarded: System) -> AsyncIterator[Redis]:
    async with Redis.from_url(guarded.redis_url) as redis:
        yield redis


@pytest.fixture
async def party(make_party: MakeParty, guarded: System) -> RelyingParty:
    """A client and its user at an address of their own."""
    party = await make_party(at=guarded)
    party.browser.headers["X-Forwarded-For"] = new_address()
    return party


def past_the_front_door(party: RelyingParty, system: System, service: str) -> None:
    """The front door says itself where a request comes from."""
    party.browser.origin, party.issuer = system.origin, system.urls[service][0]


async def guess_passwords(party: RelyingParty, system: System) -> None:
    past_the_front_door(party, system, "authorize")
    for number in range(4 * PER_ADDRESS):
        person = Person(f"{secrets.token_hex(4)}{'x' * 200}-{number}", "y" * 900)
        await party.sign_in(await party.start(), person)


async def guess_secrets(party: RelyingParty, system: System) -> None:
    past_the_front_door(party, system, "token")
    for number in range(4 * PER_ADDRESS):
        party.client = ClientIdentity(f"{secrets.token_hex(4)}{'x' * 3000}-{number}", "wrong")
        await party.token("client_credentials")


async def send_nonsense(party: RelyingParty, system: System) -> None:
    past_the_front_door(party, system, "introspection")
    for number in range(4 * PER_ADDRESS):
        headers = {"Authorization": f"Basic {'x' * 3000}{number}", "Content-Type": "application/x-www-form-urlencoded"}
        await party.browser.request("POST", f"{party.issuer}/introspect", headers=headers, body=b"token=x")


@pytest.mark.parametrize("attempt", [guess_passwords, guess_secrets, send_nonsense])
async def test_an_address_that_guesses_leaves_two_counts_for_each_guess_that_it_may_make_and_one_for_itself(
    party: RelyingParty, guarded: System, redis: Redis, attempt: Callable[[RelyingParty, System], Awaitable[None]]
) -> None:
    before = set(await redis.keys("vk:attempts*")) | set(await redis.keys("vk:limits:client*"))

    await attempt(party, guarded)

    left = set(await redis.keys("vk:attempts*")) | set(await redis.keys("vk:limits:client*"))
    sizes = [await redis.memory_usage(key) or 0 for key in left - before]
    assert 0 < len(sizes) <= 2 * PER_ADDRESS + 1
    assert max(sizes) < COUNT_BYTES
    assert all([await redis.ttl(key) > 0 for key in left])


async def test_a_user_leaves_one_consent_for_each_client_however_often_it_is_given(
    party: RelyingParty, guarded: System
) -> None:
    for scope in ("openid", "openid profile", "openid email api:read", " ".join(FULL_SCOPE), "openid"):
        await party.authorize(scope=scope, prompt="consent", claims='{"userinfo":{"name":null,"unknown":null}}')

    assert party.person is not None
    async with guarded.administration.database() as database:
        rows = await database.fetch(_CONSENTS, party.person.subject)

    assert len(rows) == 1
    assert set(rows[0]["scope"]) <= set(FULL_SCOPE)
    assert len(rows[0]["scope"]) == len(set(rows[0]["scope"]))
    assert rows[0]["claims"] == ["name"]


async def test_a_session_that_ends_leaves_one_revocation_for_as_long_as_tokens_may_live(
    party: RelyingParty, guarded: System, redis: Redis
) -> None:
    before = set(await redis.keys("vk:{rev}:*"))

    for _ in range(3):
        tokens = await party.log_in(scope="openid api:read")
        await party.log_out(str(tokens.body["id_token"]))

    left = set(await redis.keys("vk:{rev}:*")) - before - {b"vk:{rev}:loaded"}
    assert len(left) <= 3
    longest = (REVOCATION_LIFETIME + REVOCATION_MARGIN).total_seconds()
    assert all([0 < await redis.ttl(key) <= longest for key in left])
    assert max([await redis.memory_usage(key) or 0 for key in left], default=0) < COUNT_BYTES
