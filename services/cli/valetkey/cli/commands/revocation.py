"""``valetkey revocation``: what Redis knows of everything that has been revoked."""

from __future__ import annotations

from datetime import timedelta

import click

from valetkey.cli.operator_audit import audited
from valetkey.cli.option import example
from valetkey.cli.output import say
from valetkey.cli.store import Stores, with_stores
from valetkey.runtime.redis.connection import connect
from valetkey.runtime.redis.revocation_writer import RevocationWriter


@click.group("revocation", epilog=example("valetkey revocation reload"))
def command() -> None:
    """Look after revocations."""


@command.command("reload", epilog=example("valetkey revocation reload"))
@with_stores
async def reload(stores: Stores) -> None:
    """Have Redis loaded anew with everything that is revoked. Until then, services ask PostgreSQL.

    For when a command said that Redis could not be told. Safe at any time; meanwhile tokens are checked more slowly.
    """
    timeout = timedelta(seconds=stores.settings.redis_timeout)
    redis = connect(stores.settings.redis_url.reveal(), timeout=timeout, max_connections=1)
    try:
        with audited("revocations.reloaded"):
            await RevocationWriter(redis, stores.clock).distrust()
    finally:
        await redis.aclose()
    say("Redis is not believed until it has been loaded anew; introspection does that with the next token it checks.")
