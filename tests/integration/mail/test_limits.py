"""How many mails may be asked for: counted together by all replicas, and nothing that keeps notices from a user."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from support.mail_world import MailWorld, mail_world, notice, reset_mail
from support.smtp_server import SmtpMailbox
from valetkey.core.mail.address import MailRefused
from valetkey.core.mail.content import EmailVerification, PasswordReset
from valetkey.core.mail.mail import Enqueued, Mail
from valetkey.runtime.settings.settings import Settings
from valetkey.runtime.telemetry import audit
from valetkey.storage.postgres.tables.mail_outbox import MailLimits, mail_limits

QUEUED, RECIPIENT, ADDRESS, FULL = (
    Enqueued.QUEUED,
    Enqueued.RECIPIENT_LIMIT,
    Enqueued.ADDRESS_LIMIT,
    Enqueued.QUEUE_FULL,
)
ATOMIC = pytest.mark.requirement("a limit holds for all replicas together")
CONTROLS = ["\r\nBcc: eve@evil.example", "\n", "\r", "\0", "\x7f", "\t", "\x0b"]


async def test_one_recipient_is_sent_so_many_within_the_window_however_it_is_spelled(world: MailWorld) -> None:
    results = await world.put(*(reset_mail("ada@example.com") for _ in range(4)))
    results += await world.put(reset_mail("ADA@Example.com"), reset_mail("Ada@example.com"))
    results += await world.put(reset_mail("bob@example.com"))
    await world.pass_time(minutes=61)
    results += await world.put(reset_mail("ada@example.com"))

    assert results == [QUEUED] * 5 + [RECIPIENT, QUEUED, QUEUED]


async def test_one_network_address_may_ask_for_so_many(world: MailWorld) -> None:
    results = await world.put(
        *(reset_mail(f"user{number}@example.com", requested_from="203.0.113.7") for number in range(21))
    )
    other = await world.put(reset_mail("user20@example.com", requested_from="203.0.113.8"))

    assert Counter(results) == {QUEUED: 20, ADDRESS: 1}
    assert other == [QUEUED]


@ATOMIC
async def test_replicas_that_enqueue_at_once_stay_within_the_limit(world: MailWorld) -> None:
    mails = [reset_mail(requested_from=f"203.0.113.{number}") for number in range(30)]

    results = await asyncio.gather(*map(world.outbox.put, mails))

    assert Counter(results) == {QUEUED: 5, RECIPIENT: 25}


@ATOMIC
async def test_two_limits_at_once_neither_overshoot_nor_wait_for_each_other(world: MailWorld) -> None:
    mails = [
        reset_mail(f"user{number % 7}@example.com", requested_from=f"203.0.113.{number % 3}") for number in range(90)
    ]

    results = await asyncio.gather(*map(world.outbox.put, mails))

    records = await world.records.list(most=1000)
    assert Counter(results)[QUEUED] == len(records) == 35
    assert set(Counter(record.recipient for record in records).values()) == {5}


async def test_mails_that_have_been_sent_count_too(world: MailWorld) -> None:
    await world.put(*(reset_mail() for _ in range(5)))
    await world.worker().drain()

    assert await world.put(reset_mail()) == [RECIPIENT]


async def test_a_stranger_cannot_use_up_what_would_tell_a_user_of_an_attack(
    postgres_dsn: str, mailbox: SmtpMailbox
) -> None:
    async with mail_world(postgres_dsn, mailbox, MailLimits(queue=10)) as world:
        flood = await world.put(*(reset_mail(f"user{number}@example.com") for number in range(12)))
        flood += await world.put(*(reset_mail("user0@example.com") for _ in range(5)))
        notices = await world.put(*(notice("user0@example.com") for _ in range(11)))

    assert Counter(flood) == {QUEUED: 10, FULL: 7}
    assert notices == [QUEUED] * 10 + [FULL]


async def test_a_refusal_leaves_the_callers_transaction_as_it_was_and_is_told(world: MailWorld) -> None:
    events: list[audit.AuditEvent] = []
    await world.put(*(reset_mail() for _ in range(5)))

    with audit.audit_told_to(events.append):
        async with world.database.transaction("test") as transaction:
            refused = await world.outbox.put(reset_mail(requested_from="203.0.113.7"), transaction)
            await world.outbox.put(notice("other@example.com"), transaction)

    assert refused is RECIPIENT
    assert "other@example.com" in await world.states()
    assert [(event.type, event.reason, event.mail, event.address) for event in events] == [
        ("mail.refused", "limit mail_recipient", "password_reset", "203.0.113.7")
    ]


@pytest.mark.requirement("no control character gets into a header (CVE-2025-7962 of another server)")
@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
@pytest.mark.parametrize(
    "pattern", ["{}ada@example.com", "ada{}@example.com", "ada@exam{}ple.com", "ada@example.com{}"]
)
def test_an_address_with_a_control_character_is_refused_with_the_reason(control: str, pattern: str) -> None:
    with pytest.raises(MailRefused, match="control character"):
        reset_mail(pattern.format(control))


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@example.com, eve@evil.example",
        "ada@example.com eve@evil.example",
        "Ada <ada@example.com>",
        '"ada smith"@example.com',
        "ada@[127.0.0.1]",
        "ada..smith@example.com",
        "ada@-example.com",
        "ada@example..com",
        "adä@example.com",
        "ada@exämple.com",
        f"{'a' * 65}@example.com",
        f"ada@{'a.' * 130}com",
    ],
)
def test_what_is_no_single_plain_address_is_refused(address: str) -> None:
    with pytest.raises(MailRefused):
        reset_mail(address)


@pytest.mark.parametrize("address", ["ada@example.com", "o'hara+x@mail.example.com", "a@b", "ada@xn--exmple-cua.com"])
def test_addresses_that_people_have_are_taken(address: str) -> None:
    assert reset_mail(address).recipient == address


@pytest.mark.requirement("links lead to the configured issuer only")
@pytest.mark.parametrize(
    "link",
    ["https://evil.example/", "account/reset", "", "/a b", "/a\r\nb", "/a#b", "/a?b?c", ".evil.example/", "/ä", "/<b>"],
)
def test_a_link_that_is_no_path_below_the_issuer_is_refused(link: str) -> None:
    with pytest.raises(MailRefused):
        EmailVerification(link=link, minutes=30)


async def test_a_name_can_neither_add_a_line_nor_run_in_html(world: MailWorld) -> None:
    name = "Ada\r\n\r\nPay here: https://evil.example \u202e<script>alert(1)</script>"
    await world.outbox.put(
        Mail(recipient="ada@example.com", content=PasswordReset(name=name, link="/reset", minutes=30))
    )

    await world.worker().drain()

    (message,) = world.mailbox.taken
    text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    first = str(text.get_content()).splitlines()[0]
    assert first == "Hello Ada Pay here: https://evil.example <script>alert(1)</script>,"
    assert "<script>" not in str(html.get_content())
    assert "\u202e" not in str(html.get_content())


def test_a_text_without_end_is_refused() -> None:
    with pytest.raises(MailRefused, match="longer"):
        PasswordReset(name="x" * 301, link="/reset", minutes=30)


def test_the_limits_are_those_of_settings() -> None:
    assert mail_limits(Settings()) == MailLimits()
    assert mail_limits(replace(Settings(), mail_window=60)).window == timedelta(minutes=1)
