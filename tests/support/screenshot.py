"""Takes the picture of the README: the demo's login and consent pages, side by side. ``make docs-screenshot``."""

from __future__ import annotations

import asyncio
import base64
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.async_api import Browser, async_playwright

from support.chromium import ARGUMENTS, PATH
from support.demo_process import DemoProcess
from support.relying_party import ClientIdentity, RelyingParty

_WIDTH, _HEIGHT = 460, 830
_BESIDE = """<body style="margin:0;display:flex;gap:1px;background:#c3c8cf">{}</body>"""


async def take(into: Path) -> None:
    """Start the demo, sign in, and write the picture."""
    with TemporaryDirectory() as directory:
        demo = DemoProcess.start(Path(directory), "--issuer-port", "0").wait_until_ready()
        try:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=PATH, args=ARGUMENTS)
                shots = await _pages(browser, demo)
                await _beside(browser, shots, into)
        finally:
            demo.end(signal.SIGTERM)


async def _pages(browser: Browser, demo: DemoProcess) -> list[bytes]:
    document = demo.document
    client = document["clients"]["web"]
    party = RelyingParty(document["issuer"], ClientIdentity(client["client_id"], "", client["redirect_uris"][0]))
    query = dict(party.request_params("v" * 43, scope="openid profile email groups"))
    await party.browser.close()
    page = await browser.new_page(viewport={"width": _WIDTH, "height": _HEIGHT})
    await page.goto(f"{party.issuer}/authorize?{'&'.join(f'{name}={value}' for name, value in query.items())}")
    await page.fill("input[name=username]", document["user"]["username"])
    shots = [await page.screenshot()]
    await page.fill("input[name=password]", document["user"]["password"])
    await page.click("button[type=submit]")
    await page.wait_for_selector("button[value=allow]")
    return [*shots, await page.screenshot()]


async def _beside(browser: Browser, shots: list[bytes], into: Path) -> None:
    images = "".join(f'<img src="data:image/png;base64,{base64.b64encode(shot).decode()}">' for shot in shots)
    page = await browser.new_page(viewport={"width": len(shots) * (_WIDTH + 1) - 1, "height": _HEIGHT})
    await page.set_content(_BESIDE.format(images))
    await page.screenshot(path=into)


if __name__ == "__main__":
    asyncio.run(take(Path(sys.argv[1])))
