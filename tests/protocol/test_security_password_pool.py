"""Security 41: hashing passwords has a bounded place; what does not fit is sent away, and the rest stays quick."""

import asyncio
import time

import pytest

from support.administration import CALLBACK
from support.browser import Answer
from support.front_channel import heading, response_of
from support.relying_party import RelyingParty
from support.system import System
from support.systems import MakeParty, StartSystem

BUSY = "We cannot check passwords right now. Wait a moment, then try again."
MANY = 10


@pytest.fixture(scope="module")
def slow(start_system: StartSystem) -> System:
    """A system that hashes one password at a time, slowly, while one more may wait; one attempt is allowed."""
    return start_system(
        changes={
            "password_workers": "1",
            "password_queue": "1",
            "password_time_cost": "12",
            "password_memory_cost": "65536",
            "login_attempts_per_account": "1",
        }
    )


@pytest.fixture
async def parties(make_party: MakeParty, slow: System) -> list[RelyingParty]:
    """Many users, each in a browser."""
    return [await make_party(at=slow) for _ in range(MANY)]


async def all_at_once(parties: list[RelyingParty]) -> list[Answer]:
    pages = [await party.start() for party in parties]
    return await asyncio.gather(*(party.sign_in(page) for party, page in zip(parties, pages, strict=True)))


@pytest.mark.requirement("security 41: a bounded pool that sheds load")
async def test_what_does_not_fit_into_the_pool_is_sent_away_at_once(parties: list[RelyingParty]) -> None:
    answers = await all_at_once(parties)

    shed = [answer for answer in answers if answer.status == 503]
    accepted = [answer for answer in answers if answer.status == 200]
    assert shed
    assert accepted
    assert len(shed) + len(accepted) == MANY
    for answer in shed:
        assert answer.page.get(id="error").text == BUSY
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.page.find_all("input", name="password")


@pytest.mark.requirement("security 41: who was sent away has not used up an attempt, and gets in later")
async def test_being_sent_away_is_no_attempt(parties: list[RelyingParty]) -> None:
    answers = await all_at_once(parties)
    sent_away = [(party, page) for party, page in zip(parties, answers, strict=True) if page.status == 503]
    party, page = sent_away[0]

    answer = await party.walk(await party.sign_in(page))

    assert response_of(answer, CALLBACK).code


@pytest.mark.requirement("security 41: other endpoints keep their latency while passwords are hashed")
async def test_no_other_request_waits_for_a_password(
    parties: list[RelyingParty], make_party: MakeParty, slow: System
) -> None:
    bystander = await make_party(at=slow)
    started = time.monotonic()
    hashing = asyncio.create_task(all_at_once(parties[:3]))
    await asyncio.sleep(0)
    durations = []

    while not hashing.done():
        begun = time.monotonic()
        page = await bystander.start()
        durations.append(time.monotonic() - begun)
        assert heading(page) == "Sign in"

    await hashing
    # Two hashes were made one after the other; a request that had to wait for one would take half of the time.
    assert sorted(durations)[len(durations) // 2] < (time.monotonic() - started) / 6
