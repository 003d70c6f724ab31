"""Receives one authorization response on the loopback interface. RFC 8252 §7.3, OAuth 2.1 §8.4.2."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from aiohttp import web
from aiohttp.typedefs import Handler

from valetkey.cli.failure import Failure

_HOST = "127.0.0.1"  # RFC 8252 §8.3: the IP literal, for localhost may mean something else
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Valetkey</title>
<style>:root{color-scheme:light dark}body{font:1.1rem/1.5 system-ui;margin:20vh auto;max-width:28rem;padding:0 1rem}
</style><h1>{heading}</h1><p>{sentence}</p></html>
"""
_FAREWELL = 1  # seconds that connections have to end
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(slots=True)
class LoopbackRedirect:
    """A redirect URI of this moment, and the answer to one authorization request that arrives there.

    ``tell_stray`` is called once, when the first of whatever else arrives: other tabs, port scanners, other programs.
    """

    path: str
    tell_stray: Callable[[], None]
    redirect_uri: str = ""
    _state: str | None = None
    _has_told: bool = False
    _answer: asyncio.Future[Mapping[str, str]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def expect(self, state: str) -> None:
        """Wait for the answer with this ``state`` from now on. RFC 9700 §2.1."""
        self._state = state

    async def answer(self, limit: timedelta) -> Mapping[str, str]:
        """The parameters of the authorization response. Raises ``Failure`` where none comes in time."""
        try:
            async with asyncio.timeout(limit.total_seconds()):
                return await self._answer
        except TimeoutError as error:
            raise Failure("The login was not finished in time; start again, or give it longer.") from error

    @web.middleware
    async def receive(self, request: web.Request, handler: Handler) -> web.StreamResponse:  # noqa: ARG002 - aiohttp's signature
        """Whatever is sent here: the answer, and what is not ends nothing."""
        if self._answers(request):
            if not self._answer.done():
                self._answer.set_result(dict(request.query))
            return web.Response(text=_page("Back to the terminal", "This window can be closed."), headers=_HEADERS)
        if not self._answer.done() and not self._has_told:
            self._has_told = True
            self.tell_stray()
        page = _page("Not expected", "This is not the answer of the login that the terminal waits for.")
        return web.Response(status=400, text=page, headers=_HEADERS)

    def _answers(self, request: web.Request) -> bool:
        """Whether this is the response to our request: each parameter once, and among them our ``state``."""
        query = request.query
        return (
            request.method == "GET"
            and self.path in (request.path, request.rel_url.raw_path)
            and len(query) == len(set(query))
            and not {"code", "error"}.isdisjoint(query)
            and self._state is not None
            and hmac.compare_digest(query.get("state", "").encode(errors="replace"), self._state.encode())
        )


@asynccontextmanager
async def loopback_redirect(
    path: str, port: int = 0, tell_stray: Callable[[], None] = lambda: None
) -> AsyncIterator[LoopbackRedirect]:
    """Listen on ``http://127.0.0.1:{port}{path}``, on a free port unless told. Raises ``Failure``."""
    redirect = LoopbackRedirect(path, tell_stray)
    app = web.Application(middlewares=[redirect.receive])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_FAREWELL)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, _HOST, port).start()
        except OSError as error:
            raise Failure(f"Port {port} cannot be listened on ({error.strerror}); give another --port.") from error
        redirect.redirect_uri = f"http://{_HOST}:{runner.addresses[0][1]}{path}"
        yield redirect
    finally:
        await runner.cleanup()


def _page(heading: str, sentence: str) -> str:
    return _PAGE.replace("{heading}", heading).replace("{sentence}", sentence)
