"""The whole demo: real stores, every service, a front door, an application and an API, in one process on loopback."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from socket import socket
from ssl import SSLContext
from typing import TextIO
from uuid import UUID

from aiohttp import web

from valetkey.authorize.app import create_authorize
from valetkey.core.oauth.scope import format_scope
from valetkey.demo.browser import open_in_browser
from valetkey.demo.certificate import certificate_in, serving, trusting
from valetkey.demo.data_directory import data_directory, kept_directory, open_private
from valetkey.demo.demo_file import demo_file
from valetkey.demo.demo_settings import demo_settings, not_taken, taken
from valetkey.demo.environment_file import environment_file, operator_variables
from valetkey.demo.front_door import FrontDoor, create_front_door
from valetkey.demo.health import wait_until_healthy
from valetkey.demo.inbox import Inbox, create_inbox, inbox_server
from valetkey.demo.key_rotation import KeyRotation
from valetkey.demo.listening import listen_at, listen_at_ipv6, listen_near, port_of
from valetkey.demo.options import DemoOptions, chosen_port, is_at_localhost, issuer_at, loopback_url, require_options
from valetkey.demo.registration import Addresses, Registration, register
from valetkey.demo.relying_party.actions import Privileges, SetMembership
from valetkey.demo.relying_party.app import create_relying_party
from valetkey.demo.relying_party.config import RelyingPartyConfig
from valetkey.demo.resource_server import CLEARS_NOTES, ResourceServerConfig, create_resource_server
from valetkey.demo.run_secrets import RunSecrets, keep_secrets, read_secrets
from valetkey.demo.seed import seed
from valetkey.demo.stop_signal import in_thread, stop_signals
from valetkey.demo.stores.database_roles import create_roles, settings_of
from valetkey.demo.stores.embedded_stores import embedded_stores
from valetkey.demo.summary import STARTING, summary
from valetkey.demo.terminal import say
from valetkey.introspection.app import create_introspection
from valetkey.mailer.app import create_mailer
from valetkey.runtime.http.aiohttp_inside.protocol import Runner
from valetkey.runtime.http.server import start_app
from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.runtime.settings.environment import given_variables
from valetkey.runtime.settings.settings import Settings
from valetkey.runtime.telemetry.audit import configure_audit
from valetkey.runtime.telemetry.logging import configure_logging
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.schema.migrate import upgrade
from valetkey.storage.postgres.tables.groups import Groups
from valetkey.token.app import create_token

_GOODBYE = 1.0
_SERVICES: dict[str, Callable[[Settings], web.Application]] = {
    "authorize": partial(create_authorize, demo=True),
    "token": create_token,
    "introspection": create_introspection,
}


@dataclass(frozen=True, slots=True)
class Started:
    """What runs now; ``certificate`` is that of an issuer with https."""

    registration: Registration
    certificate: Path | None


async def run_demo(options: DemoOptions) -> None:
    """Start everything, say so on standard output, and end everything at Ctrl-C, SIGTERM or SIGHUP.

    Raises ``DemoError`` where it cannot start. Afterwards the process ignores these signals.
    """
    require_options(options)
    given = given_variables()
    async with stop_signals() as stop, AsyncExitStack() as stack:
        _say(STARTING)
        if ignored := not_taken(given):
            _say(f"DEMO  Not taken from the environment, for the demo has its own: {', '.join(ignored)}.")
        starting = asyncio.create_task(_start(options, given, stack))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            with suppress(asyncio.CancelledError):
                await starting
            return
        started = starting.result()
        _say(*summary(started.registration, options.directory, started.certificate, keeps=options.keep))
        if options.open_browser:
            await in_thread(partial(open_in_browser, f"{started.registration.addresses.tour}/"))
        await stopping
        _say("DEMO  Ending.")


async def _start(options: DemoOptions, given: Mapping[str, str], stack: AsyncExitStack) -> Started:
    """Start every part, leaving on the stack how to end it, and return once all of them are healthy."""
    directory = stack.enter_context(data_directory(options.directory))
    door = stack.enter_context(closing(listen_at(chosen_port(options))))
    port = port_of(door)
    tour = stack.enter_context(closing(listen_near(port + 1)))
    api = stack.enter_context(closing(listen_near(port + 2)))
    mail = stack.enter_context(closing(listen_near(port + 3)))
    addresses = Addresses(
        issuer=issuer_at(options, port),
        tour=loopback_url(port_of(tour)),
        api=loopback_url(port_of(api)),
        inbox=loopback_url(port_of(mail)),
    )
    doors = [door]
    if is_at_localhost(addresses.issuer) and (beside := listen_at_ipv6(port)) is not None:
        doors.append(stack.enter_context(closing(beside)))
    kept = kept_directory(directory) if options.keep else None
    run = RunSecrets() if kept is None else read_secrets(kept)
    registration = register(addresses, options.redirect_uris, run)
    certificate = certificate_in(kept or directory) if addresses.issuer.startswith("https://") else None
    trust = None if certificate is None else trusting(certificate)

    stores = await stack.enter_async_context(embedded_stores(directory, kept))
    inbox = Inbox(system_clock)
    smtp_port = await stack.enter_async_context(inbox_server(inbox))
    settings = demo_settings(addresses.issuer, stores.postgres_dsn, stores.redis_url, smtp_port, run, given)
    if kept is not None:
        keep_secrets(kept, run)
    configure_logging(settings, "demo", _open_log(directory / "log", stack))
    configure_audit("demo", _open_log(directory / "audit", stack))
    roles = await create_roles(stores.postgres_dsn)
    await upgrade(stores.postgres_dsn)
    database = await stack.enter_async_context(Database(stores.postgres_dsn, application_name="valetkey-demo"))
    rotation = KeyRotation(database, settings, system_clock)
    await rotation.run()
    await seed(database, registration, settings, system_clock)

    upstreams = await _start_services(settings, roles, stack)
    front_door = create_front_door(FrontDoor(upstreams, settings.issuer_path, is_https=certificate is not None))
    config = _relying_party_config(registration)
    await _serve(front_door, doors, stack, None if certificate is None else serving(certificate))
    await _serve(create_resource_server(_resource_server_config(registration), trust), [api], stack)
    privileges = Privileges(rotation.advance, _membership(database))
    await _serve(create_inbox(inbox, f"{addresses.tour}/"), [mail], stack)
    await _serve(create_relying_party(config, privileges, trust), [tour], stack)
    await wait_until_healthy(registration, config, trust)
    key = f"demo:{run.key('encryption')}"
    variables = operator_variables(settings, roles["valetkey_operator"], key, run.key("mail"), taken(given))
    stack.enter_context(environment_file(directory, variables))
    stack.enter_context(demo_file(directory, registration, certificate))
    return Started(registration, certificate)


async def _start_services(settings: Settings, roles: dict[str, str], stack: AsyncExitStack) -> dict[str, str]:
    upstreams = {}
    for name, create in _SERVICES.items():
        server = await start_app(create(settings_of(settings, name, roles)), settings, management=False)
        stack.push_async_callback(server.close)
        upstreams[name] = server.url
    mailer = await start_app(
        create_mailer(settings_of(settings, "mailer", roles)), settings, management=False, public=False
    )
    stack.push_async_callback(mailer.close)
    return upstreams


def _membership(database: Database) -> SetMembership:
    async def set_membership(subject: str, is_member: bool) -> None:  # noqa: FBT001 - a state, not a switch
        groups, members = Groups(database), {CLEARS_NOTES: [UUID(subject)]}
        await (groups.add_members if is_member else groups.remove_members)(members)

    return set_membership


async def _serve(
    app: web.Application, listeners: Sequence[socket], stack: AsyncExitStack, tls: SSLContext | None = None
) -> None:
    runner = Runner(app, access_log=None, shutdown_timeout=_GOODBYE)
    stack.push_async_callback(runner.cleanup)
    await runner.setup()
    for listener in listeners:
        await web.SockSite(runner, listener, ssl_context=tls).start()


def _relying_party_config(registration: Registration) -> RelyingPartyConfig:
    addresses, web_client = registration.addresses, registration.clients["web"]
    return RelyingPartyConfig(
        base_url=addresses.tour,
        issuer=addresses.issuer,
        client_id=web_client.client.client_id,
        client_secret=web_client.secret or "",
        scope=format_scope(web_client.client.scope),
        api_url=addresses.api,
    )


def _resource_server_config(registration: Registration) -> ResourceServerConfig:
    addresses, api = registration.addresses, registration.clients["api"]
    return ResourceServerConfig(
        issuer=addresses.issuer,
        resource=addresses.resource,
        client_id=api.client.client_id,
        client_secret=api.secret or "",
        tour_url=f"{addresses.tour}/",
    )


def _open_log(path: Path, stack: AsyncExitStack) -> TextIO:
    return stack.enter_context(os.fdopen(open_private(path), "w", encoding="utf-8", buffering=1))


def _say(*lines: str) -> None:
    # The reader may be gone: a closed terminal, or a closed pipe.
    with suppress(OSError):
        say(*lines)
