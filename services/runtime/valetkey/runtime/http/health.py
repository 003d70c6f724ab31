"""Health and metrics on their own port. Readiness tells about this process only, never about a shared dependency."""

from __future__ import annotations

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from valetkey.runtime.lifecycle.readiness import ReadinessChecks
from valetkey.runtime.telemetry.metric import REGISTRY


class Health:
    """Where a process is in its life."""

    __slots__ = ("draining", "started", "waiting")

    def __init__(self) -> None:
        self.started = False
        self.draining = False
        self.waiting = ReadinessChecks()

    @property
    def ready(self) -> bool:
        """Started, in possession of what it needs, and not yet told to stop."""
        return self.started and not self.draining and not self.waiting.reason

    @property
    def state(self) -> str:
        """Where it is, in words."""
        if self.draining:
            return "draining"
        if not self.started:
            return "starting"
        reason = self.waiting.reason
        return f"waiting: {reason}" if reason else "ready"


def exposition(request: web.Request, registry: CollectorRegistry) -> web.Response:
    """What a registry holds, in the format that the scraper asks for."""
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return web.Response(body=encode(registry), headers={"Content-Type": content_type, "Cache-Control": "no-store"})


def create_management_app(health: Health, registry: CollectorRegistry = REGISTRY) -> web.Application:
    """``/livez``, ``/readyz`` and ``/metrics``."""

    async def livez(_request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_request: web.Request) -> web.Response:
        return web.Response(status=200 if health.ready else 503, text=f"{health.state}\n")

    async def metrics(request: web.Request) -> web.Response:
        return exposition(request, registry)

    app = web.Application()
    app.add_routes([web.get("/livez", livez), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    return app
