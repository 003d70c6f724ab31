"""Workers that die, hang and race: no mail is lost, and none is doubled but where SMTP leaves no other way."""

import asyncio
import signal
import sys
from collections import Counter
from datetime import timedelta

import pytest

from support.database_roles import as_role
from support.eventually import eventually
from support.mail_world import MailWorld, kill, mail_world, notice
from support.smtp_server import LOOPBACK, SmtpMailbox, smtp_server
from support.system import test_settings
from support.tcp_proxy import TcpProxy
from valetkey.core.mail.content import KINDS
from valetkey.mailer.worker import LEASE
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.tables.mail_outbox import MailOutbox
from valetkey.storage.postgres.tables.mail_queue import MailQueue

AT_LEAST_ONCE = pytest.mark.requirement("RFC 5321 §4.5.4: a mail that was not taken is kept and tried again")
COPIES = pytest.mark.requirement("RFC 5322 §3.6.4: a copy has the Message-ID of the first")
MAILS = 60


def recipients(count: int = MAILS) -> list[str]:
    return [f"user{number}@example.com" for number in range(count)]


async def test_workers_at_once_send_each_mail_once(world: MailWorld) -> None:
    await world.put(*map(notice, recipients()))

    await asyncio.gather(*(world.worker().drain() for _ in range(4)))

    assert Counter(str(message["To"]) for message in world.mailbox.taken) == Counter(recipients())
    assert set((await world.states()).values()) == {"sent"}


@AT_LEAST_ONCE
async def test_a_worker_that_dies_before_the_mail_is_taken_loses_nothing(world: MailWorld) -> None:
    world.mailbox.to_recipient = lambda _recipient: None
    await world.put(notice())
    queue = MailQueue(world.database, KINDS, LEASE)
    claimed = await queue.claim()

    await world.worker().drain()
    while_leased = list(world.mailbox.taken)
    await world.pass_time(seconds=LEASE.total_seconds() + 1)
    await world.worker().drain()

    assert claimed is not None
    assert while_leased == []
    assert len(world.mailbox.taken) == 1
    assert not await queue.sent(claimed)


@AT_LEAST_ONCE
@COPIES
async def test_a_worker_that_dies_between_the_answer_and_its_note_makes_a_copy_that_can_be_told(
    world: MailWorld,
) -> None:
    await world.put(notice())
    world.mailbox.may_answer.clear()
    dying = asyncio.create_task(world.worker().drain())
    await world.mailbox.arrived.wait()
    await kill(dying)
    world.mailbox.may_answer.set()

    await world.pass_time(seconds=LEASE.total_seconds() + 1)
    await world.worker().drain()

    first, copy = world.mailbox.raw
    assert first == copy
    assert len(set(world.mailbox.message_ids)) == 1
    assert (await world.one()).state == "sent"


@AT_LEAST_ONCE
@COPIES
@pytest.mark.parametrize(("where", "copies"), [("before_dot", 1), ("after_dot", 2)])
async def test_a_connection_that_breaks_in_data_is_tried_again(world: MailWorld, where: str, copies: int) -> None:
    world.mailbox.hangs_up = where
    await world.put(notice())
    worker = world.worker()

    await worker.drain()
    broken = await world.one()
    world.mailbox.hangs_up = None
    await world.pass_time(minutes=1)
    await worker.drain()

    assert (broken.state, broken.attempts) == ("queued", 1)
    assert len(world.mailbox.raw) == copies
    assert len(set(world.mailbox.raw)) == 1
    assert (await world.one()).state == "sent"


