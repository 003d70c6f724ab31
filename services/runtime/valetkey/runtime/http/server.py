"""Serves an application and its management port, and stops without losing a request."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, TypeVar

from aiohttp import web

from valetkey.runtime.http.aiohttp_inside.protocol import Runner
from valetkey.runtime.http.app import HEALTH
from valetkey.runtime.http.health import create_management_app
from valetkey.runtime.http.listener import BACKLOG, AddressTakenError, bind, explained, url_of
from valetkey.runtime.lifecycle.event_loop import LagWatch
from valetkey.runtime.lifecycle.memory import settle
from valetkey.runtime.settings.environment import load_settings
from valetkey.runtime.settings.settings import Service, Settings, SettingsError
from valetkey.runtime.telemetry.audit import configure_audit
from valetkey.runtime.telemetry.logging import configure_logging
from valetkey.runtime.telemetry.metrics import BUILD
from valetkey.runtime.telemetry.tracing import Tracing, create_tracing

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Coroutine

    from valetkey.runtime.telemetry.metric_export import MetricExport

EXIT_CONFIGURATION = 78
EXIT_ADDRESS_TAKEN = 1
T = TypeVar("T")

_LOG = logging.getLogger("valetkey.server")
_APART = "give every process a VALETKEY_MANAGEMENT_PORT of its own"
_SHARED = (
    "start every process of the service with --reuse-port (VALETKEY_REUSE_PORT=true) and as the same user, or choose "
    "another VALETKEY_PORT"
)
_NOT_SHARED = (
    "stop that process, choose another VALETKEY_PORT, or start every process of the service with --reuse-port "
    "(VALETKEY_REUSE_PORT=true)"
)


@dataclass(frozen=True, slots=True)
class RunningServer:
    """One service that runs. URLs have no trailing slash, and are empty where it does not listen."""

    app: web.Application
    url: str
    management_url: str
    _runner: Runner
    _port: socket.socket | None
    _stack: AsyncExitStack

    async def stop_accepting(self) -> None:
        """Accept no new connection, and let those that have begun arrive; call it shortly before ``close``."""
        if self._port is not None:
            await self._runner.stop_accepting(self._port)

    async def close(self) -> None:
        """Stop listening, finish what is in flight within the grace period, run the application's clean-up."""
        self.app[HEALTH].draining = True
        await self._stack.aclose()


async def _listen(runner: web.AppRunner, port: socket.socket) -> str:
    await web.SockSite(runner, port, backlog=BACKLOG).start()
    return url_of(port)


async def start_app(
    app: web.Application, settings: Settings, *, management: bool = True, public: bool = True
) -> RunningServer:
    """Start a service from ``create_app`` within the running loop, on the ports of its settings (0: a free one).

    Without a ``public`` port it is a worker, which has health and metrics alone. Several may run in one process. On a
    port that other processes share it listens only once nothing is missing, so that their clients do not meet a process
    that cannot serve. Raises ``AddressTakenError``, or whatever the application's start-up raises, with nothing left
    running.
    """
    health = app[HEALTH]
    management_url = ""
    async with AsyncExitStack() as stack:
        stack.callback(LagWatch().close)
        if management:
            with explained(settings.management_host, settings.management_port, _APART):
                management_port = stack.enter_context(bind(settings.management_host, settings.management_port))
                manager = web.AppRunner(create_management_app(health), access_log=None)
                stack.push_async_callback(manager.cleanup)
                await manager.setup()
                management_url = await _listen(manager, management_port)
        advice = _SHARED if settings.reuse_port else _NOT_SHARED
        port = None
        if public:
            with explained(settings.host, settings.port, advice):
                port = stack.enter_context(bind(settings.host, settings.port, shared=settings.reuse_port))
        runner = Runner(app, shutdown_timeout=settings.shutdown_grace)
        stack.push_async_callback(runner.cleanup)
        await runner.setup()
        if settings.reuse_port and public:
            await health.waiting.until_over()
        # A process that binds the port and does not share it is refused here where this one was not listening yet.
        url = ""
        if port is not None:
            with explained(settings.host, settings.port, advice):
                url = await _listen(runner, port)
        started = stack.pop_all()
    health.started = True
    _LOG.info("listening", extra={"url": url, "management_url": management_url})
    return RunningServer(app, url, management_url, runner, port, started)


def _set_both(interrupt: asyncio.Event, terminate: asyncio.Event) -> None:
    interrupt.set()
    terminate.set()


async def _unless(told: asyncio.Event, work: Coroutine[None, None, T]) -> T | None:
    """What the work yields; None where the event came first, upon which the work is cancelled."""
    working, waiting = asyncio.ensure_future(work), asyncio.ensure_future(told.wait())
    try:
        await asyncio.wait([working, waiting], return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, waiting):
            task.cancel()
        await asyncio.wait([working, waiting])


async def _run_until_told(app: web.Application, settings: Settings, *, public: bool) -> None:
    loop = asyncio.get_running_loop()
    terminate, interrupt = asyncio.Event(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, terminate.set)
    loop.add_signal_handler(signal.SIGINT, _set_both, interrupt, terminate)
    server = await _unless(terminate, start_app(app, settings, public=public))
    if server is None:
        return
    settle()
    await terminate.wait()
    app[HEALTH].draining = True
    _LOG.info("draining", extra={"seconds": settings.drain_delay})
    # Endpoints are withdrawn while we still serve; Ctrl-C at a terminal does not wait for that.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(settings.drain_delay if public else 0):
            await interrupt.wait()
    if not interrupt.is_set():
        await server.stop_accepting()
    await server.close()
    _LOG.info("stopped")


def run_app(app: web.Application, settings: Settings, *, public: bool = True) -> None:
    """Serve until SIGTERM or SIGINT: readiness off, drain delay, finish what is in flight, close."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_run_until_told(app, settings, public=public))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - there is no uvloop on some platforms
    except ImportError:
        return None
    return uvloop.new_event_loop


def serve(
    service: Service,
    create: Callable[[Settings, Tracing], web.Application],
    *,
    reuse_port: bool = False,
    public: bool = True,
) -> int:
    """The whole life of a service process; the exit code. ``public``: see ``start_app``.

    78 means that the settings cannot be used (sysexits), 1 that a port is taken. ``reuse_port`` does what the setting
    of that name does.
    """
    try:
        settings = load_settings(service)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_CONFIGURATION
    if reuse_port:
        settings = replace(settings, reuse_port=True)
    configure_logging(settings, service)
    configure_audit(service, by_turn=True)
    tracing = create_tracing(settings, service)
    metrics = _send_metrics(settings, service)
    BUILD.set(1, version("valetkey-runtime"), service)
    try:
        run_app(create(settings, tracing), settings, public=public)
    except AddressTakenError as error:
        _LOG.error("cannot listen", extra={"error": str(error)})
        return EXIT_ADDRESS_TAKEN
    finally:
        tracing.shutdown()
        if metrics is not None:
            metrics.shutdown()
    return 0


def _send_metrics(settings: Settings, service: Service) -> MetricExport | None:
    if not settings.metrics_otlp_endpoint:
        return None
    from valetkey.runtime.telemetry.metric_export import create_metric_export  # noqa: PLC0415 - as heavy as the SDK of traces

    return create_metric_export(settings, service)
