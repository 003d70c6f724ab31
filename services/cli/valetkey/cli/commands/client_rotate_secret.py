"""``valetkey client rotate-secret``: exchange a secret while the services of the client keep running."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from valetkey.cli.duration import Duration
from valetkey.cli.failure import Failure, NotFound
from valetkey.cli.operator_audit import audited
from valetkey.cli.option import example, output_option
from valetkey.cli.output import Output, say
from valetkey.cli.secret_file import handed_over
from valetkey.cli.secret_input import secret_path
from valetkey.cli.store import Stores, with_stores
from valetkey.cli.stored_client import get_client
from valetkey.core.client.authentication.authenticate import generate_secret, secret_digest
from valetkey.storage.postgres.tables.client_secrets import ClientSecrets

LONGEST_OVERLAP = timedelta(days=90)


@click.command(
    "rotate-secret",
    epilog=example(
        "valetkey client rotate-secret web --overlap 24h --secret-file web.secret",
        "valetkey client rotate-secret web --overlap 0 -o json",
    ),
)
@click.argument("client_id")
@click.option(
    "--overlap",
    type=Duration(LONGEST_OVERLAP),
    default="24h",
    show_default=True,
    help="How long the newest old secret counts as well; 0 if it has leaked.",
)
@click.option("--secret-file", type=secret_path(exists=False), help="Write the secret there instead of printing it.")
@output_option
@with_stores
async def command(stores: Stores, client_id: str, overlap: timedelta, secret_file: Path | None, output: Output) -> None:
    """Give a client a new secret. It is shown once; the old one counts for a while more."""
    record = await get_client(stores.database, client_id)
    if record.client.is_public:
        raise Failure(f"{client_id} is a public client and has no secret.")
    if record.managed_by is not None:
        say(f"{client_id} is owned by {record.managed_by}: the next apply brings back a secret its file names.")
    secret, now = generate_secret(), stores.clock()
    with (
        handed_over("client_secret", secret, secret_file) as handed,
        audited("client.secret_rotated", client_id=client_id),
    ):
        digest, keep_until = secret_digest(secret), now + overlap
        if not await ClientSecrets(stores.database).rotate(record.client.uid, digest, now, keep_until):
            raise NotFound(f"There is no client {client_id} any more.")
    output.one({"client_id": client_id, **handed, "previous_secret_expires_at": keep_until})
    if "client_secret" in handed:
        say("The secret is shown this once.")