async def test_a_lease_is_kept_for_as_long_as_the_server_takes(
    world: MailWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("valetkey.mailer.worker._EXTEND_EVERY", 0.01)
    await world.put(notice())
    world.mailbox.may_answer.clear()
    slow = asyncio.create_task(world.worker().drain())
    await world.mailbox.arrived.wait()

    for _ in range(5):
        before = (await world.one()).due_at
        await world.pass_time(seconds=40)

        async def is_extended(before: object = before) -> bool:
            return (await world.one()).due_at != before

        await eventually(is_extended)
        await world.worker().drain()
    world.mailbox.may_answer.set()
    await slow

    assert len(world.mailbox.raw) == 1
    assert (await world.one()).state == "sent"


async def test_a_worker_that_is_told_to_stop_finishes_what_it_has_begun(world: MailWorld) -> None:
    await world.put(*map(notice, recipients(5)))
    world.mailbox.may_answer.clear()
    worker = world.worker()
    starting = asyncio.create_task(worker.start())
    await world.mailbox.arrived.wait()

    closing = asyncio.create_task(worker.close())
    await asyncio.sleep(0)
    world.mailbox.may_answer.set()
    await closing
    starting.cancel()
    await asyncio.wait({starting})

    assert len(world.mailbox.taken) == 1
    assert Counter((await world.states()).values()) == {"sent": 1, "queued": 4}


@pytest.mark.requirement("a mail is not doubled because PostgreSQL is away when the server has taken it")
async def test_what_the_server_has_taken_is_noted_once_postgresql_is_back(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("valetkey.mailer.worker._NOTE_AGAIN_SECONDS", 0.01)
    async with (
        smtp_server(SmtpMailbox()) as mailbox,
        mail_world(postgres_dsn, mailbox) as world,
        TcpProxy(postgres_dsn) as proxy,
        Database(proxy.url, timeout=timedelta(seconds=1)) as through,
    ):
        await world.put(notice())
        mailbox.may_answer.clear()
        working = asyncio.create_task(world.worker(database=through).drain())
        await mailbox.arrived.wait()
        proxy.cut()
        mailbox.may_answer.set()

        await asyncio.sleep(0.1)
        meanwhile = await world.one()
        proxy.heal()
        await asyncio.wait({working})

        assert meanwhile.state == "queued"
        assert (await world.one()).state == "sent"
        assert len(mailbox.taken) == 1


async def test_killed_processes_lose_nothing_and_others_take_up_what_they_had(postgres_dsn: str) -> None:
    async with smtp_server(SmtpMailbox()) as mailbox, mail_world(postgres_dsn, mailbox) as world:
        key = "TFVBd0pjVnl4b1o3bUt0TjRiUWZIZ1JhU2RFdVlpUDE"
        settings = test_settings(
            "https://id.example.com",
            as_role(postgres_dsn, "mailer"),
            "redis://127.0.0.1:1",
            mail_host=LOOPBACK,
            mail_port=f"{mailbox.port}",
            mail_tls="none",
            mail_from="no-reply@example.com",
            mail_keys=key,
        )
        world.outbox = MailOutbox.from_settings(settings, world.database)
        mailbox.may_answer.clear()
        await world.put(*map(notice, recipients(30)))
        environment = {
            "VALETKEY_ISSUER": settings.issuer,
            "VALETKEY_POSTGRES_DSN": settings.postgres_dsn.reveal(),
            "VALETKEY_MAIL_HOST": LOOPBACK,
            "VALETKEY_MAIL_PORT": f"{mailbox.port}",
            "VALETKEY_MAIL_TLS": "none",
            "VALETKEY_MAIL_FROM": "no-reply@example.com",
            "VALETKEY_MAIL_KEYS": key,
            "VALETKEY_MANAGEMENT_PORT": "0",
        }
        processes = [
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "valetkey.mailer",
                env=environment,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
            for _ in range(2)
        ]
        try:
            async with asyncio.timeout(60):
                await mailbox.arrived.wait()
            processes[0].kill()
            await processes[0].wait()
            mailbox.may_answer.set()

            async def others_are_sent() -> bool:
                return Counter((await world.states()).values())["queued"] <= 2

            await eventually(others_are_sent, 30)
            await world.pass_time(seconds=LEASE.total_seconds() + 1)

            async def all_are_sent() -> bool:
                return set((await world.states()).values()) == {"sent"}

            await eventually(all_are_sent, 30)
            processes[1].send_signal(signal.SIGTERM)
            assert await processes[1].wait() == 0
        finally:
            for process in processes:
                if process.returncode is None:
                    process.kill()
                    await process.wait()

        taken = Counter(str(message["To"]) for message in mailbox.taken)
        assert set(taken) == set(recipients(30))
        # Only what the killed worker had handed over and not noted may be there twice, with the same Message-ID.
        assert sum(taken.values()) - 30 <= 2
        assert len(set(mailbox.message_ids)) == 30
