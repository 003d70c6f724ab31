"""Guesses and forms in many hands at every replica that talks to browsers: counted one by one, and answered once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import cycle
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis

from support.browser import Answer, Browser, Pairs, form_of, query_of
from support.fleet import Fleet
from support.front_channel import heading
from support.relying_party import CodeResponse, RelyingParty
from support.steps import STEPS, filled, reach
from support.tier import rounds
from valetkey.storage.redis.client.connection import connect
from valetkey.storage.redis.kept.keyspace import CODE

LIMIT = 10
HANDS = 24
# So many of them type the e-mail address: too few to be told of, and enough to spend what the names share.
AT_MAIL = 9
ROUNDS = rounds(5, nightly=20)
FORM_ROUNDS = rounds(10, nightly=40)
TIMES = 6
GONE = (410, "This sign-in has expired")


@pytest.fixture
async def browsers() -> AsyncIterator[list[Browser]]:
    """As many browsers as there are hands."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(Browser()) for _ in range(HANDS)]


@pytest.fixture
async def redis(fleet: Fleet) -> AsyncIterator[Redis]:
    async with connect(fleet.system.redis_url) as client:
        yield client


async def post_at(fleet: Fleet, replica: int, browser: Browser, page: Answer, pairs: Pairs) -> Answer:
    """Submit a form of the issuer's to one replica, as the front door would, and go where it leads within our pages."""
    urls = fleet.system.urls["authorize"]
    url = urls[replica % len(urls)]
    path = urlsplit(form_of(page).action).path
    answer = await browser.post(f"{url}{path}", pairs, origin=fleet.system.issuer)
    return await browser.follow(answer, within=url)


async def post_at_once(fleet: Fleet, forms: Sequence[tuple[Browser, Answer, Pairs]]) -> list[Answer]:
    """What each browser makes of the form it has been shown, over all replicas."""
    start = asyncio.Barrier(len(forms))

    async def post(replica: int, browser: Browser, page: Answer, pairs: Pairs) -> Answer:
        await start.wait()
        return await post_at(fleet, replica, browser, page, pairs)

    return await asyncio.gather(*(post(replica, *form) for replica, form in enumerate(forms)))


def sent_to(party: RelyingParty, answers: Sequence[Answer]) -> list[dict[str, str]]:
    """What the client gets to see; whatever else there is must be a page that says that it is too late."""
    shown = [answer for answer in answers if not answer.is_redirect]
    assert {(answer.status, heading(answer)) for answer in shown} <= {GONE}
    redirects = [answer.location for answer in answers if answer.is_redirect]
    assert all(location.startswith(f"{party.client.redirect_uri}?") for location in redirects), redirects
    return [query_of(location) for location in redirects]


async def codes(redis: Redis) -> set[bytes]:
    return {key async for key in redis.scan_iter(f"{CODE.prefix}*", count=1000)}


@pytest.mark.requirement("security 40: attempts counted atomically, under parallel guesses, under every spelling")
async def test_parallel_guesses_at_all_replicas_spend_a_budget_for_each_name_and_one_for_the_account(
    fleet: Fleet, web: RelyingParty, browsers: Sequence[Browser]
) -> None:
    rounds = Counter[tuple[tuple[int, int], ...]]()

    for _ in range(ROUNDS):
        person = await fleet.system.administration.create_user()
        name = person.username
        spellings = (name, name.upper(), f" {name} ", f"{name}@example.com", f"{name.title()}@EXAMPLE.com")
        for browser in browsers:
            browser.cookies.clear()
        guessers = [replace(web, browser=browser) for browser in browsers]
        pages = await asyncio.gather(*(guesser.start() for guesser in guessers))
        wrong = [
            filled(web, page, "login", username=spelling, password="wrong")
            for page, spelling in zip(pages, cycle(spellings), strict=False)
        ]
        answers = await post_at_once(fleet, list(zip(browsers, pages, wrong, strict=True)))
        rounds[tuple(sorted(Counter(answer.status for answer in answers).items()))] += 1
        late = [
            await post_at(fleet, 1, browsers[hand], pages[hand], filled(right, pages[hand], "login", username=spelling))
            for hand, spelling in enumerate((name, f"{name}@example.com"))
            for right in [replace(web, person=person)]
        ]
        assert [answer.status for answer in late] == [429, 403]

    assert rounds == {((403, LIMIT + AT_MAIL), (429, HANDS - AT_MAIL - LIMIT)): ROUNDS}


@pytest.mark.requirement("security 11: a step that is replayed gets nothing")
@pytest.mark.parametrize("step", STEPS)
async def test_a_form_that_is_submitted_many_times_at_once_gives_one_code(
    fleet: Fleet, web: RelyingParty, redis: Redis, step: str
) -> None:
    for number in range(FORM_ROUNDS):
        await web.authorize()
        verifier = f"{number:04d}{'v' * 44}"
        page = await reach(web, step, verifier=verifier)
        before = await codes(redis)
        answers = await post_at_once(fleet, [(web.browser, page, filled(web, page, step))] * TIMES)

        (params,) = sent_to(web, answers)
        assert len(await codes(redis) - before) == 1
        assert (await web.redeem(CodeResponse(params, verifier))).status == 200


@pytest.mark.requirement("security 11: a step that is replayed gets nothing")
async def test_of_yes_and_no_at_once_one_is_heard(fleet: Fleet, web: RelyingParty, redis: Redis) -> None:
    heard = Counter[str]()

    for number in range(FORM_ROUNDS):
        page = await reach(web, "consent")
        before = await codes(redis)
        yes, no = filled(web, page, "consent"), filled(web, page, "consent", action="deny")
        forms = [(web.browser, page, pairs) for pairs in ([yes, no, yes, no] if number % 2 else [no, yes, no, yes])]
        (params,) = sent_to(web, await post_at_once(fleet, forms))
        answer = params.get("error", "code")
        assert len(await codes(redis) - before) == (answer == "code")
        heard[answer] += 1

    assert set(heard) == {"code", "access_denied"}
