"""Tabs of one browser whose logins are posted in the same instant, over the real stores: all of them finish."""

import asyncio
import secrets
from collections.abc import Coroutine, Sequence
from typing import Any

import pytest

from support.browser import Answer, query_of
from support.fleet import Fleet
from support.front_channel import require_shown
from support.relying_party import CodeResponse, RelyingParty
from support.systems import MakeParty
from support.tier import rounds

ROUNDS = rounds(3, nightly=100)
TABS = 3


async def at_once(work: Sequence[Coroutine[Any, Any, Answer]]) -> list[Answer]:
    start = asyncio.Barrier(len(work))

    async def run(one: Coroutine[Any, Any, Answer]) -> Answer:
        await start.wait()
        return await one

    return await asyncio.gather(*map(run, work))


@pytest.mark.requirement("security 11: each tab acts on its own request, whatever the other does")
@pytest.mark.requirement("security 42: a login counts in the tab in which it was done")
@pytest.mark.parametrize("is_signed_in", [False, True], ids=["signed out", "signed in"])
@pytest.mark.parametrize("prompt", ["login consent", "login consent select_account", "consent"])
async def test_tabs_that_sign_in_at_once_all_finish(
    fleet: Fleet, web: RelyingParty, is_signed_in: bool, prompt: str
) -> None:
    if is_signed_in and "login" not in prompt:
        # A user who is signed in has no login to post unless the client wants one.
        prompt = "login"
    for _ in range(ROUNDS):
        web.browser.cookies.clear()
        if is_signed_in:
            await web.authorize()
        verifier = secrets.token_urlsafe(48)
        pages = [await web.start(verifier, prompt=prompt) for _ in range(TABS)]
        shown = await at_once([web.sign_in(page) for page in pages])
        asked = [page for page in shown if not page.is_redirect]
        answers = [page for page in shown if page.is_redirect]
        if asked:
            answers += await at_once([web.browser.submit(page, action="allow") for page in asked])

        assert all(answer.location.startswith(f"{web.client.redirect_uri}?") for answer in answers)
        redeemed = [await web.redeem(CodeResponse(query_of(answer.location), verifier)) for answer in answers]
        assert [reply.status for reply in redeemed] == [200] * TABS
        assert "code" in query_of((await web.start(prompt="none")).location)


@pytest.mark.requirement("security 37: a form filled in as one user never counts for another")
async def test_of_two_users_who_sign_in_at_once_neither_answers_for_the_other(
    fleet: Fleet, web: RelyingParty, make_party: MakeParty
) -> None:
    other = (await make_party(at=fleet.system)).person
    for _ in range(ROUNDS):
        web.browser.cookies.clear()
        pages = [await web.start(prompt="consent") for _ in range(2)]
        shown = await at_once([web.sign_in(pages[0]), web.sign_in(pages[1], other)])
        answers = [await web.browser.submit(page, action="allow") for page in shown]

        refused = [answer for answer in answers if not answer.is_redirect]
        assert [require_shown(answer, 403) for answer in refused] == ["We could not confirm this step"]
