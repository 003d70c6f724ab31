"""What happens when a client or a user changes between the question and the answer: security 3, 11, 21 and 60."""

from collections.abc import Awaitable, Callable

import pytest

from support.administration import API, CALLBACK, Administration
from support.browser import Answer, form_of
from support.eventually import eventually
from support.front_channel import heading, require_shown, response_of
from support.relying_party import Person, RelyingParty
from support.steps import STEPS, filled, reach

Change = Callable[[Administration, RelyingParty], Awaitable[None]]
CHANGED = "The application has changed"
MODES = ("query", "form_post")
USER_CHANGES = ("disabled", "deleted", "password changed")
REFUSALS = {"login": "cancel", "consent": "deny"}


async def disable(administration: Administration, party: RelyingParty) -> None:
    await administration.disable_client(party.client)


async def delete(administration: Administration, party: RelyingParty) -> None:
    await administration.delete_client(party.client)


async def register_anew(administration: Administration, party: RelyingParty) -> None:
    await administration.delete_client(party.client)
    await administration.create_web_client(client_id=party.client.client_id)


async def move(administration: Administration, party: RelyingParty) -> None:
    await administration.change_client(party.client, redirect_uris=("https://client.example/moved",))


async def lose_the_grant(administration: Administration, party: RelyingParty) -> None:
    await administration.change_client(party.client, grant_types=frozenset({"refresh_token"}))


async def lose_the_scope(administration: Administration, party: RelyingParty) -> None:
    await administration.change_client(party.client, scope=("openid",))


async def lose_the_resource(administration: Administration, party: RelyingParty) -> None:
    await administration.change_client(party.client, scope=("openid", "profile", "other:read"))


GONE: dict[str, Change] = {
    "disabled": disable,
    "deleted": delete,
    "registered anew": register_anew,
    "redirect URI removed": move,
}
LESS: dict[str, tuple[Change, str]] = {
    "grant removed": (lose_the_grant, "unauthorized_client"),
    "scope removed": (lose_the_scope, "invalid_scope"),
    "resource removed": (lose_the_resource, "invalid_target"),
}


async def until_known(party: RelyingParty, page: Answer) -> None:
    """Wait until the service that shows the page has heard of the change."""

    async def is_known() -> bool:
        return (await party.browser.get(page.url)).status == 400

    await eventually(is_known)


@pytest.mark.requirement("security 3: no redirect to a client that is no longer registered as it was")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("change", GONE)
async def test_nothing_is_sent_to_a_client_that_is_gone(
    party: RelyingParty, administration: Administration, change: str, step: str, mode: str
) -> None:
    page = await reach(party, step, response_mode=mode)
    form = filled(party, page, step)

    await GONE[change](administration, party)
    await until_known(party, page)
    posted = await party.browser.post(form_of(page).action, form)

    assert require_shown(posted) == CHANGED
    if step in REFUSALS:
        refused = await party.browser.post(form_of(page).action, filled(party, page, step, action=REFUSALS[step]))
        assert require_shown(refused) == CHANGED


@pytest.mark.requirement("OAuth 2.1 §4.1.2.1: what the client may no longer ask for is refused when it is granted")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("change", LESS)
async def test_a_client_is_held_to_its_registration_at_the_end(
    party: RelyingParty, administration: Administration, change: str, mode: str
) -> None:
    # With openid, a scope that is not the client's would be ignored. OIDC Core §3.1.2.1.
    asked = {"scope": "profile" if change == "scope removed" else "openid profile", "response_mode": mode}
    if change == "resource removed":
        asked["resource"] = API
    consent = await reach(party, "consent", **asked)
    act, error = LESS[change]

    await act(administration, party)

    async def is_known() -> bool:
        return response_of(await party.start(**asked, prompt="none"), CALLBACK).error == error

    await eventually(is_known)
    shown = await party.browser.get(consent.url)

    response = response_of(shown, CALLBACK)
    assert (response.error, response.response_mode) == (error, mode)
    again = await party.browser.post(form_of(consent).action, filled(party, consent, "consent"))
    assert require_shown(again, 410)


@pytest.mark.requirement("security 21: a user disabled, deleted or with another password must sign in again")
@pytest.mark.parametrize("step", ["select_account", "consent"])
@pytest.mark.parametrize("change", USER_CHANGES)
async def test_a_user_who_changed_meanwhile_grants_nothing(
    party: RelyingParty, administration: Administration, change: str, step: str
) -> None:
    page = await reach(party, step)
    form = filled(party, page, step)
    assert party.person is not None

    await change_user(administration, party.person, change)
    posted = await party.browser.post(form_of(page).action, form)
    login = await party.browser.follow(posted, within=party.issuer)

    assert posted.status == 303
    assert (login.status, heading(login)) == (200, "Sign in")
    assert response_of(await party.start(prompt="none"), CALLBACK).error == "login_required"


@pytest.mark.requirement("security 21: a user who changed between page and login gets in only as what he is now")
@pytest.mark.parametrize("change", USER_CHANGES)
async def test_the_login_page_judges_by_what_is_true_now(
    party: RelyingParty, administration: Administration, change: str
) -> None:
    page = await party.start()
    assert party.person is not None

    await change_user(administration, party.person, change)
    refused = await party.sign_in(page)
    accepted = await party.sign_in(refused, Person(party.person.username, "another password"))

    assert refused.status == 403
    assert (accepted.status == 200) is (change == "password changed")


@pytest.mark.requirement("security 21: a code of a user or client that is gone is worth nothing")
@pytest.mark.parametrize(
    "change", ["disabled", "deleted", "password changed", "client disabled", "client deleted", "logout"]
)
async def test_a_code_is_worth_nothing_once_its_ground_is_gone(
    party: RelyingParty, administration: Administration, change: str
) -> None:
    tokens = await party.log_in()
    code = await party.authorize()
    assert party.person is not None

    if change == "client disabled":
        await administration.disable_client(party.client)
    elif change == "client deleted":
        await administration.delete_client(party.client)
    elif change == "logout":
        await party.log_out(str(tokens.body["id_token"]))
    else:
        await change_user(administration, party.person, change)

    async def is_known() -> bool:
        return (await party.token("authorization_code", code="x", code_verifier="v" * 43)).error == "invalid_client"

    if change.startswith("client"):
        await eventually(is_known)
    reply = await party.redeem(code)
    assert reply.error == ("invalid_client" if change.startswith("client") else "invalid_grant")


@pytest.mark.requirement("security 11: two users in one browser never mix")
@pytest.mark.parametrize("step", ["select_account", "consent"])
async def test_another_user_in_another_tab_does_not_inherit_the_form(
    party: RelyingParty, administration: Administration, step: str
) -> None:
    page = await reach(party, step)
    form = filled(party, page, step)
    other = await administration.create_user()
    await party.sign_in(await party.start(prompt="login"), other)

    posted = await party.browser.post(form_of(page).action, form)

    # The form names a user who is no longer signed in.
    assert require_shown(posted, 403) == "We could not confirm this step"


async def change_user(administration: Administration, person: Person, change: str) -> None:
    if change == "disabled":
        await administration.disable_user(person)
    elif change == "deleted":
        await administration.delete_user(person)
    else:
        await administration.set_password(person, "another password")
