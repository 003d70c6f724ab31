"""Signing in, agreeing and refusing, in a real browser."""

from dataclasses import replace

import pytest
from playwright.async_api import expect

from support.chromium import Visit, Visiting
from support.tier import combinations

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SIZES = {"phone": {"width": 360, "height": 740}, "desktop": {"width": 1280, "height": 800}}
SCHEMES = ("light", "dark")
# Wrong passwords for one name, by default.
PER_ACCOUNT = 10


@pytest.mark.requirement("OAuth 2.1 §4.1: a person finishes the code flow in a browser")
@pytest.mark.parametrize(("size", "scheme", "scripts"), combinations(SIZES, SCHEMES, [True, False]))
async def test_a_person_signs_in_and_agrees(visiting: Visiting, size: str, scheme: str, scripts: bool) -> None:
    visit = await visiting(color_scheme=scheme, viewport=SIZES[size], java_script_enabled=scripts)
    await visit.start()
    await visit.keep(f"login-{size}-{scheme}")

    await visit.sign_in()
    await visit.keep(f"consent-{size}-{scheme}")
    await visit.press("Allow")

    assert visit.page.url.startswith(visit.callback.url)
    assert visit.callback.last["state"] == "the state"
    assert visit.callback.last["iss"] == visit.system.issuer
    assert "id_token" in await visit.redeem()


@pytest.mark.requirement("security 39: a wrong password says nothing but that")
async def test_a_wrong_password_is_said_and_can_be_corrected(visit: Visit) -> None:
    await visit.start()
    await visit.sign_in(password="not this one")
    await visit.keep("wrong-password")
    alert = await visit.page.get_by_role("alert").inner_text()

    await visit.sign_in()

    assert visit.person.username not in alert
    assert "asks for access" in await visit.heading()


@pytest.mark.requirement("security 40: a code from a signed-in browser lets its owner in, and makes the browser known")
@pytest.mark.parametrize(("size", "scheme"), combinations(SIZES, SCHEMES))
async def test_who_is_locked_out_of_a_new_browser_gets_in_with_a_code(
    visiting: Visiting, size: str, scheme: str
) -> None:
    viewport = SIZES[size]
    known = await visiting(color_scheme=scheme, viewport=viewport)
    await known.start()
    await known.sign_in()
    new = replace(await visiting(color_scheme=scheme, viewport=viewport), person=known.person)
    await new.start()
    await new.guesses(PER_ACCOUNT - 1)
    await new.sign_in(password="a guess")
    await new.page.get_by_text("Sure that both are right?").click()
    await new.keep(f"refused-{size}-{scheme}")

    await new.sign_in()
    await new.keep(f"locked-out-{size}-{scheme}")
    hint = await new.page.get_by_text("On a device where you are signed in").inner_text()
    await known.page.goto(f"{known.system.issuer}/login")
    await known.page.get_by_text("Sign in on another device").click()
    await known.keep(f"code-{size}-{scheme}")
    code = await known.page.locator(".code").inner_text()
    await new.page.get_by_label("Code from another device").fill(code.lower())
    await new.sign_in()

    assert f"{new.system.issuer}/login".removeprefix("http://") in hint
    assert "asks for access" in await new.heading()


@pytest.mark.requirement("OAuth 2.1 §4.1.2.1: a refusal is told to the client as access_denied")
@pytest.mark.parametrize("where", ["login", "consent"])
async def test_a_person_may_refuse(visit: Visit, where: str) -> None:
    await visit.start()
    if where == "consent":
        await visit.sign_in()

    await visit.press("Cancel" if where == "login" else "Deny")

    assert visit.callback.last["error"] == "access_denied"
    assert visit.callback.last["state"] == "the state"
    assert "code" not in visit.callback.last


@pytest.mark.requirement("security 43: consent names the client, the destination and every scope in words")
async def test_consent_says_what_it_is_about(visit: Visit) -> None:
    await visit.start()
    await visit.sign_in()

    text = await visit.page.inner_text("main")

    assert "Web application" in text
    assert visit.callback.url.split("/")[2] in text
    assert "See your e-mail address" in text
    assert "Read things of api" in text


@pytest.mark.requirement("OIDC Core §3.1.2.4: consent once given is remembered for a confidential client")
async def test_the_second_time_is_silent(visit: Visit) -> None:
    await visit.start()
    await visit.sign_in()
    await visit.press("Allow")

    await visit.start()

    assert len(visit.callback.arrived) == 2
    assert "code" in visit.callback.last


