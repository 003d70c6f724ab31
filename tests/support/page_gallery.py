"""Every page as a browser sees it, with its files, without the services behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

from aiohttp import web

from support.sample_pages import every_page, show
from valetkey.authorize.pages.csp import page_policy
from valetkey.authorize.pages.language import languages
from valetkey.authorize.pages.renderer import Pages
from valetkey.authorize.pages.theme import Theme
from valetkey.core.language import SHIPPED, SOURCE
from valetkey.demo.free_port import LOOPBACK

NAMES = tuple(every_page())


class Gallery:
    """Each sample page at an address of its own, in a language; ``text`` is wherever untrusted text may be."""

    def __init__(self, tag: str, text: str = "Ada Lovelace") -> None:
        self._pages = Pages(Theme(), languages=languages(SHIPPED, tag))
        self._samples = every_page(text)
        self.origin = ""

    def address(self, name: str) -> str:
        """Where the page of this name is."""
        return f"{self.origin}/page/{quote(name)}"

    async def show(self, request: web.Request) -> web.Response:
        """A page under the policy of ours, which lets our scripts run."""
        html = show(self._pages, self._samples[request.match_info["name"]])
        policy = page_policy(runs_script=True)
        return web.Response(text=html, content_type="text/html", headers={"Content-Security-Policy": policy})

    async def file(self, request: web.Request) -> web.Response:
        """One of the files that it refers to."""
        asset = self._pages.assets.find(request.match_info["name"])
        if asset is None:
            raise web.HTTPNotFound
        return web.Response(body=asset.body, headers={"Content-Type": asset.content_type})


@asynccontextmanager
async def open_gallery(tag: str = SOURCE) -> AsyncIterator[Gallery]:
    """The gallery, until it closes."""
    gallery, app = Gallery(tag), web.Application()
    app.router.add_get("/page/{name}", gallery.show)
    app.router.add_get("/static/{name}", gallery.file)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, 0).start()
    gallery.origin = f"http://{LOOPBACK}:{runner.addresses[0][1]}"
    try:
        yield gallery
    finally:
        await runner.cleanup()
