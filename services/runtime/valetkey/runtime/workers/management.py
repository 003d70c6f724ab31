"""The management port of all workers together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from valetkey.runtime.http.health import exposition
from valetkey.runtime.workers.merged_metrics import merge
from valetkey.runtime.workers.worker import READY

if TYPE_CHECKING:
    from valetkey.runtime.workers.supervisor import Supervisor


def create_supervisor_app(supervisor: Supervisor) -> web.Application:
    """``/livez``, ``/readyz`` and ``/metrics``, as one process has them."""

    async def livez(_request: web.Request) -> web.Response:
        silent = await supervisor.silent()
        text = "".join(f"worker {slot} does not answer\n" for slot in silent) or "ok\n"
        return web.Response(status=503 if silent else 200, text=text)

    async def readyz(_request: web.Request) -> web.Response:
        state = await supervisor.state()
        return web.Response(status=200 if state == READY else 503, text=f"{state}\n")

    async def metrics(request: web.Request) -> web.Response:
        crew = supervisor.crew
        texts = await asyncio.gather(*(worker.metrics() for worker in crew))
        return exposition(request, merge({worker.slot: text for worker, text in zip(crew, texts, strict=True)}))

    app = web.Application()
    app.add_routes([web.get("/livez", livez), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    return app
