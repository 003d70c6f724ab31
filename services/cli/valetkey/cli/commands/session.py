"""``valetkey session``: who is signed in, and signing them out."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import click

from valetkey.cli.failure import NotFound
from valetkey.cli.operator_audit import audited
from valetkey.cli.option import confirm, example, output_option, yes_option
from valetkey.cli.output import Output, say
from valetkey.cli.store import Publish, Stores, with_stores
from valetkey.cli.stored_user import get_user
from valetkey.storage.postgres.tables.sessions import Sessions, SessionSummary

_COLUMNS = ("session_id", "username", "auth_time", "used_at", "expires_at")


@click.group("session", epilog=example("valetkey session list --user ada"))
def command() -> None:
    """Show and end the sessions of browsers."""


@command.command("list", epilog=example("valetkey session list", "valetkey session list --user ada -o json"))
@click.option("--user", help="Only those of this user: user name, e-mail address or subject.")
@output_option
@with_stores
async def list_(stores: Stores, user: str | None, output: Output) -> None:
    """List live sessions, the oldest first."""
    output.many([_record(session) for session in await _live(stores, user)], _COLUMNS)


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
@with_stores
async def revoke(stores: Stores, session_id: UUID | None, user: str | None, output: Output, *, yes: bool) -> None:
    """End sessions, and every grant bound to them. Offline access goes on."""
    if (session_id is None) == (user is None):
        raise click.UsageError("Give a SESSION_ID or --user.")
    live = await _live(stores, user)
    ending = [session for session in live if session_id in (None, session.session_id)]
    if session_id is not None and not ending:
        raise NotFound(f"There is no live session {session_id}; `valetkey session list` lists them.")
    if user is not None:
        confirm(f"End {len(ending)} session(s) of {user}?", yes=yes)
    async with stores.revoking() as publish:
        sessions = _sessions(stores, publish)
        for session in ending:
            with audited("session.revoked", session_id=str(session.session_id), subject=str(session.subject)):
                await sessions.end(session.session_id, stores.clock())
    if ending or output.is_json:
        output.many([_record(session) for session in ending], _COLUMNS)
    say(f"{len(ending)} session(s) ended.")


async def _live(stores: Stores, user: str | None) -> list[SessionSummary]:
    subject = None if user is None else (await get_user(stores.database, user)).subject
    return await _sessions(stores, _publish_nothing).list(stores.clock(), subject)


async def _publish_nothing(_revocations: object) -> None:
    """Listing ends nothing."""


def _sessions(stores: Stores, publish: Publish) -> Sessions:
    return Sessions(
        stores.database,
        publish,
        idle_lifetime=timedelta(seconds=stores.settings.session_idle_lifetime),
        lifetime=timedelta(seconds=stores.settings.session_lifetime),
        most=stores.settings.sessions_per_user,
    )


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
