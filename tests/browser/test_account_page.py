"""The account page and what mails lead to, in a real browser: with and without scripts, wide and narrow."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from support.administration import Administration
from support.chromium import Visit, Visiting
from support.postbox import MAIL, Postbox
from support.system import System
from support.systems import StartSystem
from support.tier import combinations
from valetkey.core.mail.content import EmailChangeConfirmation, EmailChanged, PasswordReset

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SIZES = {"phone": {"width": 360, "height": 740}, "desktop": {"width": 1280, "height": 800}}
SCHEMES = ("light", "dark")
NEW = "a new password of many words"
SCROLLS_SIDEWAYS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def system(start_system: StartSystem) -> System:
    """Mail is enqueued and stays there."""
    return start_system(changes=MAIL | {"account_deletion": "true"})


@pytest.fixture
def administration(system: System) -> Administration:
    return system.administration


@pytest_asyncio.fixture(loop_scope="session")
async def mails(system: System) -> AsyncIterator[Postbox]:
    async with Postbox.of(system) as opened:
        yield opened


class Looks:
    """Keeps a picture of each page, and looks whether it fits."""

    def __init__(self, visit: Visit, name: str) -> None:
        self._visit = visit
        self._name = name

    async def at(self, heading: str, page: str) -> None:
        await expect(self._visit.page.get_by_role("heading", level=1)).to_have_text(heading)
        assert not await self._visit.page.evaluate(SCROLLS_SIDEWAYS)
        await self._visit.keep(f"account-{page}-{self._name}")


async def go(visit: Visit, path: str) -> None:
    await visit.page.goto(f"{visit.system.issuer}{path}")


async def visit_account(visit: Visit) -> None:
    await go(visit, "/account")
    await visit.sign_in()


@pytest.mark.parametrize(("size", "scheme"), combinations(SIZES, SCHEMES))
async def test_an_address_is_changed_and_brought_back(
    visiting: Visiting, mails: Postbox, size: str, scheme: str
) -> None:
    visit = await visiting(color_scheme=scheme, viewport=SIZES[size])
    look, page, old = Looks(visit, f"{size}-{scheme}"), visit.page, f"{visit.person.username}@example.com"
    new = f"{visit.person.username}-of-a-rather-long-name@new.subdomain.example"
    await visit_account(visit)
    await look.at("Your account", "account")
    await page.get_by_role("link", name="Change your e-mail address").click()
    await look.at("Your e-mail address", "email")
    await page.get_by_label("New address").fill(new)

    await visit.press("Send a link to the new address")

    await expect(page.get_by_role("status")).to_contain_text("A mail is on its way")
    await look.at("Your account", "asked")
    confirmation = (await mails.mails_to(new))[-1]
    assert isinstance(confirmation, EmailChangeConfirmation)
    await go(visit, confirmation.link)
    await look.at("Is this your address?", "confirm")
    await visit.press("Confirm")
    await look.at("Your address is changed", "changed")
    notice = (await mails.mails_to(old))[-1]
    assert isinstance(notice, EmailChanged)
    await go(visit, notice.revert_link)
    await look.at("Bring your address back?", "revert")
    await visit.press("Bring it back")
    await look.at("Your address is back", "reverted")
    await go(visit, notice.revert_link)
    await look.at("This link does nothing", "gone")
    await page.get_by_role("link", name="Go to your account").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


@pytest.mark.parametrize(("size", "scheme"), combinations(SIZES, SCHEMES))
async def test_an_unconfirmed_address_and_what_is_wrong_in_a_form(
    visiting: Visiting, administration: Administration, size: str, scheme: str
) -> None:
    visit = await visiting(color_scheme=scheme, viewport=SIZES[size])
    look, page = Looks(visit, f"{size}-{scheme}"), visit.page
    await administration.set_email(visit.person, f"{visit.person.username}@example.org")
    await visit_account(visit)
    await page.get_by_role("link", name="Confirm or change your e-mail address").click()
    await look.at("Your e-mail address", "unconfirmed")
    await page.get_by_label("New address").evaluate("field => field.form.noValidate = true")
    await page.get_by_label("New address").fill("Ada <ada@example.org>")

    await visit.press("Send a link to the new address")

    await expect(page.get_by_label("New address")).to_have_attribute("aria-invalid", "true")
    await look.at("Your e-mail address", "email-wrong")
    await go(visit, "/account/profile")
    await look.at("Your details", "profile")
    await page.get_by_label("Time zone").fill("Mars/Olympus")
    await page.get_by_label("Language").fill("English")
    await visit.press("Save")
    await look.at("Your details", "profile-wrong")
    await expect(page.get_by_label("Language")).to_have_value("English")
    await page.get_by_label("Time zone").fill("Europe/Paris")
    await page.get_by_label("Language").fill("fr")
    await visit.press("Save")
    await expect(page.get_by_role("status")).to_have_text("Your details are changed.")


@pytest.mark.parametrize("scripts", [True, False])
async def test_a_copy_is_downloaded_and_the_account_deleted(visiting: Visiting, scripts: bool, tmp_path: Path) -> None:
    visit = await visiting(java_script_enabled=scripts, viewport=SIZES["phone"], accept_downloads=True)
    page = visit.page
    await visit_account(visit)
    await page.get_by_role("link", name="Download a copy of your data").click()
    await visit.keep("account-export")
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Download").click()
    file = await download.value
    await file.save_as(tmp_path / "data.json")
    assert file.suggested_filename == "account-data.json"
    assert json.loads((tmp_path / "data.json").read_text())["profile"]["sub"] == visit.person.subject
    await page.get_by_role("link", name="Back").click()
    await page.get_by_role("link", name="Delete your account").click()
    await visit.keep("account-delete")
    await page.get_by_label("Type your user name").fill("somebody else")
    await visit.press("Delete my account")
    await expect(page.get_by_role("alert")).to_contain_text("Nothing was deleted")
    await visit.keep("account-delete-wrong")

    await page.get_by_label("Type your user name").fill(visit.person.username)
    await visit.press("Delete my account")

    await expect(page.get_by_role("heading", level=1)).to_have_text("Your account is deleted")
    await visit.keep("account-deleted")
    await go(visit, "/account")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


@pytest.mark.parametrize(("size", "scheme"), combinations(SIZES, SCHEMES))
async def test_a_forgotten_password(visiting: Visiting, mails: Postbox, size: str, scheme: str) -> None:
    visit = await visiting(color_scheme=scheme, viewport=SIZES[size])
    look, page = Looks(visit, f"{size}-{scheme}"), visit.page
    await visit.start()
    await page.get_by_role("link", name="Forgotten your password?").click()
    await look.at("Forgotten your password?", "recover")
    await page.get_by_label("User name").fill(visit.person.username)
    await visit.press("Send a link")
    await look.at("Look into your mail", "recovery-sent")
    reset = (await mails.mails_to(f"{visit.person.username}@example.com"))[-1]
    assert isinstance(reset, PasswordReset)
    await go(visit, reset.link)
    await look.at("Choose a new password", "reset")
    await page.get_by_label("New password").fill("short")
    await page.get_by_label("The same once more").fill("short")
    await visit.press("Change password")
    await look.at("Choose a new password", "reset-wrong")
    await page.get_by_label("New password").fill(NEW)
    await page.get_by_label("The same once more").fill(NEW)

    await visit.press("Change password")

    await look.at("Your password is changed", "reset-done")
    await go(visit, reset.link)
    await look.at("Forgotten your password?", "recover-gone")
    await go(visit, "/account")
    await visit.sign_in(password=NEW)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Your account")
