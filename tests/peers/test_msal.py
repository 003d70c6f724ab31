"""MSAL for browsers, from npm, in a real Chromium: a single-page application and its issuer, both https."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from support.certificate import serve_tls
from support.chromium import Callback, Visit
from support.peer import Installation, single_page

pytestmark = [
    pytest.mark.peer,
    pytest.mark.browser,
    pytest.mark.timeout(600),
    pytest.mark.asyncio(loop_scope="session"),
]

SHOWN = "answer => ({sub: answer.idTokenClaims.sub, access: answer.accessToken, cached: answer.fromCache})"


@dataclass(frozen=True, slots=True)
class Application:
    """The page with its PublicClientApplication, and the person in front of it."""

    page: Page
    visit: Visit

    async def call(self, expression: str) -> Any:  # noqa: ANN401 - an answer, as JSON
        """What a call resolves to, or the error that it is rejected with."""
        script = f"application.{expression}.then({SHOWN}, error => ({{error: error.errorCode, why: String(error)}}))"
        return await self.page.evaluate(script)


@pytest_asyncio.fixture(loop_scope="session")
async def application(
    chromium: Browser, https_installation: Installation, node_modules: Path, tmp_path: Path
) -> AsyncIterator[Application]:
    """The page of a public client whose consent is remembered."""
    context = await chromium.new_context(ignore_https_errors=True)
    context.set_default_timeout(60_000)
    async with single_page("msal", node_modules, serve_tls(tmp_path / "app.crt")) as spa:
        # It asks for offline_access each time, at refreshes as well, where no scope may be more than was granted.
        client = await https_installation.register(
            spa.url.replace("msal.html", "msal_redirect.html"), "--auth-method", "none", "--consent", "remember",
            scope="openid profile email offline_access",
        )  # fmt: skip
        spa.settings = {"authority": https_installation.issuer, "client_id": client.client_id}
        person = await https_installation.system.administration.create_user()
        page = await context.new_page()
        await page.goto(spa.url)
        await page.wait_for_function("window.ready")
        visit = Visit(https_installation.system, Callback(spa.url), client, person, context, page)
        yield Application(page, visit)
    await context.close()


@pytest.mark.requirement("MSAL: loginRedirect, answered in the fragment, and acquireTokenSilent with a refresh token")
async def test_msal_signs_in_by_redirect_and_renews(application: Application) -> None:
    async with application.page.expect_navigation():
        await application.page.evaluate("void application.loginRedirect({scopes: ['email']})")
    await application.visit.sign_in()
    await application.visit.press("Allow")
    await application.page.wait_for_function("window.ready")
    answer = await application.page.evaluate(f"({SHOWN})(window.answer)")
    account = "account: application.getAllAccounts()[0], scopes: ['email']"

    cached = await application.call(f"acquireTokenSilent({{{account}}})")
    renewed = await application.call(f"acquireTokenSilent({{{account}, forceRefresh: true}})")

    assert answer["sub"] == application.visit.person.subject
    assert cached == {"sub": answer["sub"], "access": answer["access"], "cached": True}
    assert (renewed.get("sub"), renewed.get("cached")) == (answer["sub"], False), renewed
    assert renewed["access"] != answer["access"]


@pytest.mark.requirement("MSAL: loginPopup, and ssoSilent in an iframe with prompt=none")
async def test_msal_signs_in_in_a_popup_and_silently(application: Application) -> None:
    async with application.page.expect_popup() as opened:
        await application.page.evaluate(
            f"void (window.answer = application.loginPopup({{scopes: ['email']}}).then({SHOWN}))"
        )
    popup = await opened.value
    await popup.wait_for_url(f"{application.visit.system.issuer}/**")
    await application.visit.sign_in(popup)
    async with popup.expect_event("close"):
        await popup.get_by_role("button", name="Allow").click()
    answer = await application.page.evaluate("window.answer")

    silent = await application.call("ssoSilent({scopes: ['email']})")

    assert answer["sub"] == application.visit.person.subject
    assert (silent["sub"], silent["cached"]) == (answer["sub"], False), silent
