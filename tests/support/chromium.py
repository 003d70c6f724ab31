"""A real browser, and the place of a client that it is sent back to.

The browser is shared by the tests of a worker, so they run in one loop: their modules say
``pytest.mark.asyncio(loop_scope="session")``. Each visit has cookies and a cache of its own.
"""

from __future__ import annotations

import re
import secrets
import shutil
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from support.administration import FULL_SCOPE, Administration
from support.relying_party import ClientIdentity, CodeResponse, Person, RelyingParty, challenge_for
from support.system import System
from valetkey.demo.certificate import make_certificate
from valetkey.demo.free_port import LOOPBACK

SCREENSHOTS = Path("build/screenshots")
# The shell is Chromium without the windows, and starts in half the time.
_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
PATH = next(filter(None, map(shutil.which, _NAMES)), None)
# The second says that nothing is fetched behind the pages' back, which would fail on a machine without a network.
ARGUMENTS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


# As libraries for popups do: the page at the redirect URI tells the page that opened it where it has arrived.
_BACK = """<!doctype html><title>Back at the client</title><h1>Back</h1>
<script>if (window.opener) window.opener.postMessage(location.pathname, "*")</script>"""
_APP = """<!doctype html><title>The client</title><h1>Client</h1>
<script>window.told = []; addEventListener("message", event => window.told.push(event.data))</script>"""


@dataclass(slots=True)
class Callback:
    """A client's redirect URI on the loopback interface, and what has arrived there."""

    url: str = ""
    arrived: list[dict[str, str]] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)
    # Where the client goes on to from its redirect URI, and how often it got there.
    onward: str = ""
    onward_arrivals: int = 0

    @property
    def last(self) -> dict[str, str]:
        """The parameters of the last answer."""
        return self.arrived[-1]

    @property
    def app_url(self) -> str:
        """A page of the client, of its origin."""
        return self.url.replace("/callback", "/app")

    async def receive(self, request: web.Request) -> web.Response:
        """Note an answer and show that it came."""
        fields = await request.post() if request.method == "POST" else request.query
        self.arrived.append({name: str(value) for name, value in fields.items()})
        self.methods.append(request.method)
        if self.onward:
            return web.Response(status=303, headers={"Location": self.onward})
        return web.Response(text=_BACK, content_type="text/html")

    async def arrive(self, _request: web.Request) -> web.Response:
        """Note that the client went on."""
        self.onward_arrivals += 1
        return web.Response(text=_BACK, content_type="text/html")

    async def open(self, _request: web.Request) -> web.Response:
        """The client's own page, which notes what its popup tells it."""
        return web.Response(text=_APP, content_type="text/html")


@pytest_asyncio.fixture(loop_scope="session")
async def callback() -> AsyncIterator[Callback]:
    """A client that listens."""
    callback = Callback()
    app = web.Application()
    app.router.add_route("*", "/callback", callback.receive)
    app.router.add_route("*", "/signed-out", callback.receive)
    app.router.add_get("/onward", callback.arrive)
    app.router.add_get("/app", callback.open)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, 0).start()
    callback.url = f"http://{LOOPBACK}:{runner.addresses[0][1]}/callback"
    yield callback
    await runner.cleanup()


@pytest_asyncio.fixture(loop_scope="session")
async def secure_page(tmp_path: Path) -> AsyncIterator[str]:
    """The address of a page that is served over https, with a certificate of its own making."""
    certificate = tmp_path / "onward.pem"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, make_certificate(certificate))
    app = web.Application()
    app.router.add_get("/onward", Callback().arrive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, 0, ssl_context=context).start()
    yield f"https://{LOOPBACK}:{runner.addresses[0][1]}/onward"
    await runner.cleanup()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """Chromium of Debian or another source, headless."""
    if PATH is None:
        pytest.skip("there is no chromium on PATH")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=PATH, args=ARGUMENTS)
        yield browser
        await browser.close()


@dataclass(slots=True)
class Visit:
    """One person at one browser, on the way to one client."""

    system: System
    callback: Callback
    client: ClientIdentity
    person: Person
    context: BrowserContext
    page: Page
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    def address(self, **changes: str) -> str:
        """The authorization request as an address."""
        params = {
            "response_type": "code",
            "client_id": self.client.client_id,
            "redirect_uri": self.callback.url,
            "scope": "openid profile email api:read",
            "state": "the state",
            "nonce": "the nonce",
            "code_challenge": challenge_for(self.verifier),
            "code_challenge_method": "S256",
        }
        return f"{self.system.issuer}/authorize?{urlencode(params | changes)}"

    async def start(self, page: Page | None = None, **changes: str) -> None:
        """Open the authorization request."""
        await (page or self.page).goto(self.address(**changes))

    async def sign_in(self, page: Page | None = None, *, password: str | None = None) -> None:
        """Type name and password and press Enter, as people do."""
        page = page or self.page
        await page.get_by_label(re.compile("User name")).fill(self.person.username)
        await page.get_by_label("Password").fill(password or self.person.password)
        async with page.expect_navigation():
            await page.get_by_label("Password").press("Enter")

    async def guesses(self, number: int) -> None:
        """Wrong passwords for the person's name, typed elsewhere."""
        elsewhere = RelyingParty(self.system.issuer, replace(self.client, redirect_uri=self.callback.url))
        page = await elsewhere.start()
        for _ in range(number):
            page = await elsewhere.sign_in(page, replace(self.person, password="a guess"))
            assert page.status == 403, page.text
        await elsewhere.browser.close()

    async def press(self, button: str, page: Page | None = None) -> None:
        """Press a button by its name."""
        page = page or self.page
        async with page.expect_navigation():
            await page.get_by_role("button", name=button).click()

    async def heading(self, page: Page | None = None) -> str:
        """The page's one heading."""
        return await (page or self.page).get_by_role("heading", level=1).inner_text()

    async def keep(self, name: str) -> None:
        """Keep a picture of the page."""
        await self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    async def redeem(self) -> dict[str, Any]:
        """Exchange the code that has arrived."""
        party = RelyingParty(self.system.issuer, self.client)
        try:
            reply = await party.redeem(CodeResponse(self.callback.last, self.verifier), redirect_uri=self.callback.url)
        finally:
            await party.browser.close()
        assert reply.status == 200, reply.body
        return reply.body


Visiting = Callable[..., Awaitable[Visit]]


@pytest_asyncio.fixture(loop_scope="session")
async def visiting(
    system: System, administration: Administration, chromium: Browser, callback: Callback
) -> AsyncIterator[Visiting]:
    """Makes visits; ``options`` are those of a browser context, such as the colour scheme."""
    contexts: list[BrowserContext] = []

    async def make(method: str = "client_secret_basic", **options: Any) -> Visit:  # noqa: ANN401
        out = callback.url.replace("/callback", "/signed-out")
        client = await administration.create_web_client(
            method, redirect_uris=(callback.url,), post_logout_redirect_uris=(out,), scope=FULL_SCOPE
        )
        context = await chromium.new_context(**options)
        contexts.append(context)
        context.set_default_timeout(10_000)
        return Visit(system, callback, client, await administration.create_user(), context, await context.new_page())

    yield make
    for context in contexts:
        await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visit(visiting: Visiting) -> Visit:
    """A confidential client, a new user, a desktop."""
    return await visiting(viewport={"width": 1280, "height": 800})
