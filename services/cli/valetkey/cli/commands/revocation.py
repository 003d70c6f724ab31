"""``valetkey revocation``: what Redis knows of everything that has been revoked, and revoking all there is."""

from __future__ import annotations

from datetime import timedelta

import click

from valetkey.cli.operator_audit import audited
from valetkey.cli.option import confirm, example, output_option, yes_option
from valetkey.cli.output import Output, say
from valetkey.cli.store import Stores, with_stores
from valetkey.storage.postgres.tables.revoke_all import EverythingEnding
from valetkey.storage.redis.client.connection import connect
from valetkey.storage.redis.kept.revocation_writer import RevocationWriter


@click.group("revocation", epilog=example("valetkey revocation reload", "valetkey revocation end-all --yes"))
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


@command.command(
    "end-all", epilog=example("valetkey revocation end-all --yes", "valetkey revocation end-all --consents --yes")
)
@click.option("--consents", is_flag=True, help="Withdraw what users have agreed to as well: everybody is asked again.")
@yes_option
@output_option
@with_stores
async def end_all(stores: Stores, output: Output, *, consents: bool, yes: bool) -> None:
    """End every session, code, grant and token of everybody, offline access too. For after PostgreSQL was restored.

    Clients, users, their secrets and passwords stay as they are. May be typed again.
    """
    confirm("End every session, grant and token of everybody, so that all users log in again?", yes=yes)
    async with stores.revoking() as publish:
        with audited("everything.revoked"):
            ended = await EverythingEnding(stores.database).end(stores.clock(), consents=consents)
            await publish(ended.revocations)
    output.one(
        {
            "sessions_ended": ended.sessions,
            "grants_ended": ended.authorizations,
            "consents_withdrawn": ended.consents,
        }
    )
    say("APIs that verify tokens by themselves accept what they have until it expires, or its signing key is replaced.")
