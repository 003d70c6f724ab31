"""Where password managers send people for a new password. W3C, A Well-Known URL for Changing Passwords."""

import pytest

from support.front_channel import heading
from support.relying_party import RelyingParty
from support.system import System
from support.systems import MakeParty, StartSystem

PATH = "/.well-known/change-password"
# Browsers ask for it first: a host that answers this with success cannot be believed about the other.
NOWHERE = "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200"


@pytest.fixture(scope="module", params=["", "/tenant"])
def placed(start_system: StartSystem, request: pytest.FixtureRequest) -> System:
    """A system at the root of its host, and one below a path."""
    return start_system(issuer_path=request.param)


@pytest.fixture
async def party(make_party: MakeParty, placed: System) -> RelyingParty:
    return await make_party(at=placed)


@pytest.mark.requirement("W3C change-password §4: a redirect, by 302, 303 or 307, to the page for a new password")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_it_leads_to_the_page_for_a_new_password(party: RelyingParty, placed: System, method: str) -> None:
    answer = await party.browser.request(method, f"{placed.origin}{PATH}")

    assert (answer.status, answer.location) == (303, f"{placed.issuer}/account/password")
    assert answer.headers["Cache-Control"] == "no-store"


async def test_a_person_changes_the_password_from_there(party: RelyingParty, placed: System) -> None:
    answer = await party.browser.get(f"{placed.origin}{PATH}")
    login = await party.browser.follow(answer, within=party.issuer)

    page = await party.sign_in(login)

    assert heading(page) == "Choose a new password"


@pytest.mark.requirement("W3C change-password §5: what does not exist is not answered with success")
async def test_what_does_not_exist_is_not_found(party: RelyingParty, placed: System) -> None:
    answer = await party.browser.get(f"{placed.origin}{NOWHERE}")

    assert answer.status == 404
