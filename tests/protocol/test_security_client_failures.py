"""Failed client authentication costs little however often it is tried, and never locks out the holder of the secret."""

import asyncio
import json
import secrets
from collections import Counter
from dataclasses import replace

import pytest

from support.captured_output import captured_output
from support.client_address import new_address
from support.fragile import Fragile
from support.refusal import require_refusal
from support.relying_party import ClientIdentity, RelyingParty, Reply
from support.system import System
from support.systems import MakeParty, StartSystem

PER_CLIENT = 4
PER_ADDRESS = 9
WINDOW = 900
SETTINGS = {
    "client_failures_per_client": str(PER_CLIENT),
    "client_failures_per_address": str(PER_ADDRESS),
    "trusted_proxies": "127.0.0.1/32",
}
ENDPOINTS = {"/token": "token", "/revoke": "token", "/introspect": "introspection"}
pytestmark = pytest.mark.requirement("security 31, 40: client authentication cannot be guessed at without end")


@pytest.fixture(scope="module")
def guarded(start_system: StartSystem) -> System:
    """A system with small budgets, behind a proxy that it trusts."""
    return start_system(replicas=2, changes=SETTINGS)


@pytest.fixture
async def machine(make_party: MakeParty, guarded: System) -> RelyingParty:
    """A client of its own, at an address of its own."""
    return moved(await make_party(await guarded.administration.create_machine(), at=guarded))


def moved(party: RelyingParty, address: str | None = None) -> RelyingParty:
    """The same client, seen at another address."""
    party.browser.headers["X-Forwarded-For"] = address or new_address()
    return party


def at(party: RelyingParty, system: System, endpoint: str, replica: int = 0) -> RelyingParty:
    return replace(party, issuer=system.urls[ENDPOINTS[endpoint]][replica])


async def ask(party: RelyingParty, endpoint: str) -> Reply:
    """A request that succeeds with the right secret."""
    return await party.post(endpoint, [("grant_type", "client_credentials"), ("token", "nothing")])


def unknown_client() -> str:
    return f"unknown-{secrets.token_hex(4)}"


async def guess(party: RelyingParty, endpoint: str, client_id: str | None = None) -> Reply:
    client = replace(party.client, client_id=client_id or party.client.client_id, client_secret=secrets.token_hex(20))
    return await ask(replace(party, client=client), endpoint)


def require_limited(reply: Reply) -> None:
    assert (reply.status, reply.error) == (429, "temporarily_unavailable")
    assert reply.headers["Retry-After"] == str(WINDOW)
    assert "WWW-Authenticate" not in reply.headers


@pytest.mark.parametrize("endpoint", list(ENDPOINTS))
@pytest.mark.parametrize("exists", [True, False], ids=["registered", "unknown"])
async def test_failures_are_counted_per_client_wherever_they_come_from(
    machine: RelyingParty, guarded: System, endpoint: str, exists: bool
) -> None:
    client_id = None if exists else unknown_client()
    party = at(machine, guarded, endpoint)

    replies = [await guess(moved(party), endpoint, client_id) for _ in range(PER_CLIENT + 2)]

    for refused in replies[:PER_CLIENT]:
        require_refusal(refused, "invalid_client")
    for limited in replies[PER_CLIENT:]:
        require_limited(limited)


async def test_the_endpoints_share_one_count(machine: RelyingParty, guarded: System) -> None:
    statuses = [
        (await guess(moved(at(machine, guarded, endpoint, replica)), endpoint)).status
        for replica in (0, 1)
        for endpoint in ENDPOINTS
    ]

    assert statuses == [401] * PER_CLIENT + [429] * 2


@pytest.mark.parametrize("endpoint", list(ENDPOINTS))
async def test_failures_are_counted_per_address_for_every_client_id(
    machine: RelyingParty, guarded: System, endpoint: str
) -> None:
    party = at(machine, guarded, endpoint)

    statuses = [(await guess(party, endpoint, unknown_client())).status for number in range(PER_ADDRESS + 2)]
    elsewhere = await guess(moved(party), endpoint, unknown_client())

    assert statuses == [401] * PER_ADDRESS + [429] * 2
    assert elsewhere.status == 401


async def test_an_address_that_is_spent_no_longer_spends_the_clients_count(
    machine: RelyingParty, guarded: System
) -> None:
    party = at(machine, guarded, "/token")
    for _ in range(PER_ADDRESS):
        await guess(party, "/token", unknown_client())
    for _ in range(PER_CLIENT + 1):
        require_limited(await guess(party, "/token"))

    assert (await guess(moved(party), "/token")).status == 401


async def test_a_network_of_ipv6_addresses_is_one_address(machine: RelyingParty, guarded: System) -> None:
    network = f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}"
    party = at(machine, guarded, "/token")

    statuses = [
        (await guess(moved(party, f"{network}::{number + 1:x}"), "/token", unknown_client())).status
        for number in range(PER_ADDRESS + 1)
    ]

    assert statuses == [401] * PER_ADDRESS + [429]