@pytest.mark.requirement("security 43: the user of a public client is asked again, and warned")
async def test_a_public_client_asks_every_time(visiting: Visiting) -> None:
    visit = await visiting("none")
    await visit.start()
    await visit.sign_in()
    await visit.keep("consent-unverified")
    warning = await visit.page.inner_text("main")
    await visit.press("Allow")

    await visit.start()

    assert "not been verified" in warning
    assert "asks for access" in await visit.heading()


@pytest.mark.parametrize(
    ("prompt", "heading"),
    [("login", "Confirm that it is you"), ("consent", "asks for access"), ("select_account", "Choose an account")],
)
@pytest.mark.requirement("OIDC Core §3.1.2.1: prompt asks for a page even where none were needed")
async def test_prompt_shows_a_page_to_who_is_signed_in(visit: Visit, prompt: str, heading: str) -> None:
    await visit.start()
    await visit.sign_in()
    await visit.press("Allow")

    await visit.start(prompt=prompt)
    await visit.keep(f"prompt-{prompt}")

    assert heading in await visit.heading()


@pytest.mark.requirement("OIDC Core §3.1.2.6: prompt=none never shows a page")
async def test_prompt_none_answers_at_once(visit: Visit) -> None:
    await visit.start(prompt="none")
    first = visit.callback.last["error"]
    await visit.start()
    await visit.sign_in()
    await visit.press("Allow")

    await visit.start(prompt="none")

    assert first == "login_required"
    assert "code" in visit.callback.last


async def test_another_account_can_be_chosen(visit: Visit) -> None:
    await visit.start()
    await visit.sign_in()
    await visit.press("Allow")
    await visit.start(prompt="select_account")

    await visit.press("Use another account")

    assert await visit.heading() == "Sign in"


@pytest.mark.requirement("OAuth 2.0 Form Post Response Mode §2: the answer is posted to the client")
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
async def test_form_post_arrives(visiting: Visiting, scripts: bool) -> None:
    visit = await visiting(java_script_enabled=scripts)
    await visit.start(response_mode="form_post")
    await visit.sign_in()
    await visit.press("Allow")
    if not scripts:
        assert await visit.page.evaluate("getComputedStyle(document.forms[0]).opacity") == "1"
        await visit.press("Continue")
    await visit.page.wait_for_url(f"{visit.callback.url}*")

    assert visit.callback.methods[-1] == "POST"
    assert visit.callback.last["iss"] == visit.system.issuer
    assert "code" not in visit.page.url
    assert "access_token" in await visit.redeem()


@pytest.mark.requirement("security 9: pages load nothing from elsewhere and break no policy of their own")
async def test_pages_are_quiet(visit: Visit) -> None:
    complaints: list[str] = []
    asked: list[str] = []
    visit.page.on("console", lambda message: complaints.append(message.text))
    visit.page.on("pageerror", lambda error: complaints.append(str(error)))
    visit.page.on("request", lambda request: asked.append(request.url))

    await visit.start()
    await visit.sign_in()

    assert complaints == []
    assert all(url.startswith(visit.system.origin) for url in asked)


async def test_the_whole_way_can_be_gone_with_the_keyboard(visit: Visit) -> None:
    await visit.start()
    field = visit.page.get_by_label("User name")
    await expect(field).to_be_focused()
    await visit.page.keyboard.type(visit.person.username)
    await visit.page.keyboard.press("Tab")
    await visit.page.keyboard.type(visit.person.password)
    async with visit.page.expect_navigation():
        await visit.page.keyboard.press("Enter")
    focus = visit.page.get_by_role("button", name="Allow")
    for _ in range(10):
        if await focus.evaluate("button => button === document.activeElement"):
            break
        await visit.page.keyboard.press("Tab")
    async with visit.page.expect_navigation():
        await visit.page.keyboard.press("Enter")

    assert "code" in visit.callback.last


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
async def test_no_page_scrolls_sideways(visiting: Visiting, width: int) -> None:
    visit = await visiting(viewport={"width": width, "height": 700})
    widths = []
    await visit.start()
    widths.append(await visit.page.evaluate("document.documentElement.scrollWidth"))
    await visit.sign_in()
    widths.append(await visit.page.evaluate("document.documentElement.scrollWidth"))
    await visit.start(redirect_uri="https://evil.example/")
    widths.append(await visit.page.evaluate("document.documentElement.scrollWidth"))

    assert max(widths) <= width
