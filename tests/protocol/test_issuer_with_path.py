"""An issuer with a path: every address, cookie, form and answer lives below it, and nothing beside it."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from support.administration import CALLBACK, SIGNED_OUT
from support.browser import Browser
from support.front_channel import heading, require_shown, response_of
from support.public_routes import PAGE_PATHS
from support.relying_party import RelyingParty
from support.steps import FORMS, reach
from support.system import System
from support.systems import MakeParty, StartSystem
from support.tokens import claims_of

PATH = "/tenant/one"


@pytest.fixture(scope="module")
def below(start_system: StartSystem) -> System:
    """A system whose issuer has a path."""
    return start_system(issuer_path=PATH)


@pytest.fixture
async def party(make_party: MakeParty, below: System) -> RelyingParty:
    return await make_party(at=below)


@pytest.mark.requirement("RFC 8414 §2: the issuer may have a path; everything is below it")
@pytest.mark.parametrize("mode", ["query", "form_post"])
@pytest.mark.parametrize("method", ["client_secret_basic", "none"])
async def test_the_whole_code_flow_works_below_a_path(
    make_party: MakeParty, below: System, mode: str, method: str
) -> None:
    party = await make_party(at=below, method=method)
    verifier = "v" * 43
    pairs = party.request_params(verifier, response_mode=mode, state="s")

    answer = await party.browser.follow(
        await party.browser.get(f"{party.issuer}/authorize", pairs), within=party.issuer
    )
    response = response_of(await party.walk(answer), CALLBACK)
    tokens = await party.token("authorization_code", code=response.code, code_verifier=verifier, redirect_uri=CALLBACK)

    assert response.params["iss"] == party.issuer == f"{below.origin}{PATH}"
    assert claims_of(tokens.body["id_token"])["iss"] == party.issuer
    assert (await party.userinfo(tokens.access_token)).status == 200


@pytest.mark.requirement("security 48: pages and redirects are built from the configured path")
@pytest.mark.parametrize("form", FORMS)
async def test_everything_a_page_names_is_below_the_path(party: RelyingParty, form: str) -> None:
    page = await reach(party, form)

    assert urlsplit(page.url).path.startswith(f"{PATH}/")
    assert page.page.get("form").attributes["action"].startswith(f"{PATH}/")
    for tag, attribute in (("link", "href"), ("script", "src"), ("img", "src")):
        for element in page.page.find_all(tag):
            assert element.attributes[attribute].startswith(f"{PATH}/static/")
            file = await party.browser.get(
                f"{urlsplit(page.url).scheme}://{urlsplit(page.url).netloc}{element.attributes[attribute]}"
            )
            assert file.status == 200


@pytest.mark.requirement("security 38: cookies are for the host, which the path does not divide")
async def test_cookies_are_valid_for_the_whole_host(party: RelyingParty) -> None:
    answer = await party.browser.get(f"{party.issuer}/authorize", party.request_params("v" * 43))

    assert "Path=/;" in answer.headers["Set-Cookie"]
    assert answer.headers["Location"].startswith(f"{PATH}/login?interaction=")


@pytest.mark.requirement("RFC 8414 §3: nothing is served beside the issuer's path")
@pytest.mark.parametrize("prefix", ["", "/tenant", "/tenant/two", "/TENANT/ONE", f"{PATH}{PATH}", f"/{PATH}"])
async def test_the_same_names_elsewhere_are_nothing(party: RelyingParty, below: System, prefix: str) -> None:
    paths = (*PAGE_PATHS, "/static/valetkey.css")
    pairs = party.request_params("v" * 43)

    answers = [await party.browser.get(f"{below.origin}{prefix}{path}", pairs) for path in paths]

    assert {require_shown(answer, 404) for answer in answers} == {"There is nothing here"}


@pytest.mark.requirement("security 37: the origin of a form has no path")
@pytest.mark.parametrize(("origin", "status"), [("own", 303), ("own with path", 403), ("foreign", 403)])
async def test_origin_is_compared_without_the_path(
    party: RelyingParty, below: System, origin: str, status: int
) -> None:
    page = await reach(party, "consent")
    party.browser.origin = {
        "own": below.origin,
        "own with path": party.issuer,
        "foreign": "https://evil.example",
    }[origin]

    answer = await party.browser.submit(page, action="allow")

    assert answer.status == status


@pytest.mark.requirement("RP-Initiated Logout §2: logout works below a path")
async def test_logout_works_below_a_path(party: RelyingParty) -> None:
    hint = (await party.log_in()).body["id_token"]
    asked = await party.browser.get(f"{party.issuer}/logout")

    done = await party.browser.get(
        f"{party.issuer}/logout", [("id_token_hint", hint), ("post_logout_redirect_uri", SIGNED_OUT)]
    )

    assert heading(asked) == "Sign out?"
    assert done.location == SIGNED_OUT


@pytest.mark.requirement("OIDC Core §3.1.2.1: a posted request is sent on below the path")
async def test_a_posted_request_is_sent_on_below_the_path(party: RelyingParty) -> None:
    posted = await party.browser.post(
        f"{party.issuer}/authorize", party.request_params("v" * 43), origin="https://client.example"
    )

    assert posted.headers["Location"].startswith(f"{PATH}/authorize?")
    assert heading(await party.browser.follow(posted, within=party.issuer)) == "Sign in"


@pytest.fixture
async def neighbours(make_party: MakeParty, below: System) -> AsyncIterator[tuple[RelyingParty, RelyingParty]]:
    """A client of each of two issuers on one host, and one browser, whose cookies go to both."""
    both = await make_party(), await make_party(at=below)
    async with Browser(keeps_names=True) as browser:
        for party in both:
            await party.browser.close()
            party.browser = browser
        yield both


@pytest.mark.requirement("RFC 6265 §8.5: cookies know neither ports nor, with __Host-, paths: names tell issuers apart")
@pytest.mark.parametrize("order", ["one first", "other first"])
async def test_two_issuers_on_one_host_do_not_sign_each_other_out(
    neighbours: tuple[RelyingParty, RelyingParty], order: str
) -> None:
    first, second = neighbours if order == "one first" else reversed(neighbours)
    page = await first.start()
    await second.authorize()
    await first.walk(page)

    out = await second.browser.submit(await second.browser.get(f"{second.issuer}/logout"), action="logout")

    assert heading(out) == "You are signed out"
    assert response_of(await second.start(prompt="none"), CALLBACK).error == "login_required"
    assert response_of(await first.start(prompt="none"), CALLBACK).code


@pytest.mark.requirement("RFC 6265 §8.5: cookies know neither ports nor, with __Host-, paths: names tell issuers apart")
async def test_a_login_in_progress_survives_the_end_of_one_at_the_other_issuer(
    neighbours: tuple[RelyingParty, RelyingParty],
) -> None:
    first, second = neighbours
    await first.authorize()
    page = await second.start()

    await first.browser.submit(await first.browser.get(f"{first.issuer}/logout"), action="logout")

    assert response_of(await second.walk(page), CALLBACK).code
