"""``valetkey user credentials``: what a user signs in with beside the password."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

import click

from valetkey.administration.credentials import (
    REMOVABLE,
    list_credentials,
    remove_credential,
    remove_credentials,
)
from valetkey.administration.installation import Installation
from valetkey.administration.users import get_user
from valetkey.cli.installation import with_installation
from valetkey.cli.option import confirm, example, output_option, yes_option
from valetkey.cli.output import Output, say
from valetkey.core.authentication.factor import Method

_COLUMNS = ("credential_id", "method", "name", "created_at", "used_at")


@click.group("credentials", epilog=example("valetkey user credentials list ada"))
def command() -> None:
    """Show and remove second factors of a user."""


@command.command(
    "list", epilog=example("valetkey user credentials list ada", "valetkey user credentials list ada -o json")
)
@click.argument("user")
@output_option
@with_installation
async def list_(installation: Installation, user: str, output: Output) -> None:
    """List what a user signs in with beside the password. Of recovery codes it says how many are left."""
    found = await list_credentials(installation, await get_user(installation, user))
    output.many(
        [
            {
                "credential_id": each.credential_id,
                "method": each.method.value,
                "name": each.name,
                "created_at": each.created_at,
                "used_at": each.used_at,
            }
            for each in found
            if each.method is not Method.RECOVERY_CODE
        ],
        _COLUMNS,
    )
    codes = Counter(each.method for each in found)[Method.RECOVERY_CODE]
    say(f"{codes} recovery codes are left." if codes else "There are no recovery codes.")


@command.command(
    "remove",
    epilog=example(
        "valetkey user credentials remove ada 5f0c8f0e-6e0e-4b0e-9d8e-0a9d1f6f2c11",
        "valetkey user credentials remove ada --method totp --method recovery_code --yes",
    ),
)
@click.argument("user")
@click.argument("credential_id", required=False, type=click.UUID)
@click.option(
    "--method",
    "methods",
    multiple=True,
    type=click.Choice([method.value for method in REMOVABLE]),
    help="All of this method; may be repeated.",
)
@yes_option
@output_option
@with_installation
async def remove(
    installation: Installation,
    user: str,
    credential_id: UUID | None,
    methods: tuple[str, ...],
    output: Output,
    *,
    yes: bool,
) -> None:
    """Remove a second factor that its user has lost. The password and sessions stay.

    Make sure that it is the person who asks: without a second factor the password is enough. Where a client or a group
    demands one, the next login sets up another. End the sessions too where a device was stolen.
    """
    if (credential_id is None) == (not methods):
        raise click.UsageError("Give a CREDENTIAL_ID or --method.")
    found = await get_user(installation, user)
    count = 1
    if credential_id is not None:
        await remove_credential(installation, found, credential_id)
    else:
        confirm(f"Remove every {' and '.join(methods)} of {found.username}?", yes=yes)
        count = await remove_credentials(installation, found, [Method(method) for method in methods])
    output.one({"subject": found.sub, "username": found.username, "removed": count})
    say(f"{found.username} signs in without it from now on." if count else "There was none; nothing was changed.")
