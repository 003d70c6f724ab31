"""From the outbox to an SMTP server: what arrives, what each answer of the server does, and when it ends."""

import asyncio
import json
import logging
from contextlib import suppress
from datetime import timedelta
from email.message import EmailMessage

import pytest

from support.mail_world import ISSUER, LINK, SENDER, MailWorld, notice, reset_mail, trial
from support.smtp_server import LOOPBACK, SmtpMailbox, smtp_server
from valetkey.core.mail.content import KINDS
from valetkey.core.mail.mail import Enqueued, Mail
from valetkey.mailer.examples import EXAMPLES
from valetkey.mailer.smtp import SmtpServer
from valetkey.runtime.telemetry import audit
from valetkey.runtime.telemetry.logging import JsonFormatter
from valetkey.storage.postgres.database.statement import Statement
from valetkey.storage.postgres.tables.mail_outbox import MailOutbox

SEALED = Statement("test", "SELECT sealed FROM mail_outbox")
EVERYTHING = Statement(
    "test", "SELECT to_jsonb(m)::text AS row, encode(sealed, 'escape') AS sealed FROM mail_outbox AS m"
)


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


async def test_a_mail_arrives_once_as_text_and_html_and_leads_to_the_issuer(world: MailWorld) -> None:
    await world.put(reset_mail())

    await world.worker().drain()
    await world.worker().drain()

    (message,) = world.mailbox.taken
    assert (message["From"], message["To"]) == (f"Valetkey <{SENDER}>", "ada@example.com")
    assert message.get_content_type() == "multipart/alternative"
    assert f"{ISSUER}{LINK}" in body(message, "plain")
    assert f'href="{ISSUER}{LINK}"' in body(message, "html")
    assert message["Auto-Submitted"] == "auto-generated"
    assert (await world.one()).state == "sent"


@pytest.mark.parametrize("content", EXAMPLES, ids=lambda content: content.kind)
async def test_every_kind_can_be_sent(world: MailWorld, content: object) -> None:
    await world.put_content(content)  # type: ignore[arg-type] # an example of a kind

    await world.worker().drain()

    (message,) = world.mailbox.taken
    assert message["Subject"]
    assert {type(example) for example in EXAMPLES} == set(KINDS.values())


async def test_what_a_mail_says_is_sealed_until_it_is_sent_and_gone_afterwards(world: MailWorld) -> None:
    await world.put(reset_mail())

    (before,) = await world.database.fetch(EVERYTHING)
    await world.worker().drain()
    (after,) = await world.database.fetch(SEALED)

    assert "a-secret" not in before["row"] + before["sealed"]
    assert "Ada" not in before["row"] + before["sealed"]
    assert after["sealed"] is None


async def test_a_mail_in_a_transaction_is_sent_only_if_it_commits(world: MailWorld) -> None:
    async with world.database.transaction("test") as transaction:
        await world.outbox.put(notice("kept@example.com"), transaction)
    with suppress(ZeroDivisionError):
        async with world.database.transaction("test") as transaction:
            await world.outbox.put(notice("undone@example.com"), transaction)
            raise ZeroDivisionError

    await world.worker().drain()

    assert [message["To"] for message in world.mailbox.taken] == ["kept@example.com"]


async def test_one_connection_carries_many_mails(world: MailWorld) -> None:
    await world.put(*(notice(f"user{number}@example.com") for number in range(12)))

    await world.worker().drain()

    assert len(world.mailbox.taken) == 12
    assert world.mailbox.connections == 1


@pytest.mark.requirement("RFC 5321 §4.2.1: a 5yz reply is permanent, the request must not be repeated")
@pytest.mark.parametrize("stage", ["to_recipient", "to_data"])
async def test_a_permanent_refusal_ends_it_at_once(world: MailWorld, stage: str) -> None:
    setattr(
        world.mailbox, stage, lambda recipient: f"550 5.1.1 <{recipient}> is unknown" if "gone" in recipient else None
    )
    await world.put(notice("gone@example.com"), notice("here@example.com"))

    await world.worker().drain()
    await world.pass_time(days=1)
    await world.worker().drain()

    assert await world.states() == {"gone@example.com": "failed", "here@example.com": "sent"}
    (failed,) = await world.records.list(state="failed")
    assert failed.last_error == "550 5.1.1 <the recipient> is unknown"
    assert failed.attempts == 1


