"""What one signed-in browser can leave by asking without end is bounded, and how its clients and people learn of it."""

import asyncio
import json
import secrets
from collections import Counter

import pytest
from redis.asyncio import Redis

from support.administration import CALLBACK
from support.browser import Answer, query_of
from support.captured_output import captured_output
from support.front_channel import require_shown, response_of
from support.relying_party import RelyingParty
from support.system import System
from support.systems import MakeParty, StartSystem

OF_CLIENT, OF_SESSION, OF_USER = 4, 6, 8
LIFETIME = 30
SETTINGS = {
    "codes_per_user_and_client": str(OF_CLIENT),
    "codes_per_session": str(OF_SESSION),
    "codes_per_user": str(OF_USER),
    "authorization_code_lifetime": str(LIFETIME),
}
SILENT: dict[str, str | None] = {"prompt": "none"}
pytestmark = pytest.mark.requirement("security 55c: what a session, a user or a client can leave is bounded")


@pytest.fixture(scope="module")
def guarded(start_system: StartSystem) -> System:
    return start_system(replicas=2, changes=SETTINGS)


@pytest.fixture
async def party(make_party: MakeParty, guarded: System) -> RelyingParty:
    """A user who has signed in and agreed, for which one code was issued."""
    party = await make_party(at=guarded)
    await party.authorize()
    return party


async def ask(party: RelyingParty, system: System, replica: int = 0, /, **changes: str | None) -> Answer:
    """An authorization request to one replica, past the front door."""
    params = party.request_params(secrets.token_urlsafe(48), **changes)
    return await party.browser.get(f"{system.urls['authorize'][replica]}/authorize", params)


async def fetchable(system: System) -> int:
    async with Redis.from_url(system.redis_url) as redis:
        return len(await redis.keys("vk:code:*"))


def outcome(answer: Answer) -> str:
    """What a client hears, or the status of a page."""
    if not answer.is_redirect:
        return str(answer.status)
    params = query_of(answer.location)
    return "code" if "code" in params else params["error"]


async def test_a_client_that_asks_silently_hears_that_it_has_to_wait(party: RelyingParty, guarded: System) -> None:
    before = await fetchable(guarded)

    answers = [await ask(party, guarded, number % 2, **SILENT, state="s") for number in range(3 * OF_CLIENT)]

    outcomes = [outcome(answer) for answer in answers]
    assert outcomes == ["code"] * (OF_CLIENT - 1) + ["temporarily_unavailable"] * (2 * OF_CLIENT + 1)
    refused = response_of(answers[-1], CALLBACK).params
    assert (refused["state"], refused["iss"]) == ("s", guarded.issuer)
    assert await fetchable(guarded) - before == OF_CLIENT - 1


async def test_a_person_gets_a_page_that_says_when_to_come_back(party: RelyingParty, guarded: System) -> None:
    answers = [await ask(party, guarded) for _ in range(OF_CLIENT)]

    assert [outcome(answer) for answer in answers] == ["code"] * (OF_CLIENT - 1) + ["429"]
    assert require_shown(answers[-1], 429) == "The application keeps asking"
    assert answers[-1].headers["Retry-After"] == str(LIFETIME)


@pytest.mark.parametrize("mode", ["query", "form_post"])
async def test_both_response_modes_are_counted_and_answered(party: RelyingParty, guarded: System, mode: str) -> None:
    for _ in range(OF_CLIENT - 1):
        assert response_of(await ask(party, guarded, response_mode=mode), CALLBACK).code

    refused = response_of(await ask(party, guarded, response_mode=mode, **SILENT), CALLBACK)

    assert (refused.error, refused.response_mode) == ("temporarily_unavailable", mode)


async def test_a_login_that_ends_beyond_the_limit_is_told_on_a_page(party: RelyingParty, guarded: System) -> None:
    for _ in range(OF_CLIENT):
        await ask(party, guarded, **SILENT)

    answer = await party.walk(await party.start(prompt="login"))

    assert outcome(answer) == "429"
    assert outcome(await ask(party, guarded, **SILENT)) == "temporarily_unavailable"


async def test_requests_at_once_over_all_replicas_get_no_more(party: RelyingParty, guarded: System) -> None:
    gate = asyncio.Barrier(4 * OF_CLIENT)

    async def at_once(number: int) -> str:
        await gate.wait()
        return outcome(await ask(party, guarded, number % 2, **SILENT))

    outcomes = Counter(await asyncio.gather(*(at_once(number) for number in range(4 * OF_CLIENT))))

    assert outcomes == {"code": OF_CLIENT - 1, "temporarily_unavailable": 3 * OF_CLIENT + 1}


async def of_other_clients(
    party: RelyingParty, make_party: MakeParty, system: System, number: int
) -> list[RelyingParty]:
    """Other clients in the same browser, to each of which the user has agreed."""
    clients = [await system.administration.create_web_client() for _ in range(number)]
    made = [await make_party(client, party.person, at=system) for client in clients]
    for each in made:
        each.browser.cookies = party.browser.cookies
        await each.authorize()
    return made


async def test_a_greedy_client_leaves_codes_to_others_of_the_session(
    party: RelyingParty, guarded: System, make_party: MakeParty
) -> None:
    for _ in range(5 * OF_CLIENT):
        await ask(party, guarded, **SILENT)

    others = await of_other_clients(party, make_party, guarded, 1)

    assert outcome(await ask(others[0], guarded, **SILENT)) == "code"


async def test_a_session_is_held_to_its_limit_at_all_clients_together(
    party: RelyingParty, guarded: System, make_party: MakeParty
) -> None:
    # One code was issued before; each of the others issues one when its user agrees.
    others = await of_other_clients(party, make_party, guarded, OF_SESSION - 2)

    outcomes = [outcome(await ask(each, guarded, **SILENT)) for each in others]

    assert outcomes == ["code"] + ["temporarily_unavailable"] * (OF_SESSION - 3)


async def test_a_user_is_held_to_a_limit_in_all_sessions_together(make_party: MakeParty, guarded: System) -> None:
    person = await guarded.administration.create_user()
    outcomes = []
    for _ in range(OF_USER):
        party = await make_party(person=person, at=guarded)
        outcomes.append(outcome(await party.walk(await party.start())))
        outcomes.append(outcome(await ask(party, guarded, **SILENT)))

    assert outcomes[:OF_USER] == ["code"] * OF_USER
    assert "code" not in outcomes[OF_USER:]


async def test_a_refusal_is_audited_once_and_counted(party: RelyingParty, guarded: System) -> None:
    with captured_output() as heard:
        for _ in range(3 * OF_CLIENT):
            await ask(party, guarded, **SILENT)

    events = [json.loads(line) for line in heard.getvalue().splitlines() if line.startswith('{"log":"audit"')]
    assert [event["reason"] for event in events if event["outcome"] == "failure"] == [
        "the limit codes_of_client is spent"
    ]
    metrics = await party.browser.get(f"{guarded.management_urls['authorize'][0]}/metrics")
    assert 'valetkey_rate_limited_total{limit="codes_of_client"}' in metrics.text
