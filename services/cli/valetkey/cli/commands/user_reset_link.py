"""``valetkey user reset-link``: a link for a user who has no password, or has forgotten it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from valetkey.administration.installation import Installation
from valetkey.administration.reset_links import new_reset_link, store_reset_link
from valetkey.administration.users import get_user
from valetkey.cli.installation import with_installation
from valetkey.cli.option import example, output_option
from valetkey.cli.output import Output, say
from valetkey.cli.secret_file import handed_over
from valetkey.cli.secret_input import secret_path

if TYPE_CHECKING:
    from pathlib import Path


@click.command(
    "reset-link", epilog=example("valetkey user reset-link ada", "valetkey user reset-link ada --secret-file ada.link")
)
@click.argument("user")
@click.option("--secret-file", type=secret_path(exists=False), help="Write the link there instead of showing it.")
@output_option
@with_installation
async def command(installation: Installation, user: str, output: Output, *, secret_file: Path | None) -> None:
    """Make a link with which a user chooses a new password, for you to hand over. No mail is sent.

    It is good once and for 30 minutes, and is shown this once: the first to open it chooses the password, so make sure
    that it reaches the person. It begins no session and removes no second factor; the old password works until then.
    """
    found = await get_user(installation, user)
    link = new_reset_link(installation)
    with handed_over("reset_link", link.url, secret_file) as handed:
        await store_reset_link(installation, found, link)
    output.one({"subject": found.sub, "username": found.username, **handed, "expires_at": link.expires_at})
    say("Hand it over yourself, in a way that reaches that person only.")
