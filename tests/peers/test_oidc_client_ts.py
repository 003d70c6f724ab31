"""oidc-client-ts, from npm, in a real Chromium: a single-page application and its issuer, both https."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
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
    pytest.mark.timeout(600),
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
]

WITH_REFRESH = ("authorization_code", "refresh_token")
# Then the library renews in an iframe.
WITHOUT_REFRESH = ("authorization_code",)
SHOWN = "user => ({sub: user.profile.sub, access: user.access_token, refresh: user.refresh_token, scope: user.scope})"


@dataclass(frozen=True, slots=True)
class Application:
    """The page with its UserManager, and the person in front of it."""

    page: Page
    visit: Visit

    async def call(self, method: str, page: Page | None = None) -> Any:  # noqa: ANN401 - a user, as JSON
        """What a method of the UserManager resolves to, or the error that it is rejected with."""
        script = f"manager.{method}().then({SHOWN}, error => ({{error: error.error ?? error.message}}))"
        return await (page or self.page).evaluate(script)

    async def begin(self, method: str) -> None:
        """Call a method that leaves the page."""
        async with self.page.expect_navigation():
            await self.page.evaluate(f"void manager.{method}()")

    async def return_from_issuer(self) -> None:
        """Wait until the page is there again, and its UserManager has read the answer."""
        await self.page.wait_for_function("window.ready")

    async def sign_in(self) -> Any:  # noqa: ANN401 - a user, as JSON
        """Sign in by redirect, and agree."""
        await self.begin("signinRedirect")
        await self.visit.sign_in()
        await self.visit.press("Allow")
        await self.return_from_issuer()
        return await self.call("getUser")


Opening = Callable[..., Awaitable[Application]]


@pytest_asyncio.fixture(loop_scope="session")
async def opening(
    chromium: Browser, https_installation: Installation, node_modules: Path, tmp_path: Path
) -> AsyncIterator[Opening]:
    """Opens the page, as a public client with default settings apart from those that are given."""
    context = await chromium.new_context(ignore_https_errors=True)
    context.set_default_timeout(20_000)
    async with single_page("oidc_client_ts", node_modules, serve_tls(tmp_path / "app.crt")) as spa:

        async def open_page(*options: str, grants: Sequence[str] = WITH_REFRESH) -> Application:
            client = await https_installation.register(
                spa.url, "--auth-method", "none", "--post-logout-redirect-uri", spa.url, *options, grants=grants
            )
            spa.settings = {"authority": https_installation.issuer, "client_id": client.client_id}
            person = await https_installation.system.administration.create_user()
            page = await context.new_page()
            await page.goto(spa.url)
            await page.wait_for_function("window.ready")
            visit = Visit(https_installation.system, Callback(spa.url), client, person, context, page)
            return Application(page, visit)

        yield open_page
    await context.close()


@pytest.mark.requirement("oidc-client-ts: login by redirect with PKCE; a reload keeps the session; logout")
async def test_a_login_by_redirect_survives_a_reload_and_ends_with_a_logout(opening: Opening) -> None:
    application = await opening()
    user = await application.sign_in()

    await application.page.reload()
    await application.return_from_issuer()
    kept = await application.call("getUser")
    await application.begin("signoutRedirect")
    await application.return_from_issuer()
    gone = await application.page.evaluate("manager.getUser()")
    silent = await application.call("signinSilent")

    assert user["sub"] == application.visit.person.subject
    assert kept == user
    assert gone is None
    assert silent == {"error": "login_required"}


@pytest.mark.requirement("oidc-client-ts: signinSilent with a refresh token")
async def test_a_session_is_renewed_with_a_refresh_token(opening: Opening) -> None:
    application = await opening()
    user = await application.sign_in()

    renewed = [await application.call("signinSilent") for _ in range(2)]

    assert [each["sub"] for each in renewed] == [user["sub"]] * 2
    assert len({user["access"], *(each["access"] for each in renewed)}) == 3
    assert len({user["refresh"], *(each["refresh"] for each in renewed)}) == 3


@pytest.mark.requirement("oidc-client-ts: signinSilent in an iframe with prompt=none, where consent may be remembered")
@pytest.mark.parametrize("consent", ["remember", "trusted"])
async def test_a_session_is_renewed_in_an_iframe(opening: Opening, consent: str) -> None:
    application = await opening("--consent", consent, grants=WITHOUT_REFRESH)
    await application.begin("signinRedirect")
    await application.visit.sign_in()
    if consent == "remember":
        await application.visit.press("Allow")
    await application.return_from_issuer()
    user = await application.call("getUser")

    renewed = await application.call("signinSilent")
    # Another tab finds no user of its own, and gets one without asking.
    await application.page.evaluate("manager.removeUser()")
    found = await application.call("signinSilent")

    assert user.get("refresh") is None
    assert [renewed["sub"], found["sub"]] == [user["sub"]] * 2
    assert len({user["access"], renewed["access"], found["access"]}) == 3


@pytest.mark.requirement("oidc-client-ts: signinSilent of a client that is asked for consent says so")
async def test_without_remembered_consent_the_application_is_told(opening: Opening) -> None:
    application = await opening("--consent", "ask", grants=WITHOUT_REFRESH)
    await application.sign_in()
    await application.page.evaluate("manager.removeUser()")

    assert await application.call("signinSilent") == {"error": "consent_required"}


@pytest.mark.requirement("oidc-client-ts: login in a popup")
async def test_a_login_in_a_popup(opening: Opening) -> None:
    application = await opening()
    async with application.page.expect_popup() as opened:
        await application.page.evaluate(f"void (window.user = manager.signinPopup().then({SHOWN}))")
    popup = await opened.value
    await popup.wait_for_load_state()

    await application.visit.sign_in(popup)
    async with popup.expect_event("close"):
        await popup.get_by_role("button", name="Allow").click()
    user = await application.page.evaluate("window.user")

    assert user["sub"] == application.visit.person.subject
