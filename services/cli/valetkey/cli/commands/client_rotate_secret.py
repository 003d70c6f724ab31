"""``valetkey client rotate-secret``: exchange a secret while the services of the client keep running."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from valetkey.administration.clients import LONGEST_OVERLAP, get_client, rotate_secret
from valetkey.administration.installation import Installation
from valetkey.cli.duration import Duration
from valetkey.cli.failure import Failure
from valetkey.cli.installation import with_installation
from valetkey.cli.option import example, output_option
from valetkey.cli.output import Output, say
from valetkey.cli.secret_file import handed_over
from valetkey.cli.secret_input import secret_path
from valetkey.core.client.authentication.secret import generate_secret, secret_digest


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
@with_installation
async def command(
    installation: Installation, client_id: str, overlap: timedelta, secret_file: Path | None, output: Output
) -> None:
    """Give a client a new secret. It is shown once; the old one counts for a while more."""
    record = await get_client(installation, client_id)
    if record.client.is_public:
        raise Failure(f"{client_id} is a public client and has no secret.")
    if record.managed_by is not None:
        say(f"{client_id} is owned by {record.managed_by}: the next apply brings back a secret its file names.")
    secret = generate_secret()
    with handed_over("client_secret", secret, secret_file) as handed:
        keep_until = await rotate_secret(installation, record.client, secret_digest(secret), overlap)
    output.one({"client_id": client_id, **handed, "previous_secret_expires_at": keep_until})
    if "client_secret" in handed:
        say("The secret is shown this once.")
