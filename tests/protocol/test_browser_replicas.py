"""Every request of one login may reach another replica: nothing about a browser is kept in a process."""

from itertools import count

import pytest

from support.administration import CALLBACK
from support.browser import Answer, Pairs, form_of
from support.front_channel import heading, response_of
from support.relying_party import RelyingParty
from support.steps import filled
from support.system import System
from support.systems import MakeParty, StartSystem

REPLICAS = 3


@pytest.fixture(scope="module")
def wide(start_system: StartSystem) -> System:
    """A system with several replicas."""
    return start_system(replicas=REPLICAS)


class Scattered:
    """A browser behind a balancer that sends every request to the next replica."""

    def __init__(self, party: RelyingParty, system: System) -> None:
        self._party = party
        self._system = system
        self._next = count()
        party.browser.origin = system.origin

    def _url(self, path: str) -> str:
        return f"{self._system.urls['authorize'][next(self._next) % REPLICAS]}{path}"

    async def get(self, path: str, params: Pairs | None = None) -> Answer:
        return await self._follow(await self._party.browser.get(self._url(path), params or []))

    async def submit(self, page: Answer, form: str, **changes: str) -> Answer:
        path = page.page.get("form").attributes["action"]
        return await self._follow(
            await self._party.browser.post(self._url(path), filled(self._party, page, form, **changes))
        )

    async def _follow(self, answer: Answer) -> Answer:
        while answer.is_redirect and answer.headers["Location"].startswith("/"):
            answer = await self._party.browser.get(self._url(answer.headers["Location"]))
        return answer


@pytest.mark.requirement("security 11: steps of one request are served by any replica")
@pytest.mark.parametrize("mode", ["query", "form_post"])
async def test_a_login_may_visit_every_replica(make_party: MakeParty, wide: System, mode: str) -> None:
    party = await make_party(at=wide)
    browser = Scattered(party, wide)
    pairs = party.request_params("v" * 43, prompt="login consent", response_mode=mode)

    login = await browser.get("/authorize", pairs)
    refused = await browser.submit(login, "login", password="wrong")
    consent = await browser.submit(refused, "login")
    response = response_of(await browser.submit(consent, "consent"), CALLBACK)
    tokens = await party.token("authorization_code", code=response.code, code_verifier="v" * 43, redirect_uri=CALLBACK)
    silent = response_of(await browser.get("/authorize", party.request_params("v" * 43, prompt="none")), CALLBACK)

    assert (heading(login), refused.status) == ("Sign in", 403)
    assert tokens.status == 200
    assert silent.code


@pytest.mark.requirement("security 38: a logout at one replica is one at all of them")
async def test_a_logout_is_known_to_every_replica_at_once(make_party: MakeParty, wide: System) -> None:
    party = await make_party(at=wide)
    await party.authorize()
    kept = dict(party.browser.cookies)
    browser = Scattered(party, wide)

    await browser.submit(await browser.get("/logout"), "logout")

    for url in wide.urls["authorize"]:
        party.browser.cookies = dict(kept)
        answer = await party.browser.get(f"{url}/authorize", party.request_params("v" * 43, prompt="none"))
        assert response_of(answer, CALLBACK).error == "login_required"


@pytest.mark.requirement("security 11: one request is answered once, by whichever replica")
async def test_a_replayed_step_is_refused_by_every_replica(make_party: MakeParty, wide: System) -> None:
    party = await make_party(at=wide)
    consent = await party.sign_in(await party.start())
    form, path = filled(party, consent, "consent"), "/consent"
    await party.browser.post(form_of(consent).action, form)
    party.browser.origin = wide.origin

    answers = [await party.browser.post(f"{url}{path}", form) for url in wide.urls["authorize"]]

    assert [answer.status for answer in answers] == [410] * REPLICAS
