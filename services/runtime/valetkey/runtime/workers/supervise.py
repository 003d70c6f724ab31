"""The whole life of the process that supervises: its ports, its signals, its logs."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from contextlib import AsyncExitStack, ExitStack
from typing import TYPE_CHECKING

from aiohttp import web

from valetkey.runtime.http.listener import BACKLOG, bind, claim, url_of
from valetkey.runtime.telemetry.logging import configure_logging
from valetkey.runtime.workers.management import create_supervisor_app
from valetkey.runtime.workers.supervisor import RetryPolicy, Supervisor
from valetkey.runtime.workers.whole_lines import whole_lines
from valetkey.runtime.workers.worker import Berth

if TYPE_CHECKING:
    import socket

    from valetkey.runtime.settings.settings import Service, Settings

_LOG = logging.getLogger("valetkey.supervisor")
_CANNOT_LISTEN = 1


def supervise(service: Service, settings: Settings) -> int:
    """Run as many workers as settings say until SIGTERM or SIGINT; the exit code. SIGHUP replaces each of them."""
    # A file without a name: workers inherit it, nobody else can lock it, and nothing has to be cleaned up.
    lock = os.memfd_create("valetkey-lines")
    configure_logging(settings, service, whole_lines(sys.stderr, lock))
    with ExitStack() as stack:
        stack.callback(os.close, lock)
        try:
            port = stack.enter_context(claim(settings.host, settings.port))
            management_port = stack.enter_context(bind(settings.management_host, settings.management_port))
        except OSError as error:
            _LOG.error("cannot listen", extra={"error": str(error), "advice": "choose a port that is free"})
            return _CANNOT_LISTEN
        return asyncio.run(_run(Berth(service, port.getsockname()[1], lock), settings, port, management_port))


async def _run(berth: Berth, settings: Settings, port: socket.socket, management_port: socket.socket) -> int:
    supervisor = Supervisor(berth, settings.workers, RetryPolicy(settings.drain_delay, settings.shutdown_grace))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, supervisor.end, number)
    loop.add_signal_handler(signal.SIGHUP, supervisor.renew)
    async with AsyncExitStack() as stack:
        manager = web.AppRunner(create_supervisor_app(supervisor), access_log=None)
        stack.push_async_callback(manager.cleanup)
        await manager.setup()
        await web.SockSite(manager, management_port, backlog=BACKLOG).start()
        urls = {"url": url_of(port), "management_url": url_of(management_port)}
        _LOG.info("supervising", extra={**urls, "workers": settings.workers})
        code = await supervisor.run()
    _LOG.info("stopped")
    return code
