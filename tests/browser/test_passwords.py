"""Pages with a password, in a browser: what is typed can be shown, and people stay signed in if they want that."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from support.administration import Administration
from support.chromium import Visit, Visiting
from support.system import System
from support.systems import StartSystem

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SHOW = "Show password"


@pytest.fixture(scope="module")
def system(start_system: StartSystem) -> System:
    """People choose whether they stay signed in."""
    return start_system(changes={"keep_signed_in": "choice"})


@pytest.fixture
def administration(system: System) -> Administration:
    return system.administration


async def test_a_password_is_shown_and_hidden_again(visit: Visit) -> None:
    await visit.start()
    field, button = visit.page.get_by_label("Password"), visit.page.get_by_role("button", name=SHOW)
    await field.fill("a secret")
    await expect(button).to_have_attribute("aria-pressed", "false")

    await button.click()
    await expect(field).to_have_attribute("type", "text")
    await expect(button).to_have_attribute("aria-pressed", "true")
    await visit.keep("password shown")
    await button.press("Space")

    await expect(field).to_have_attribute("type", "password")
    await expect(button).to_have_attribute("aria-pressed", "false")


async def test_what_is_sent_is_hidden_first(visit: Visit) -> None:
    await visit.start()
    await visit.page.get_by_role("button", name=SHOW).click()
    types = "document.forms[0].addEventListener('submit', e => { e.preventDefault(); window.sent = password.type })"
    await visit.page.evaluate(f"const password = document.getElementById('password'); {types}")
    await visit.page.get_by_label("User name").fill("ada")
    await visit.page.get_by_label("Password").fill("a secret")

    await visit.page.get_by_role("button", name="Sign in", exact=True).click()

    assert await visit.page.evaluate("window.sent") == "password"


async def test_one_button_shows_both_fields_of_a_new_password(visit: Visit) -> None:
    await visit.page.goto(f"{visit.system.issuer}/account/password")
    await visit.sign_in()
    fields = [visit.page.get_by_label("New password"), visit.page.get_by_label("The same once more")]

    await visit.page.get_by_role("button", name=SHOW).click()

    for field in fields:
        await expect(field).to_have_attribute("type", "text")
        await field.fill("a new password of many words")
    await visit.press("Change password")
    assert await visit.heading() == "Your account"


async def test_without_scripts_there_is_no_button(visiting: Visiting) -> None:
    visit = await visiting(java_script_enabled=False)

    await visit.start()

    await expect(visit.page.get_by_role("button", name=SHOW)).to_have_count(0)
    await visit.sign_in()
    assert "/consent" in visit.page.url


@pytest.mark.parametrize("keep", [True, False])
async def test_a_browser_keeps_the_cookie_if_the_person_wants_that(visit: Visit, keep: bool) -> None:
    await visit.start()
    if keep:
        await visit.page.get_by_label("Keep me signed in").check()

    await visit.sign_in()

    cookies = [each for each in await visit.context.cookies() if each["name"].startswith("vk_session")]
    assert cookies
    assert {each["expires"] > 0 for each in cookies} == {keep}
