"""The demo in a real browser: how a person looks after what that person signs in with, from the first mail on."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from support.demo_process import DemoProcess
from support.eventually import eventually
from support.virtual_authenticator import VirtualAuthenticator

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

NEW = "a new password of many words"
# As browsers are that offer no passkeys with the names which they fill in.
ONLY_A_BUTTON = "delete PublicKeyCredential.isConditionalMediationAvailable"


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DemoProcess]:
    """The demo as `make demo` starts it, at a free port."""
    directory: Path = tmp_path_factory.mktemp("demo")
    process = DemoProcess.start(directory, "--issuer-port", "0")
    try:
        yield await asyncio.to_thread(process.wait_until_ready)
    finally:
        await asyncio.to_thread(process.end, signal.SIGTERM)


@dataclass(slots=True)
class Person:
    """Ada in front of a browser."""

    page: Page
    document: dict[str, Any]

    @property
    def issuer(self) -> str:
        return str(self.document["issuer"])

    @property
    def inbox(self) -> str:
        """The fourth of the demo's ports."""
        return f"http://127.0.0.1:{(urlsplit(self.issuer).port or 80) + 3}/"

    async def heading(self) -> str:
        return await self.page.get_by_role("heading", level=1).inner_text()

    async def press(self, name: str) -> None:
        async with self.page.expect_navigation():
            await self.page.get_by_role("button", name=name, exact=True).click()

    async def follow(self, name: str) -> None:
        async with self.page.expect_navigation():
            await self.page.get_by_role("link", name=name).click()

    async def open_account(self) -> None:
        await self.page.goto(f"{self.issuer}/account")

    async def sign_in(self, password: str = NEW) -> None:
        await self.page.get_by_label(re.compile("User name")).fill("ada")
        await self.page.get_by_label("Password", exact=True).fill(password)
        await self.press("Sign in")

    async def open_mail(self, subject: str) -> None:
        """Wait for a mail, and open it."""

        async def has_come() -> bool:
            await self.page.goto(self.inbox)
            return await self.page.get_by_role("link", name=re.compile(subject)).count() > 0

        await eventually(has_come, 20)
        await self.page.get_by_role("link", name=re.compile(subject)).first.click()

    async def use_code(self, code: str) -> None:
        """Where a passkey is asked for that is lost."""
        await self.follow("Use a recovery code")
        await self.page.get_by_label("code").fill(code)
        await self.press("Continue")


async def person_at(browser: Browser, demo: DemoProcess) -> Person:
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(10_000)
    return Person(await context.new_page(), demo.document)


async def test_a_person_gets_a_password_and_a_passkey_and_loses_it(chromium: Browser, demo: DemoProcess) -> None:
    ada, elsewhere = await person_at(chromium, demo), await person_at(chromium, demo)
    await ada.page.add_init_script(ONLY_A_BUTTON)
    phone = await VirtualAuthenticator.of(ada.page)

    # A forgotten password.
    await ada.open_account()
    await ada.follow("Forgotten your password?")
    await ada.page.get_by_label(re.compile("User name")).fill("ada")
    await ada.press("Send a link")
    await ada.open_mail("Set a new password")
    await ada.page.goto(await ada.page.locator("a[href*='/recover/password']").first.get_attribute("href") or "")
    await ada.page.get_by_label("New password").fill(NEW)
    await ada.page.get_by_label("The same once more").fill(NEW)
    await ada.press("Change password")
    assert await ada.heading() == "Your password is changed"

    # A passkey.
    await ada.open_account()
    await ada.sign_in()
    await ada.page.get_by_role("link", name="Set up a passkey").click()
    await ada.page.get_by_label("Name of the passkey").fill("Phone")
    await ada.press("Set up a passkey")
    assert await ada.heading() == "Your recovery codes"
    codes = await ada.page.locator(".codes code").all_inner_texts()
    await ada.follow("I have kept them")
    await expect(ada.page.get_by_text("Phone", exact=True).first).to_be_visible()
    await ada.open_mail("A way to sign in was added")

    # Signing in with it, and nothing is typed.
    await ada.page.context.clear_cookies()
    await ada.open_account()
    await ada.press("Sign in with a passkey")
    assert await ada.heading() == "Your account"

    # It is lost: a password and a recovery code, here and in another browser.
    await phone.remove()
    await ada.page.context.clear_cookies()
    for person, code in zip((ada, elsewhere), codes, strict=False):
        await person.open_account()
        await person.sign_in()
        await person.use_code(code)
        assert await person.heading() == "Your account"

    # Signing out everywhere.
    await ada.page.reload()
    await ada.press("Sign out everywhere else")
    await elsewhere.page.reload()
    await ada.follow("Sign out here")
    await ada.press("Sign out")
    await ada.open_account()
    assert [await each.heading() for each in (ada, elsewhere)] == ["Sign in", "Sign in"]
    for each in (ada, elsewhere):
        await each.page.context.close()