@pytest.mark.parametrize("header", ["", "Basic !!!", "Basic bm9jb2xvbg==", "Bearer x"])
async def test_what_cannot_be_read_is_a_failure_too(machine: RelyingParty, guarded: System, header: str) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"} | ({"Authorization": header} if header else {})
    url = f"{guarded.urls['token'][0]}/token"

    statuses = [
        (await machine.browser.request("POST", url, headers=headers, body=b"grant_type=x")).status
        for _ in range(PER_ADDRESS + 1)
    ]

    assert statuses == [401] * PER_ADDRESS + [429]


@pytest.mark.parametrize("endpoint", list(ENDPOINTS))
async def test_a_client_with_the_right_secret_is_not_locked_out(
    machine: RelyingParty, guarded: System, endpoint: str
) -> None:
    party = at(machine, guarded, endpoint)
    for number in range(PER_ADDRESS + 2):
        last = await guess(party, endpoint, None if number % 2 else unknown_client())

    replies = [await ask(party, endpoint) for _ in range(3)]

    require_limited(last)
    assert [reply.status for reply in replies] == [200] * 3


async def test_success_is_never_counted(machine: RelyingParty, guarded: System) -> None:
    party = at(machine, guarded, "/token")

    statuses = [(await ask(party, "/token")).status for _ in range(PER_ADDRESS + 2)]
    failures = [(await guess(party, "/token")).status for _ in range(PER_CLIENT)]

    assert set(statuses) == {200}
    assert set(failures) == {401}


async def test_guesses_at_once_over_all_replicas_are_no_more_than_guesses_in_turn(
    make_party: MakeParty, guarded: System
) -> None:
    client = await guarded.administration.create_machine()
    parties = [moved(await make_party(client, at=guarded)) for _ in range(4 * PER_CLIENT)]
    gate = asyncio.Barrier(len(parties))

    async def at_once(number: int, party: RelyingParty) -> int:
        await gate.wait()
        return (await guess(at(party, guarded, "/token", number % 2), "/token")).status

    statuses = await asyncio.gather(*(at_once(number, party) for number, party in enumerate(parties)))

    assert Counter(statuses) == {401: PER_CLIENT, 429: 3 * PER_CLIENT}


async def test_the_count_outlives_the_replicas(machine: RelyingParty, guarded: System) -> None:
    for _ in range(PER_CLIENT):
        await guess(moved(at(machine, guarded, "/token")), "/token")

    with System(guarded.postgres_dsn, guarded.redis_url, changes=SETTINGS) as later:
        reply = await guess(moved(at(machine, later, "/introspect")), "/introspect")

    require_limited(reply)


async def test_a_flood_leaves_one_event_more_than_the_limit_and_none_of_its_own_words(
    machine: RelyingParty, guarded: System
) -> None:
    with captured_output() as heard:
        for _ in range(5 * PER_CLIENT):
            await guess(moved(at(machine, guarded, "/token")), "/token")

    lines = heard.getvalue().splitlines()
    events = [json.loads(line) for line in lines if line.startswith('{"log":"audit"')]
    assert [event["reason"] for event in events] == [
        *["wrong or expired secret"] * PER_CLIENT,
        "the client limit of failed authentications is spent",
    ]
    assert {event["client_id"] for event in events} == {machine.client.client_id}
    told = [line for line in lines if '"refused"' in line and '"log":"audit"' not in line]
    assert sum('"level":"debug"' not in line for line in told) == PER_CLIENT, told[-1]


@pytest.mark.requirement("security 55: dependencies away: fail closed")
async def test_without_redis_a_failure_is_a_refusal_and_the_secret_still_works(
    fragile: Fragile, make_party: MakeParty
) -> None:
    machine = await make_party(await fragile.system.administration.create_machine(), at=fragile.system)
    assert (await ask(machine, "/token")).status == 200
    fragile.redis.stop()
    try:
        refused = await guess(machine, "/token")
        unreadable = await ask(replace(machine, client=ClientIdentity("", None, method="none")), "/token")
        let_in = await ask(machine, "/token")
    finally:
        fragile.mend()

    require_refusal(refused, "invalid_client")
    assert unreadable.status == 401
    assert let_in.status == 200


async def test_what_was_limited_is_counted(machine: RelyingParty, guarded: System) -> None:
    for _ in range(PER_CLIENT + 1):
        await guess(moved(at(machine, guarded, "/token")), "/token")

    answer = await machine.browser.get(f"{guarded.management_urls['token'][0]}/metrics")

    assert 'valetkey_rate_limited_total{limit="client"}' in answer.text
    assert 'valetkey_client_authentications_total{method="client_secret_basic",result="limited"}' in answer.text
