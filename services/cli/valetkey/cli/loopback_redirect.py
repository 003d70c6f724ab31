"""Receives one authorization response on the loopback interface. RFC 8252 §7.3, OAuth 2.1 §8.4.2."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from valetkey.cli.failure import Failure

_HOST = "127.0.0.1"  # RFC 8252 §8.3: the IP literal, for localhost may mean something else
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Valetkey</title>
<style>:root{color-scheme:light dark}body{font:1.1rem/1.5 system-ui;margin:20vh auto;max-width:28rem;padding:0 1rem}
</style><h1>Back to the terminal</h1><p>This window can be closed.</p></html>
"""
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class LoopbackRedirect:
    """A redirect URI of this moment, and the first answer that arrives there."""

    redirect_uri: str
    _answer: asyncio.Future[Mapping[str, str]]

    async def answer(self, patience: timedelta) -> Mapping[str, str]:
        """The parameters of the authorization response. Raises ``Failure`` where none comes in time."""
        try:
            async with asyncio.timeout(patience.total_seconds()):
                return await self._answer
        except TimeoutError as error:
            raise Failure("Nobody has come back from the login in time; start again, or give it longer.") from error


@asynccontextmanager
async def loopback_redirect(path: str, port: int = 0) -> AsyncIterator[LoopbackRedirect]:
    """Listen on ``http://127.0.0.1:{port}{path}``, on a free port unless told. Raises ``Failure``."""
    answer: asyncio.Future[Mapping[str, str]] = asyncio.get_running_loop().create_future()

    async def receive(request: web.Request) -> web.Response:
        names = list(request.query.keys())
        if not answer.done() and len(names) == len(set(names)) and {"code", "error"} & set(names):
            answer.set_result(dict(request.query))
        return web.Response(text=_PAGE, content_type="text/html", headers=_HEADERS)

    app = web.Application()
    app.router.add_get(path, receive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, _HOST, port).start()
        except OSError as error:
            raise Failure(f"Port {port} cannot be listened on ({error.strerror}); give another --port.") from error
        yield LoopbackRedirect(f"http://{_HOST}:{runner.addresses[0][1]}{path}", answer)
    finally:
        await runner.cleanup()
