"""The limit of this stack: a bare aiohttp handler that reads its form and answers. ``python -m bench.bare PORT``."""

from __future__ import annotations

import asyncio
import sys

import uvloop
from aiohttp import web

ANSWER = {"access_token": "x" * 800, "token_type": "Bearer", "expires_in": 600}


async def answer(request: web.Request) -> web.Response:
    """Read the form, answer what a token endpoint might."""
    await request.post()
    return web.json_response(ANSWER)


async def _serve(port: int) -> None:
    app = web.Application()
    app.router.add_post("/", answer)
    # Traces of the measured services end here as well.
    app.router.add_post("/v1/traces", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(_serve(int(sys.argv[1])))
