"""What people do with browsers: two tabs, Back, reload, old bookmarks, signing out."""

import asyncio
from urllib.parse import urlencode

import pytest

from support.chromium import Visit

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.requirement("security 11: each tab acts on its own request, whatever the other does")
async def test_two_tabs_do_not_disturb_each_other(visit: Visit) -> None:
    other = await visit.context.new_page()
    await visit.start(state="first")
    await visit.start(other, state="second")

    await visit.sign_in(other)
    await visit.press("Allow", other)
    second = dict(visit.callback.last)
    await visit.sign_in()
    first = dict(visit.callback.last)

    assert (first["state"], second["state"]) == ("first", "second")
    assert first["code"] != second["code"]


@pytest.mark.requirement("security 11: each tab acts on its own request, whichever was answered first")
async def test_tabs_that_a_new_browser_opens_at_once_both_finish(visit: Visit) -> None:
    other = await visit.context.new_page()
    await asyncio.gather(visit.start(state="first"), visit.start(other, state="second"))

    await visit.sign_in()
    await visit.press("Allow")
    first = dict(visit.callback.last)
    await visit.sign_in(other)
    second = dict(visit.callback.last)

    assert (first["state"], second["state"]) == ("first", "second")


@pytest.mark.requirement("security 42: Back does not bring an old login to life again")
async def test_back_after_the_end_says_that_it_is_over(visit: Visit) -> None:
    await visit.start()
    await visit.sign_in()
    await visit.press("Allow")
    arrived = len(visit.callback.arrived)

    await visit.page.go_back()
    await visit.keep("back-after-the-end")
    if await visit.page.get_by_role("button", name="Allow").count():
        await visit.press("Allow")

    assert len(visit.callback.arrived) == arrived
    assert visit.page.url.startswith(visit.system.issuer)
    assert await visit.page.get_by_role("link", name="Go to the start page").count() == 1


@pytest.mark.requirement("security 42: prompt=login is not satisfied by Back")
async def test_back_to_a_login_that_is_done_asks_again(visit: Visit) -> None:
    await visit.start()
    await visit.sign_in()
    await visit.press("Allow")

    await visit.start(prompt="login")

    assert await visit.heading() == "Confirm that it is you"


@pytest.mark.requirement("pages: the issuer's own home says who is signed in, and signs out")
async def test_the_home_page_signs_out(visit: Visit) -> None:
    await visit.page.goto(f"{visit.system.issuer}/nowhere")
    await visit.page.get_by_role("link", name="Go to the start page").click()
    stranger = await visit.heading()
    await visit.start()
    await visit.sign_in()
    await visit.page.goto(f"{visit.system.issuer}/")
    user = await visit.heading()
    await visit.press("Sign out")
    await visit.press("Sign out")

    assert (stranger, user) == ("This is where Valetkey signs you in", "You are signed in")
    assert await visit.heading() == "You are signed out"


async def test_reloading_a_page_shows_it_again(visit: Visit) -> None:
    await visit.start()
    await visit.page.reload()
    login = await visit.heading()
    await visit.sign_in()
    await visit.page.reload()

    assert login == "Sign in"
    assert "asks for access" in await visit.heading()


@pytest.mark.requirement("security 3: a bad redirect URI is a page, never a redirect")
async def test_a_request_that_cannot_be_trusted_is_explained(visit: Visit) -> None:
    await visit.start(redirect_uri="https://evil.example/")
    await visit.keep("error")

    assert visit.page.url.startswith(visit.system.issuer)
    assert visit.callback.arrived == []
    assert await visit.page.get_by_role("heading", level=1).count() == 1


@pytest.mark.requirement("OIDC RP-Initiated Logout §2: a valid hint signs out and returns to the client")
async def test_signing_out_with_a_hint_returns_to_the_client(visit: Visit) -> None:
    await visit.start()
    await visit.sign_in()
    await visit.press("Allow")
    hint = (await visit.redeem())["id_token"]
    out = visit.callback.url.replace("/callback", "/signed-out")

    query = urlencode({"id_token_hint": hint, "post_logout_redirect_uri": out, "state": "bye"})
    await visit.page.goto(f"{visit.system.issuer}/logout?{query}")
    await visit.start(prompt="none")

    assert visit.callback.arrived[-2] == {"state": "bye"}
    assert visit.callback.last["error"] == "login_required"


@pytest.mark.requirement("security 44: without a hint the user is asked")
@pytest.mark.parametrize("answer", ["Sign out", "Stay signed in"])
async def test_signing_out_without_a_hint_asks(visit: Visit, answer: str) -> None:
    await visit.start()
    await visit.sign_in()
    await visit.press("Allow")
    await visit.page.goto(f"{visit.system.issuer}/logout")
    await visit.keep("logout")
    asked = await visit.heading()

    await visit.press(answer)
    await visit.keep(f"logout-{answer.split(maxsplit=1)[0].lower()}")
    await visit.start(prompt="none")

    assert "Sign out" in asked
    assert ("error" in visit.callback.last) is (answer == "Sign out")


@pytest.mark.requirement("security 40: a spent budget is explained, and the owner's own browser still gets in")
async def test_guessing_from_another_browser_does_not_lock_the_owner_out(visit: Visit) -> None:
    await visit.start()
    await visit.sign_in()
    await visit.press("Allow")
    attacker = await (await visit.context.browser.new_context()).new_page()  # type: ignore[union-attr]
    await visit.guesses(visit.system.settings.login_attempts_per_account)
    await visit.start(attacker)
    await visit.sign_in(attacker, password="guess")
    refused = await attacker.get_by_role("alert").inner_text()

    await visit.start(prompt="login")
    await visit.sign_in()

    await attacker.context.close()
    assert "many" in refused
    assert "code" in visit.callback.last
