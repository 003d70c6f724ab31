"""Unauthenticated requests fill a small Redis until they are refused: revocations are stored all the same."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from unittest.mock import Mock

import pytest
import redis

from support.browser import Answer, query_of
from support.eventually import eventually
from support.fleet import Fleet
from support.front_channel import require_shown
from support.relying_party import RelyingParty
from support.system import System
from support.systems import running_system
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.storage.redis.limits import memory_reserve
from valetkey.storage.redis.limits.memory_reserve import RETRY_AFTER

ROOM = 4 << 20
SETTINGS = {"interactions_per_address": "1000000", "redis_timeout": "5s"}
SCOPE = "openid offline_access api:read"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.requirement("security 55c: revocations have room of their own, whatever other requests leave"),
]


@dataclass(frozen=True, slots=True)
class SmallInstallation:
    """Two replicas of each service over a Redis with four megabytes to fill."""

    system: System
    fleet: Fleet
    store: redis.Redis

    @property
    def used(self) -> float:
        """The share of the memory that is used."""
        memory = self.store.info("memory")
        return float(memory["used_memory"] - memory["mem_not_counted_for_evict"]) / float(memory["maxmemory"])

    def expire(self) -> None:
        """Let the time pass after which everything that unauthenticated requests have left is gone."""
        for pattern in ("vk:interaction:*", "vk:code:*", "vk:codes:*", "vk:limits*", "vk:attempts*"):
            for key in self.store.scan_iter(pattern, count=1000):
                self.store.pexpire(key, 1)


@contextmanager
def small_installation(
    postgres_server: EmbeddedPostgres, migrated_template: str, reserve: float
) -> Iterator[SmallInstallation]:
    changes = {**SETTINGS, "redis_reserve": str(reserve)}
    with ExitStack() as stack:
        # Known to each replica from its start: it looks once a second, and is filled in less.
        system = stack.enter_context(
            running_system(postgres_server, migrated_template, room=ROOM, replicas=2, changes=changes)
        )
        store = stack.enter_context(redis.Redis.from_url(system.redis_url))
        yield SmallInstallation(system, Fleet(system, system.run(system.administration.create_catalog())), store)


@pytest.fixture(scope="module")
def small(postgres_server: EmbeddedPostgres, migrated_template: str) -> Iterator[SmallInstallation]:
    with small_installation(postgres_server, migrated_template, 0.2) as installation:
        yield installation


@pytest.fixture
def unreserved(postgres_server: EmbeddedPostgres, migrated_template: str) -> Iterator[SmallInstallation]:
    with small_installation(postgres_server, migrated_template, 0) as installation:
        yield installation


@pytest.fixture
async def party(small: SmallInstallation) -> AsyncIterator[RelyingParty]:
    """A user who has logged in while there was room; afterwards there is room again."""
    small.expire()
    await until_there_is_room(small)
    party = await small.fleet.new_party()
    yield party
    await party.browser.close()


async def begin(caller: RelyingParty, system: System, number: int = 0) -> Answer:
    """An authorization request of a browser without cookies, as large as it may be."""
    caller.browser.cookies.clear()
    params = caller.request_params(secrets.token_urlsafe(48), state="s" * 4000, nonce="n" * 500, login_hint="a" * 200)
    return await caller.browser.get(f"{system.urls['authorize'][number % 2]}/authorize", params)


async def fill(small: SmallInstallation, rounds: int = 400, at_once: int = 10) -> Answer:
    """Begins logins until all are refused; the last answer."""
    caller = await small.fleet.new_party()
    try:
        for _ in range(rounds):
            answers = await asyncio.gather(*(begin(caller, small.system, number) for number in range(at_once)))
            if all(answer.status != 303 for answer in answers):
                return answers[-1]
            # A replica knows what it has written itself, and of the others once a second.
            await asyncio.sleep(0)
    finally:
        await caller.browser.close()
    raise AssertionError(f"requests were never refused: {small.used:.2f}")


async def until_there_is_room(small: SmallInstallation) -> None:
    caller = await small.fleet.new_party()

    async def is_accepted() -> bool:
        return {(await begin(caller, small.system, number)).status for number in range(2)} == {303}

    await eventually(is_accepted)
    await caller.browser.close()


async def test_requests_are_refused_before_the_reserve_is_used(party: RelyingParty, small: SmallInstallation) -> None:
    refused = await fill(small)

    assert require_shown(refused, 503) == "We cannot do this right now"
    assert refused.headers["Retry-After"] == str(RETRY_AFTER)
    assert 0.6 < small.used < 0.8


async def test_what_has_been_issued_is_revoked_and_found_inactive(
    party: RelyingParty, small: SmallInstallation
) -> None:
    tokens, api = await party.log_in(scope=SCOPE), small.fleet.new_api()
    await fill(small)
    before = (await api.introspect(tokens.access_token)).active

    revoked = await party.revoke(tokens.refresh_token)

    after = (await api.introspect(tokens.access_token)).active
    assert (before, revoked.status, after) == (True, 200, False)
    await api.browser.close()


async def test_hundreds_of_revocations_have_room(party: RelyingParty, small: SmallInstallation) -> None:
    machine = await small.fleet.new_machine()
    tokens = [(await machine.token("client_credentials")).access_token for _ in range(300)]
    await fill(small)

    statuses = Counter([(await machine.revoke(token)).status for token in tokens])

    assert statuses == {200: len(tokens)}
    await machine.browser.close()


async def test_a_logout_ends_the_session_and_what_is_bound_to_it(party: RelyingParty, small: SmallInstallation) -> None:
    tokens, api = await party.log_in(scope="openid api:read"), small.fleet.new_api()
    await fill(small)

    await party.log_out(str(tokens.body["id_token"]))

    assert not (await api.introspect(tokens.access_token)).active
    assert (await party.refresh(tokens.refresh_token)).error == "invalid_grant"
    await api.browser.close()


async def test_operators_end_clients_and_users(party: RelyingParty, small: SmallInstallation) -> None:
    other, api = await small.fleet.new_party(), small.fleet.new_api()
    tokens, others = await party.log_in(scope=SCOPE), await other.log_in(scope=SCOPE)
    await fill(small)
    administration = small.system.administration
    assert other.person is not None

    await administration.disable_client(party.client)
    await administration.disable_user(other.person)

    states = [(await api.introspect(each.access_token)).active for each in (tokens, others)]
    assert states == [False, False]
    for each in (other, api):
        await each.browser.close()


async def test_a_login_under_way_may_be_finished(party: RelyingParty, small: SmallInstallation) -> None:
    page = await party.start(scope=SCOPE)
    await fill(small)

    answer = await party.walk(page)

    assert "code" in query_of(answer.location)


async def test_a_browser_with_a_session_fills_the_rest_up_to_the_reserve_and_no_further(
    party: RelyingParty, small: SmallInstallation
) -> None:
    await party.authorize(scope=SCOPE)
    await fill(small)

    async def ask(number: int) -> str:
        params = party.request_params("v" * 43, prompt="none", state="s" * 4000, nonce="n" * 500, scope=SCOPE)
        url = f"{small.system.urls['authorize'][number % 2]}/authorize"
        return query_of((await party.browser.get(url, params)).location).get("error", "code")

    outcomes = Counter[str]()
    page = None
    # What expires meanwhile makes room again for a moment.
    while page is None or page.status != 503:
        outcomes.update(await asyncio.gather(*map(ask, range(10))))
        assert outcomes.total() < 20_000
        if outcomes["temporarily_unavailable"] >= 20:
            page = await party.start(state="s" * 4000, nonce="n" * 500, scope=SCOPE)

    assert outcomes.keys() == {"code", "temporarily_unavailable"}
    assert require_shown(page, 503) == "We cannot do this right now"
    assert 0.7 < small.used < 0.9


async def test_logins_work_again_by_themselves_once_what_was_left_has_expired(
    party: RelyingParty, small: SmallInstallation
) -> None:
    refused = await fill(small)
    small.expire()

    await until_there_is_room(small)

    assert refused.status == 503
    assert (await party.log_in(scope=SCOPE)).status == 200


async def test_machines_and_keys_notice_nothing(party: RelyingParty, small: SmallInstallation) -> None:
    machine = await small.fleet.new_machine()
    await fill(small)

    token = await machine.token("client_credentials")
    wrong = await machine.post("/token", [("grant_type", "client_credentials")], authenticate=False)

    assert (token.status, wrong.status, wrong.error) == (200, 401, "invalid_client")
    assert (await machine.get_json("/jwks")).status == 200
    await machine.browser.close()


async def test_how_full_it_is_and_what_is_refused_is_told(
    party: RelyingParty, small: SmallInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(small)
    told: list[float] = []
    monkeypatch.setattr(memory_reserve, "REDIS_MEMORY_USED", Mock(set=told.append))

    async def values() -> dict[str, float]:
        metrics = (await party.browser.get(f"{small.system.management_urls['authorize'][0]}/metrics")).text
        lines = (line.rsplit(" ", 1) for line in metrics.splitlines() if line.startswith("valetkey_redis"))
        return {name: float(value) for name, value in lines}

    async def is_told() -> bool:
        # In one process with other systems, each of which says once a second how full its own is.
        most = int(small.store.config_get("maxmemory")["maxmemory"] or 0)
        return any(used / most == pytest.approx(small.used, abs=0.1) for used in told)

    await eventually(is_told)
    assert {"valetkey_redis_memory_used_bytes", "valetkey_redis_memory_max_bytes"} <= (await values()).keys()
    assert (await values())['valetkey_redis_reserve_refusals_total{kind="interaction"}'] > 0


@pytest.mark.requirement("security 55: dependencies away: 503")
async def test_without_a_reserve_a_full_redis_refuses_revocations_too(unreserved: SmallInstallation) -> None:
    machine = await unreserved.fleet.new_machine()
    token = (await machine.token("client_credentials")).access_token
    # Of the last page something may be left.
    unreserved.store.config_set("maxmemory", unreserved.store.info("memory")["used_memory"] // 2)

    assert (await machine.revoke(token)).status == 503
    await machine.browser.close()
