"""``valetkey session``: who is signed in, and signing them out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import click

from valetkey.administration.clients import get_client
from valetkey.administration.installation import Installation
from valetkey.administration.sessions import SessionSummary, end_sessions, get_session, list_sessions
from valetkey.administration.users import get_user
from valetkey.cli.installation import with_installation
from valetkey.cli.option import confirm, example, output_option, yes_option
from valetkey.cli.output import Output, say

_COLUMNS = ("session_id", "username", "auth_time", "used_at", "expires_at")


@click.group("session", epilog=example("valetkey session list --user ada"))
def command() -> None:
    """Show and end the sessions of browsers."""


@command.command(
    "list",
    epilog=example(
        "valetkey session list --limit 100",
        "valetkey session list --limit 100 --after 5f0c8f0e-6e0e-4b0e-9d8e-0a9d1f6f2c11",
        "valetkey session list --user ada -o json",
        "valetkey session list --client web",
    ),
)
@click.option("--user", help="Only those of this user: user name, e-mail address or subject.")
@click.option("--client", metavar="CLIENT_ID", help="Only those in which this client was given what it may still use.")
@click.option("--limit", type=click.IntRange(min=1), metavar="COUNT", help="At most so many; all unless given.")
@click.option(
    "--after", type=click.UUID, metavar="SESSION_ID", help="Begin behind this session: what a page before has told."
)
@output_option
@with_installation
async def list_(
    installation: Installation,
    user: str | None,
    client: str | None,
    limit: int | None,
    after: UUID | None,
    output: Output,
) -> None:
    """List live sessions, the oldest first."""
    subject = None if user is None else (await get_user(installation, user)).subject
    client_uid = None if client is None else (await get_client(installation, client)).client.uid
    shown = 0
    last: SessionSummary | None = None

    async def pages() -> AsyncIterator[list[dict[str, object]]]:
        nonlocal shown, last
        async for page in list_sessions(installation, subject, client_uid=client_uid, after=after, most=limit):
            shown, last = shown + len(page), page[-1]
            yield [_record(session) for session in page]

    await output.pages(pages(), _COLUMNS)
    if last is not None and shown == limit:
        say(f"There may be more: --after {last.session_id}")


@command.command(
    "revoke",
    epilog=example(
        "valetkey session revoke 5f0c8f0e-6e0e-4b0e-9d8e-0a9d1f6f2c11", "valetkey session revoke --user ada --yes"
    ),
)
@click.argument("session_id", required=False, type=click.UUID)
@click.option("--user", help="Every session of this user: user name, e-mail address or subject.")
@yes_option
@output_option
@with_installation
async def revoke(
    installation: Installation, session_id: UUID | None, user: str | None, output: Output, *, yes: bool
) -> None:
    """End sessions, and every grant bound to them. Offline access goes on."""
    if (session_id is None) == (user is None):
        raise click.UsageError("Give a SESSION_ID or --user.")
    if session_id is not None:
        ending = [await get_session(installation, session_id)]
    else:
        subject = (await get_user(installation, user or "")).subject
        ending = [session async for page in list_sessions(installation, subject) for session in page]
        confirm(f"End {len(ending)} session(s) of {user}?", yes=yes)
    await end_sessions(installation, ending)
    if ending or output.is_json:
        output.many([_record(session) for session in ending], _COLUMNS)
    say(f"{len(ending)} session(s) ended.")


def _record(session: SessionSummary) -> dict[str, object]:
    return {
        "session_id": session.session_id,
        "subject": session.subject,
        "username": session.username,
        "auth_time": session.auth_time,
        "amr": session.amr,
        "created_at": session.created_at,
        "used_at": session.used_at,
        "expires_at": session.expires_at,
    }
