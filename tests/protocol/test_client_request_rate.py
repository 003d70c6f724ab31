"""A client that sends too many requests is limited at the endpoints that it calls, and no other client is."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from support.relying_party import RelyingParty, Reply
from support.system import System
from support.systems import MakeParty, StartSystem
from valetkey.core.ports.clock import Clock

LIMIT = 6
pytestmark = pytest.mark.requirement("security 40: limits per client")


def mid_minute() -> Clock:
    """Runs as time does, half a minute away from the end of a minute at the least, for the length of a test."""
    begun = datetime.now(UTC)
    ahead = begun.replace(second=10) - begun
    return lambda: datetime.now(UTC) + ahead


@pytest.fixture(scope="module")
def limited(start_system: StartSystem) -> System:
    """A system in which a client may ask a few times a minute."""
    return start_system(changes={"client_requests_per_minute": str(LIMIT)}, clock=mid_minute())


@pytest.fixture
async def machine(make_party: MakeParty, limited: System) -> RelyingParty:
    return await make_party(await limited.administration.create_machine(), at=limited)


async def ask(party: RelyingParty, endpoint: str) -> Reply:
    return await party.post(endpoint, [("grant_type", "client_credentials"), ("token", "nothing")])


def require_limited(reply: Reply) -> None:
    assert (reply.status, reply.error) == (429, "temporarily_unavailable")
    assert 1 <= int(reply.headers["Retry-After"]) <= 60


@pytest.mark.parametrize("endpoint", ["/token", "/introspect"])
async def test_a_client_gets_so_many_answers_a_minute_and_is_told_when_there_are_more(
    machine: RelyingParty, make_party: MakeParty, limited: System, endpoint: str
) -> None:
    replies = [await ask(machine, endpoint) for _ in range(LIMIT + 2)]
    other = await make_party(await limited.administration.create_machine(), at=limited)

    assert [reply.status for reply in replies] == [200] * LIMIT + [429] * 2
    require_limited(replies[-1])
    assert (await ask(other, endpoint)).status == 200


async def test_the_endpoints_do_not_spend_each_others_requests(machine: RelyingParty) -> None:
    for _ in range(LIMIT + 1):
        await ask(machine, "/token")

    assert (await ask(machine, "/introspect")).status == 200


async def test_a_token_can_be_revoked_however_much_was_asked(machine: RelyingParty) -> None:
    for _ in range(LIMIT + 1):
        await ask(machine, "/token")

    assert (await machine.revoke("nothing")).status == 200


async def test_a_failed_authentication_does_not_spend_the_requests_of_a_client(machine: RelyingParty) -> None:
    with_wrong_secret = replace(machine, client=replace(machine.client, client_secret="wrong"))
    for _ in range(2 * LIMIT):
        assert (await ask(with_wrong_secret, "/token")).status == 401

    assert (await ask(machine, "/token")).status == 200


async def test_the_requests_of_a_public_clients_users_cannot_be_spent(make_party: MakeParty, limited: System) -> None:
    party = await make_party(await limited.administration.create_web_client("none"), at=limited)
    for _ in range(2 * LIMIT):
        assert (await party.refresh("nothing")).error == "invalid_grant"

    assert (await party.log_in()).status == 200


async def test_a_refused_request_has_spent_nothing(make_party: MakeParty, limited: System) -> None:
    party = await make_party(at=limited)
    code = await party.authorize()
    for _ in range(LIMIT):
        await party.refresh("nothing")

    refused = await party.redeem(code)

    require_limited(refused)
    assert refused.body.keys() == {"error", "error_description", "reference"}


async def test_what_was_limited_is_counted(machine: RelyingParty, limited: System) -> None:
    for _ in range(LIMIT + 1):
        await ask(machine, "/introspect")

    answer = await machine.browser.get(f"{limited.management_urls['introspection'][0]}/metrics")

    assert 'valetkey_rate_limited_total{limit="client_rate"}' in answer.text
