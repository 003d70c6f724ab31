"""What a mail server has to prove before it is handed anything: TLS, its name, and that it takes our login."""

from __future__ import annotations

from pathlib import Path
from ssl import SSLContext
from typing import Any

import pytest

from support.certificate import serve_tls
from support.mail_world import MailWorld, mail_world, notice
from support.smtp_server import SmtpMailbox, smtp_server
from valetkey.runtime.settings.secret import Secret

TLS = pytest.mark.requirement("RFC 8314 §3: mail is handed over TLS only, to a server whose certificate is verified")
PASSWORD = Secret("correct horse", "VALETKEY_MAIL_PASSWORD")
WRONG = Secret("battery staple", "VALETKEY_MAIL_PASSWORD")


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SSLContext:
    """Of a server at this address, trusted as the authorities of the machine are."""
    path = tmp_path / "server.pem"
    context = serve_tls(path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return context


@pytest.fixture
def unknown(tmp_path: Path) -> SSLContext:
    """The certificate of a server that no authority vouches for."""
    return serve_tls(tmp_path / "unknown.pem")


async def outcome(dsn: str, mailbox: SmtpMailbox, **server: Any) -> tuple[str, str | None]:  # noqa: ANN401 - any field of a server
    async with mail_world(dsn, mailbox) as world:
        await world.put(notice())
        await world.worker(**server).drain()
        record = await world.one()
        return record.state, record.last_error


@TLS
async def test_starttls_comes_before_anything_else(postgres_dsn: str, certificate: SSLContext) -> None:
    async with smtp_server(SmtpMailbox(), starttls=certificate) as mailbox:
        result = await outcome(postgres_dsn, mailbox, tls="starttls")

    assert result == ("sent", None)
    assert mailbox.was_encrypted == [True]


@TLS
async def test_tls_from_the_first_byte(postgres_dsn: str, certificate: SSLContext) -> None:
    async with smtp_server(SmtpMailbox(), tls=certificate) as mailbox:
        result = await outcome(postgres_dsn, mailbox, tls="tls")

    assert result == ("sent", None)


@TLS
async def test_a_server_without_starttls_is_told_neither_a_password_nor_a_mail(
    postgres_dsn: str, certificate: SSLContext
) -> None:
    async with smtp_server(SmtpMailbox(users={"app": "correct horse"})) as mailbox:
        state, reason = await outcome(postgres_dsn, mailbox, tls="starttls", user="app", password=PASSWORD)

    assert state == "queued"
    assert reason is not None
    assert "offers no STARTTLS" in reason
    assert (mailbox.logins, mailbox.taken) == ([], [])
    assert [command.split()[0] for command in mailbox.commands] == ["EHLO"]


@TLS
@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_certificate_that_does_not_verify_gets_nothing(
    postgres_dsn: str, unknown: SSLContext, tls: str
) -> None:
    served = {"starttls": unknown} if tls == "starttls" else {"tls": unknown}
    async with smtp_server(SmtpMailbox(users={"app": "correct horse"}), **served) as mailbox:  # type: ignore[arg-type]
        state, reason = await outcome(postgres_dsn, mailbox, tls=tls, user="app", password=PASSWORD)

    assert state == "queued"
    assert reason is not None
    assert "CERTIFICATE_VERIFY_FAILED" in reason
    assert (mailbox.logins, mailbox.taken) == ([], [])


@TLS
async def test_a_certificate_for_another_name_gets_nothing(postgres_dsn: str, certificate: SSLContext) -> None:
    async with smtp_server(SmtpMailbox(), tls=certificate) as mailbox:
        state, reason = await outcome(postgres_dsn, mailbox, tls="tls", host="127.0.0.2")

    assert state == "queued"
    assert reason is not None
    assert "127.0.0.2" in reason
    assert mailbox.taken == []


@pytest.mark.parametrize(
    ("password", "state", "reason"), [(PASSWORD, "sent", None), (WRONG, "queued", "535 5.7.8 Authentication")]
)
async def test_a_login_is_made_over_tls(
    postgres_dsn: str, certificate: SSLContext, password: Secret[str], state: str, reason: str | None
) -> None:
    mailbox = SmtpMailbox(users={"app": "correct horse"})
    async with smtp_server(mailbox, starttls=certificate, requires_login=True):
        result = await outcome(postgres_dsn, mailbox, tls="starttls", user="app", password=password)

    assert result[0] == state
    assert (reason or "") in (result[1] or ""), result
    assert all("horse" not in f"{each}" and "staple" not in f"{each}" for each in result)
    assert {login.split()[1] for login in mailbox.logins} == {"app"}


async def test_a_user_at_a_server_that_offers_no_login_is_told_of_and_costs_no_try(world: MailWorld) -> None:
    await world.put(notice())

    await world.worker(user="app", password=WRONG).drain()
    waiting = await world.one()
    await world.worker().drain()

    assert waiting.last_error is not None
    assert "offers no way to log in" in waiting.last_error
    assert (waiting.state, waiting.attempts) == ("queued", 0)
    assert (await world.one()).state == "sent"