@pytest.mark.requirement("RFC 5321 §4.2.1: a 4yz reply is transient, the sender tries again later")
@pytest.mark.parametrize("stage", ["to_recipient", "to_data"])
async def test_a_temporary_refusal_is_tried_again_with_growing_pauses(world: MailWorld, stage: str) -> None:
    setattr(world.mailbox, stage, lambda _recipient: "451 4.7.1 try again later")
    await world.put(notice())
    worker, pauses = world.worker(), []

    for _ in range(5):
        await worker.drain()
        record = await world.one()
        pauses.append((record.due_at - record.created_at - world.clock.ahead).total_seconds())
        await world.pass_time(seconds=pauses[-1] + 1)
    setattr(world.mailbox, stage, lambda _recipient: None)
    await worker.drain()

    assert [round(pause) for pause in pauses] == [pytest.approx(10 * 2**doubling, rel=0.25) for doubling in range(5)]
    assert (await world.one()).state == "sent"
    assert (await world.one()).attempts == 6


async def test_a_mail_is_not_tried_before_it_is_due(world: MailWorld) -> None:
    world.mailbox.to_recipient = lambda _recipient: "451 4.7.1 try again later"
    await world.put(notice())
    worker = world.worker()

    for _ in range(3):
        await worker.drain()

    assert [command for command in world.mailbox.commands if command.startswith("RCPT")] == ["RCPT ada@example.com"]


@pytest.mark.parametrize(
    ("mail", "lives", "step"),
    [(reset_mail(), timedelta(minutes=30), timedelta(minutes=6)), (notice(), timedelta(days=2), timedelta(hours=4))],
    ids=["link", "notice"],
)
async def test_trying_ends_with_the_life_of_the_link_or_after_some_days(
    world: MailWorld, mail: Mail, lives: timedelta, step: timedelta
) -> None:
    world.mailbox.to_data = lambda _recipient: "451 4.3.0 no space"
    events: list[audit.AuditEvent] = []
    await world.put(mail)
    worker = world.worker()

    with audit.audit_told_to(events.append):
        while (record := await world.one()).state == "queued":
            await worker.drain()
            await world.pass_time(seconds=step.total_seconds())

    assert record.finished_at is not None
    assert lives - timedelta(minutes=20) < record.finished_at - record.created_at < lives + step + timedelta(minutes=1)
    assert record.last_error is not None
    assert "its time is over" in record.last_error
    assert [(event.type, event.outcome, event.mail) for event in events] == [
        ("mail.failed", "failure", mail.content.kind)
    ]


async def test_what_has_expired_while_no_worker_ran_is_not_sent(world: MailWorld) -> None:
    await world.put(reset_mail())
    await world.pass_time(minutes=31)

    await world.worker().drain()

    assert world.mailbox.taken == []
    assert (await world.one()).state == "failed"
    (row,) = await world.database.fetch(SEALED)
    assert row["sealed"] is None


async def test_an_operator_has_a_failed_mail_tried_again_while_its_link_is_good(world: MailWorld) -> None:
    world.mailbox.to_recipient = lambda _recipient: "550 mailbox unavailable"
    await world.put(reset_mail())
    await world.worker().drain()
    world.mailbox.to_recipient = lambda _recipient: None

    (retried,) = await world.records.retry(None)
    await world.worker().drain()

    assert (await world.one()).mail_id == retried
    assert len(world.mailbox.taken) == 1


async def test_what_a_failed_mail_said_is_wiped_once_it_has_expired_and_cannot_be_tried_again(world: MailWorld) -> None:
    world.mailbox.to_recipient = lambda _recipient: "550 mailbox unavailable"
    await world.put(reset_mail())
    await world.worker().drain()
    await world.pass_time(minutes=31)

    retried = await world.records.retry(None)
    await world.worker().drain()

    assert list(retried) == []
    (row,) = await world.database.fetch(SEALED)
    assert row["sealed"] is None


async def test_finished_mails_are_forgotten_after_the_retention(world: MailWorld) -> None:
    await world.put(notice("a@example.com"))
    await world.worker().drain()
    await world.pass_time(days=6)
    await world.put(notice("b@example.com"))
    await world.worker().drain()
    await world.pass_time(days=2)

    await world.worker().drain()

    assert set(await world.states()) == {"b@example.com"}


async def test_a_value_that_was_altered_or_moved_to_another_recipient_is_never_sent(world: MailWorld) -> None:
    await world.put(reset_mail())
    await world.database.execute(Statement("test", "UPDATE mail_outbox SET recipient = 'eve@evil.example'"))

    await world.worker().drain()

    assert world.mailbox.taken == []
    record = await world.one()
    assert record.state == "failed"
    assert record.last_error is not None
    assert "does not open" in record.last_error


async def test_a_kind_of_a_later_release_is_left_to_its_workers(world: MailWorld) -> None:
    await world.put(notice())
    await world.database.execute(Statement("test", "UPDATE mail_outbox SET kind = 'kind_of_the_next_release'"))

    await world.worker().drain()

    assert (await world.one()).state == "queued"
    assert (await world.one()).attempts == 0


