"""``valetkey mail``: what was sent to users, and what was not."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast, get_args
from uuid import UUID

import click

from valetkey.administration.installation import Installation
from valetkey.administration.mails import MailRecord, State, list_mails, retry_mails, send_test_mail
from valetkey.cli.installation import with_installation
from valetkey.cli.option import example, output_option
from valetkey.cli.output import Output, say

if TYPE_CHECKING:
    from collections.abc import Sequence

_COLUMNS = ("mail_id", "kind", "recipient", "state", "attempts", "created_at", "last_error")


@click.group("mail", epilog=example("valetkey mail list --state failed"))
def command() -> None:
    """Show mails to users, and have them tried again."""


@command.command(
    "list",
    epilog=example(
        "valetkey mail list", "valetkey mail list --state failed -o json", "valetkey mail list --to ada@example.com"
    ),
)
@click.option("--state", type=click.Choice(get_args(State)), help="Only those in this state.")
@click.option("--to", metavar="ADDRESS", help="Only those to this address.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="At most so many.")
@output_option
@with_installation
async def list_(installation: Installation, state: str | None, to: str | None, limit: int, output: Output) -> None:
    """List mails, the newest first; never what they say."""
    records = await list_mails(installation, state=cast("State | None", state), recipient=to, most=limit)
    output.many([_record(record) for record in records], _COLUMNS)


@command.command(
    "retry",
    epilog=example("valetkey mail retry 5f0c8f0e-6e0e-4b0e-9d8e-0a9d1f6f2c11", "valetkey mail retry --all"),
)
@click.argument("mail_ids", metavar="[MAIL_ID]...", nargs=-1, type=click.UUID)
@click.option("--all", "is_all", is_flag=True, help="All that have failed or wait, and have not expired.")
@output_option
@with_installation
async def retry(installation: Installation, mail_ids: Sequence[UUID], output: Output, *, is_all: bool) -> None:
    """Have mails tried again at once, unless they have expired or are being sent."""
    if bool(mail_ids) == is_all:
        raise click.UsageError("Give MAIL_IDs or --all.")
    count = await retry_mails(installation, None if is_all else list(mail_ids))
    if output.is_json:
        output.one({"retried": count})
    say(f"{count} mail(s) will be tried again.")


@command.command("test", epilog=example("valetkey mail test --to ada@example.com"))
@click.option("--to", metavar="ADDRESS", required=True, help="Where it shall arrive.")
@output_option
@with_installation
async def test(installation: Installation, to: str, output: Output) -> None:
    """Enqueue a mail that says nothing but that it has arrived."""
    await send_test_mail(installation, to)
    if output.is_json:
        output.one({"recipient": to, "state": "queued"})
    say(f"Enqueued. `valetkey mail list --to {to}` shows what becomes of it.")


def _record(record: MailRecord) -> dict[str, object]:
    return {
        "mail_id": record.mail_id,
        "kind": record.kind,
        "recipient": record.recipient,
        "subject": record.subject,
        "state": "sending" if record.is_leased else record.state,
        "attempts": record.attempts,
        "last_error": record.last_error,
        "created_at": record.created_at,
        "due_at": record.due_at if record.state == "queued" else None,
        "expires_at": record.expires_at,
        "finished_at": record.finished_at,
    }
