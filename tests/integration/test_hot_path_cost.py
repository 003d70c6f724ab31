"""What the hot paths ask of the stores, counted by the stores' own exchanges: none, one of each, and no more."""

from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from support.administration import Administration
from support.outage_fleet import SCOPE
from support.relying_party import RelyingParty
from support.systems import MakeParty
from valetkey.runtime.telemetry.metric import REGISTRY

TRIES = 6
# What a service asks every second by itself, whatever is asked of it.
BY_ITSELF = {"memory"}
OPERATIONS = "db_client_operation_duration_seconds_count"

pytestmark = pytest.mark.requirement("architecture 5: no SQL on the hot paths of client credentials and introspection")


def exchanges() -> Counter[str]:
    """Every exchange with a store so far, by what it was for."""
    found = Counter[str]()
    for family in REGISTRY.collect():
        for sample in family.samples:
            if sample.name == OPERATIONS and sample.labels["db_operation_name"] not in BY_ITSELF:
                found[f"{sample.labels['db_system_name']} {sample.labels['db_operation_name']}"] += int(sample.value)
    return found


async def cost_of(ask: Callable[[], Awaitable[object]]) -> Counter[str]:
    """The exchanges of the cheapest of a few requests: caches fill, and replicas look things up by themselves."""
    costs = []
    for _ in range(TRIES):
        before = exchanges()
        await ask()
        costs.append(exchanges() - before)
    return min(costs, key=Counter.total)


async def test_client_credentials_ask_no_store(make_party: MakeParty, machine: RelyingParty) -> None:
    assert await cost_of(lambda: machine.token("client_credentials")) == {}


async def test_an_introspection_is_one_read_of_redis(api: RelyingParty, machine: RelyingParty) -> None:
    token = (await machine.token("client_credentials")).access_token

    assert await cost_of(lambda: api.introspect(token)) == {"redis revocations.read": 1}


async def test_garbage_is_seen_through_without_a_store(api: RelyingParty) -> None:
    assert await cost_of(lambda: api.introspect("garbage")) == {}


async def test_a_refresh_is_one_statement(party: RelyingParty) -> None:
    newest = (await party.log_in(scope=SCOPE)).refresh_token

    async def refresh() -> None:
        nonlocal newest
        newest = (await party.refresh(newest)).refresh_token

    assert await cost_of(refresh) == {"postgresql authorizations.rotate": 1}


async def test_a_redemption_is_one_command_and_one_statement(party: RelyingParty) -> None:
    codes = [await party.authorize(scope=SCOPE) for _ in range(TRIES)]

    async def redeem() -> None:
        assert (await party.redeem(codes.pop())).status == 200

    assert await cost_of(redeem) == {"redis codes.consume": 1, "postgresql authorizations.insert": 1}


async def test_an_authorization_by_a_session_is_one_read_and_one_command(party: RelyingParty) -> None:
    await party.authorize(scope=SCOPE)

    assert await cost_of(lambda: party.authorize(scope=SCOPE)) == {
        "postgresql sessions.find": 1,
        "redis codes.put": 1,
    }


async def test_a_login_keeps_only_what_has_a_next_step(party: RelyingParty) -> None:
    await party.authorize(scope=SCOPE)

    async def log_in() -> None:
        elsewhere = RelyingParty(party.issuer, party.client, party.person)
        await elsewhere.authorize(scope=SCOPE)
        await elsewhere.browser.close()

    assert await cost_of(log_in) == {
        "redis rate_limit": 1,
        "redis interactions.put": 1,
        "redis interactions.find": 2,
        "postgresql users.find_by_login_name": 1,
        "postgresql credentials.enrolled": 1,
        "redis login_attempts": 3,
        "postgresql sessions.create": 1,
        "postgresql consents.find": 1,
        "redis interactions.take": 1,
        "redis codes.put": 1,
    }


async def test_keys_and_metadata_ask_no_store(party: RelyingParty) -> None:
    assert await cost_of(lambda: party.get_json("/jwks")) == {}
    assert await cost_of(lambda: party.get_json("/.well-known/openid-configuration")) == {}


@pytest.fixture
async def machine(make_party: MakeParty, administration: Administration) -> RelyingParty:
    """A client that acts for itself."""
    return await make_party(await administration.create_machine())