async def test_a_server_that_is_away_for_long_costs_no_mail_a_try(world: MailWorld) -> None:
    await world.put(notice("a@example.com"), notice("b@example.com"))
    port, world.mailbox.port = world.mailbox.port, 1
    worker, away = world.worker(), 0

    for _ in range(24):
        await worker.drain()
        away += 1
        await world.pass_time(hours=1)
    records = await world.records.list()
    world.mailbox.port = port
    await world.worker().drain()

    assert away == 24
    assert {record.attempts for record in records} == {0}
    assert all(record.last_error and "127.0.0.1:1" in record.last_error for record in records)
    assert set((await world.states()).values()) == {"sent"}


async def test_while_the_server_is_away_it_is_not_asked_for_every_mail(
    world: MailWorld, caplog: pytest.LogCaptureFixture
) -> None:
    await world.put(*(notice(f"user{number}@example.com") for number in range(5)))
    world.mailbox.port = 1
    worker = world.worker()

    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            await worker.drain()

    assert len([record for record in caplog.records if record.message == "no mail can be sent"]) == 1


@pytest.mark.parametrize(
    "reply", ["550 5.7.1 sender refused", "451 4.7.1 sender refused", "530 5.7.0 authenticate first"]
)
async def test_a_refused_sender_is_a_matter_of_the_installation_and_fails_no_mail(world: MailWorld, reply: str) -> None:
    world.mailbox.to_sender = reply
    await world.put(notice())
    worker = world.worker()

    await worker.drain()
    refused = await world.one()
    world.mailbox.to_sender = None
    await world.pass_time(minutes=2)
    await worker.drain()

    assert (refused.state, refused.attempts, refused.last_error) == ("queued", 0, reply)
    assert (await world.one()).state == "sent"


async def test_logs_and_audit_events_hold_no_secret_and_no_address(
    world: MailWorld, caplog: pytest.LogCaptureFixture
) -> None:
    events: list[str] = []
    replies = iter(["451 4.7.1 <ada@example.com> is greylisted", "550 5.1.1 <ADA@example.com> is gone"])
    world.mailbox.to_recipient = lambda _recipient: next(replies)
    await world.put(reset_mail())
    worker = world.worker()

    with caplog.at_level(logging.DEBUG), audit.audit_told_to(lambda event: events.append(repr(event))):
        await worker.drain()
        await world.pass_time(minutes=1)
        await worker.drain()

    lines = [JsonFormatter("mailer").format(record) for record in caplog.records if record.name.startswith("valetkey")]
    said = "\n".join([*lines, *events])
    assert "greylisted" in said
    assert "is gone" in said
    assert json.loads(lines[-1])
    assert not [secret for secret in ("a-secret", "token=", "ada@example.com") if secret in said.lower()]


@pytest.mark.requirement("RFC 5321 §4.5.2: a line that begins with a dot arrives as it was")
async def test_dots_and_long_lines_arrive_as_they_were(world: MailWorld) -> None:
    name = "." + "x" * 299
    await world.put_content(EXAMPLES[0].__class__(name=name, link=LINK, minutes=30))  # type: ignore[call-arg] # PasswordReset

    await world.worker().drain()

    (raw,) = world.mailbox.raw
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert name in body(world.mailbox.taken[0], "plain").replace("\n", "")


async def test_workers_of_a_server_that_comes_back_take_up_what_waited(world: MailWorld) -> None:
    await world.put(trial())
    mailbox = SmtpMailbox()
    async with smtp_server(mailbox):
        pass
    worker = world.worker(port=mailbox.port)
    await worker.drain()
    await world.pass_time(minutes=2)

    async with smtp_server(mailbox):
        await worker.drain()

    assert [message["To"] for message in mailbox.taken] == ["ada@example.com"]
    assert mailbox.commands[0] == "EHLO example.com"
    assert LOOPBACK == "127.0.0.1"


async def test_put_without_keys_stores_nothing_and_says_so(world: MailWorld) -> None:
    unconfigured = MailOutbox(world.database, None, world.limits)

    result = await unconfigured.put(notice())

    assert result is Enqueued.NOT_CONFIGURED
    assert not unconfigured.is_configured
    assert await world.states() == {}


async def test_a_farewell_that_is_cut_short_leaves_no_connection(world: MailWorld) -> None:
    world.mailbox.may_part.clear()
    server = SmtpServer(host=LOOPBACK, port=world.mailbox.port, tls="none", sender=SENDER)
    session = await server.connect()
    closing = asyncio.create_task(session.close())
    await world.mailbox.parting.wait()

    closing.cancel()
    with suppress(asyncio.CancelledError):
        await closing
    is_open = session.is_open
    world.mailbox.may_part.set()

    assert closing.cancelled()
    assert not is_open
