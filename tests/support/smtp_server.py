"""A real SMTP server on the loopback address, which can be told to misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import TYPE_CHECKING

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

if TYPE_CHECKING:
    from ssl import SSLContext

LOOPBACK = "127.0.0.1"


@dataclass
class SmtpMailbox:
    """What the server has taken, and how it answers.

    ``to_recipient`` and ``to_data`` give the reply to RCPT and to the final dot: None takes the mail. ``hangs_up`` is
    where the connection breaks: ``before_dot`` (the mail is not taken) or ``after_dot`` (it is, and nothing says so).
    ``arrived`` is set by each final dot, and the reply to it waits for ``may_answer``; ``parting`` is set by QUIT,
    whose reply waits for ``may_part``.
    """

    port: int = 0
    users: dict[str, str] = field(default_factory=dict)
    to_sender: str | None = None
    to_recipient: Callable[[str], str | None] = lambda _recipient: None
    to_data: Callable[[str], str | None] = lambda _recipient: None
    hangs_up: str | None = None
    taken: list[EmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    was_encrypted: list[bool] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    connections: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    parting: asyncio.Event = field(default_factory=asyncio.Event)
    may_part: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_answer.set()
        self.may_part.set()

    @property
    def message_ids(self) -> list[str]:
        """Of every mail that was taken, copies included."""
        return [message["Message-ID"] for message in self.taken]

    def authenticate(
        self, _server: object, _session: object, _envelope: object, mechanism: str, data: object
    ) -> AuthResult:
        """Whether this is one of the users."""
        if not isinstance(data, LoginPassword):
            return AuthResult(success=False, handled=False)
        name = data.login.decode()
        self.logins.append(f"{mechanism} {name}")
        return AuthResult(success=self.users.get(name) == data.password.decode(), handled=False)

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Take note of the greeting."""
        session.host_name = hostname
        self.commands.append(f"EHLO {hostname}")
        return responses

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take any sender, unless told."""
        self.commands.append(f"MAIL {address}")
        if self.to_sender is not None:
            return self.to_sender
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take a recipient, unless told."""
        self.commands.append(f"RCPT {address}")
        if (reply := self.to_recipient(address)) is not None:
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Take the message, unless told."""
        recipient, content = envelope.rcpt_tos[0], envelope.original_content
        assert content is not None
        if self.hangs_up == "before_dot":
            _hang_up(server)
            return "250 never heard"
        if (reply := self.to_data(recipient)) is not None:
            return reply
        self.raw.append(content)
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.taken.append(message)
        self.was_encrypted.append(session.ssl is not None)
        self.arrived.set()
        await self.may_answer.wait()
        if self.hangs_up == "after_dot":
            _hang_up(server)
        return "250 queued"

    async def handle_QUIT(self, *_: object) -> str:  # noqa: N802 - aiosmtpd's name
        """Say farewell, once it may."""
        self.parting.set()
        await self.may_part.wait()
        return "221 farewell"


def _hang_up(server: SMTP) -> None:
    assert isinstance(server.transport, asyncio.Transport)
    server.transport.abort()


@asynccontextmanager
async def smtp_server(
    mailbox: SmtpMailbox,
    *,
    starttls: SSLContext | None = None,
    tls: SSLContext | None = None,
    requires_login: bool = False,
) -> AsyncIterator[SmtpMailbox]:
    """Listen on a free port, or again on the one that the mailbox had."""
    loop = asyncio.get_running_loop()

    def protocol() -> SMTP:
        mailbox.connections += 1
        return SMTP(
            mailbox,
            hostname="mail.test",
            loop=loop,
            tls_context=starttls,
            require_starttls=starttls is not None,
            authenticator=mailbox.authenticate,
            auth_exclude_mechanism=() if mailbox.users else ("LOGIN", "PLAIN"),
            auth_required=requires_login,
            auth_require_tls=starttls is not None,
        )

    server = await loop.create_server(protocol, LOOPBACK, mailbox.port, ssl=tls)
    mailbox.port = server.sockets[0].getsockname()[1]
    try:
        yield mailbox
    finally:
        server.close()
        await server.wait_closed()
