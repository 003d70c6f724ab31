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
from typing import TYPE_CHECKING

from aiohttp import web

from valetkey.runtime.http.app import HEALTH
from valetkey.runtime.http.health import create_management_app
from valetkey.runtime.http.listener import BACKLOG, bind, url_of
from valetkey.runtime.http.protocol import Runner
from valetkey.runtime.lifecycle.event_loop import LagWatch
from valetkey.runtime.lifecycle.memory import settle
from valetkey.runtime.settings.settings import Service, Settings, SettingsError, load_settings
from valetkey.runtime.telemetry.audit import configure_audit
from valetkey.runtime.telemetry.logging import configure_logging
from valetkey.runtime.telemetry.metrics import BUILD
from valetkey.runtime.telemetry.tracing import Tracing, create_tracing
from valetkey.runtime.workers.place import Place, place_from
from valetkey.runtime.workers.service import answering, unless, until_able
from valetkey.runtime.workers.whole_lines import whole_lines

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from valetkey.runtime.telemetry.metric_export import MetricExport

EXIT_CONFIGURATION = 78
_LOG = logging.getLogger("valetkey.server")


@dataclass(frozen=True, slots=True)
class RunningServer:
    """One service that listens. URLs have no trailing slash; ``management_url`` is empty without a management port."""

    app: web.Application
    url: str
    management_url: str
    _runner: Runner
    _port: socket.socket
    _stack: AsyncExitStack

    async def stop_accepting(self) -> None:
        """Accept no new connection, and let those that have begun arrive; call it shortly before ``close``."""
        await self._runner.stop_accepting(self._port)

    async def close(self) -> None:
        """Stop listening, finish what is in flight within the grace period, run the application's clean-up."""
        self.app[HEALTH].draining = True
        await self._stack.aclose()


async def _listen(runner: web.AppRunner, port: socket.socket) -> str:
    await web.SockSite(runner, port, backlog=BACKLOG).start()
    return url_of(port)


async def start_app(
    app: web.Application, settings: Settings, *, management: bool = True, place: Place | None = None
) -> RunningServer:
    """Start a service from ``create_app`` within the running loop, on the ports of its settings (0: a free one).

    Several may run in one process. A worker shares the port of its ``place``; its supervisor has the management port.
    Raises whatever the application's start-up raises, with nothing left running.
    """
    health = app[HEALTH]
    management_url = ""
    async with AsyncExitStack() as stack:
        stack.callback(LagWatch().close)
        if management and place is None:
            management_port = stack.enter_context(bind(settings.management_host, settings.management_port))
            manager = web.AppRunner(create_management_app(health), access_log=None)
            stack.push_async_callback(manager.cleanup)
            await manager.setup()
            management_url = await _listen(manager, management_port)
        number = place.port if place else settings.port
        port = stack.enter_context(bind(settings.host, number, shared=place is not None))
        runner = Runner(app, shutdown_timeout=settings.shutdown_grace)
        stack.push_async_callback(runner.cleanup)
        await runner.setup()
        if place and place.joins_when_able:
            await until_able(health.waiting)
        url = await _listen(runner, port)
        started = stack.pop_all()
    health.started = True
    _LOG.info("listening", extra={"url": url, "management_url": management_url})
    return RunningServer(app, url, management_url, runner, port, started)


def _set_both(interrupt: asyncio.Event, terminate: asyncio.Event) -> None:
    interrupt.set()
    terminate.set()


async def _run_until_told(app: web.Application, settings: Settings, place: Place | None) -> None:
    loop = asyncio.get_running_loop()
    terminate, interrupt = asyncio.Event(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, terminate.set)
    loop.add_signal_handler(signal.SIGINT, _set_both, interrupt, terminate)
    async with AsyncExitStack() as stack:
        if place is None:
            server = await start_app(app, settings)
        else:
            await stack.enter_async_context(answering(place, app[HEALTH], settings.shutdown_grace))
            started = await unless(terminate, start_app(app, settings, place=place))
            if started is None:
                return
            server = started
        settle()
        await terminate.wait()
        app[HEALTH].draining = True
        _LOG.info("draining", extra={"seconds": settings.drain_delay})
        # Endpoints are withdrawn while we still serve; whoever is at the keyboard need not wait for that.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(settings.drain_delay):
                await interrupt.wait()
        if not interrupt.is_set():
            await server.stop_accepting()
        await server.close()
    _LOG.info("stopped")


def run_app(app: web.Application, settings: Settings, place: Place | None = None) -> None:
    """Serve until SIGTERM or SIGINT: readiness off, drain delay, finish what is in flight, close."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_run_until_told(app, settings, place))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - there is no uvloop on some platforms
    except ImportError:
        return None
    return uvloop.new_event_loop


def serve(
    service: Service,
    create: Callable[[Settings, Tracing], web.Application],
    arguments: Sequence[str] = (),
    *,
    workers: int | None = None,
) -> int:
    """The whole life of a service process; the exit code.

    78 means that the settings cannot be used (sysexits). ``arguments`` are those of the command line, where a
    supervisor says that this is one of its workers; ``workers`` takes the place of the setting.
    """
    try:
        settings = load_settings(service)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_CONFIGURATION
    place = place_from(arguments)
    if workers is not None:
        settings = replace(settings, workers=workers)
    if place is None and settings.workers > 1:
        from valetkey.runtime.workers.supervise import supervise  # noqa: PLC0415 - most processes have nobody to supervise

        return supervise(service, settings)
    configure_logging(settings, service, whole_lines(sys.stderr, place.lock) if place else None)
    configure_audit(service, whole_lines(sys.stdout, place.lock) if place else None, by_turn=True)
    tracing = create_tracing(settings, service)
    metrics = _send_metrics(settings, service)
    BUILD.set(1, version("valetkey-runtime"), service)
    try:
        run_app(create(settings, tracing), settings, place)
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
