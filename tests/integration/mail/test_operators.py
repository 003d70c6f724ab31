"""What operators see and do: the list, another try, a test mail, and what the doctor says of the server."""

import asyncio

import pytest

from support.database_roles import as_role
from support.mail_world import ISSUER, MailWorld, notice, reset_mail
from support.operator_cli import Operator, Outcome, environment_of
from support.smtp_server import LOOPBACK
from support.sound_settings import KEY_D
from support.system import test_settings
from valetkey.cli.exit_code import ExitCode
from valetkey.storage.postgres.tables.mail_outbox import MailOutbox, mail_sealer

REFUSING = "550 5.1.1 no such user"


async def typed(operator: Operator, *arguments: str) -> Outcome:
    """A command runs a loop of its own."""
    return await asyncio.to_thread(operator.run, *arguments)


@pytest.fixture
def mail_operator(world: MailWorld, postgres_dsn: str, redis_url: str) -> Operator:
    """An operator of an installation that sends mail."""
    settings = test_settings(
        ISSUER,
        as_role(postgres_dsn, "operator"),
        redis_url,
        mail_host=LOOPBACK,
        mail_port=f"{world.mailbox.port}",
        mail_tls="none",
        mail_from="no-reply@example.com",
        mail_keys=KEY_D,
    )
    sealer = mail_sealer(settings)
    assert sealer is not None
    world.sealer, world.outbox = sealer, MailOutbox.from_settings(settings, world.database)
    mail = {name: f"{getattr(settings, name)}" for name in ("mail_host", "mail_port", "mail_tls", "mail_from")}
    return Operator(environment_of(settings)).with_variables(**mail, mail_keys=KEY_D)


async def test_a_test_mail_is_enqueued_in_the_operators_role_and_arrives(
    world: MailWorld, mail_operator: Operator
) -> None:
    run = await typed(mail_operator, "mail", "test", "--to", "ada@example.com")
    await world.worker().drain()

    assert run.exit_code == ExitCode.OK
    assert [message["To"] for message in world.mailbox.taken] == ["ada@example.com"]


async def test_the_list_shows_everything_but_what_a_mail_says(world: MailWorld, mail_operator: Operator) -> None:
    world.mailbox.to_recipient = lambda recipient: REFUSING if "gone" in recipient else None
    await world.put(reset_mail("ada@example.com"), notice("gone@example.com"))
    await world.worker().drain()

    everything = await typed(mail_operator, "mail", "list", "-o", "json")
    failed = await typed(mail_operator, "mail", "list", "--state", "failed", "-o", "json")

    assert {(each["recipient"], each["state"]) for each in everything.json} == {
        ("ada@example.com", "sent"),
        ("gone@example.com", "failed"),
    }
    assert [(each["last_error"], each["attempts"]) for each in failed.json] == [(REFUSING, 1)]
    assert "a-secret" not in everything.out


async def test_what_has_failed_is_tried_again(world: MailWorld, mail_operator: Operator) -> None:
    world.mailbox.to_recipient = lambda _recipient: REFUSING
    await world.put(notice())
    await world.worker().drain()
    world.mailbox.to_recipient = lambda _recipient: None
    mail_id = str((await world.one()).mail_id)

    run = await typed(mail_operator, "mail", "retry", mail_id)
    await world.worker().drain()
    again = await typed(mail_operator, "mail", "retry", mail_id)

    assert run.exit_code == ExitCode.OK
    assert (await world.one()).state == "sent"
    assert again.exit_code == ExitCode.NOT_FOUND


async def test_a_bad_address_and_a_limit_are_told_in_words(world: MailWorld, mail_operator: Operator) -> None:
    bad = await typed(mail_operator, "mail", "test", "--to", "ada@example.com\r\nBcc: eve@evil.example")
    await world.put(*(reset_mail() for _ in range(5)))
    limited = await typed(mail_operator, "mail", "test", "--to", "ada@example.com")

    assert (bad.exit_code, limited.exit_code) == (ExitCode.REFUSED, ExitCode.CONFLICT)
    assert "control character" in bad.err
    assert "VALETKEY_MAIL_PER_RECIPIENT" in limited.err


async def test_the_doctor_says_whether_the_server_takes_mail(world: MailWorld, mail_operator: Operator) -> None:
    well = await typed(mail_operator, "doctor", "-o", "json")
    unwell = await typed(mail_operator.with_variables(mail_port="1"), "doctor", "-o", "json")

    findings = [next(each for each in run.json if each["check"] == "mail server") for run in (well, unwell)]
    assert [each["status"] for each in findings] == ["ok", "failed"]
    assert "VALETKEY_MAIL_HOST" in findings[1]["next_step"]
