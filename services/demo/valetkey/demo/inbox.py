"""The demo's mail: an SMTP server on loopback that keeps what it is handed, and pages that show it."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import TYPE_CHECKING

from aiohttp import web
from aiosmtpd.smtp import SMTP

from valetkey.demo.free_port import LOOPBACK
from valetkey.demo.web_page import render_page, static_routes

if TYPE_CHECKING:
    from aiosmtpd.smtp import Envelope, Session

    from valetkey.core.ports.clock import Clock

_MOST = 100
_LINK = re.compile(r"https?://[^\s<>\"]+")
# A mail is no page of ours: it may look as it likes, load nothing and run nothing.
_HTML_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox allow-popups"


@dataclass(frozen=True, slots=True)
class KeptMail:
    """One mail. ``lines`` are its text, each as pieces that are links or not."""

    number: int
    arrived_at: datetime
    sender: str
    recipient: str
    subject: str
    lines: Sequence[Sequence[tuple[str, bool]]]
    html: str


@dataclass
class Inbox:
    """The newest mails, to any address. They are gone when the demo ends."""

    clock: Clock
    mails: deque[KeptMail] = field(default_factory=lambda: deque(maxlen=_MOST))
    _count: int = 0

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Take a mail."""
        message = message_from_bytes(envelope.original_content or b"", policy=policy.default)
        self._count += 1
        self.mails.appendleft(
            KeptMail(
                number=self._count,
                arrived_at=self.clock(),
                sender=str(message["From"]),
                recipient=", ".join(envelope.rcpt_tos),
                subject=str(message["Subject"]),
                lines=[_pieces(line) for line in _body(message, "plain").splitlines()],
                html=_body(message, "html"),
            )
        )
        return "250 OK"

    def find(self, number: str) -> KeptMail:
        """Raises ``HTTPNotFound``."""
        for mail in self.mails:
            if f"{mail.number}" == number:
                return mail
        raise web.HTTPNotFound(text="This mail is not there any more.\n")


@asynccontextmanager
async def inbox_server(inbox: Inbox) -> AsyncIterator[int]:
    """Listen for mail on a free port, which is yielded."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(inbox, hostname="localhost", loop=loop), LOOPBACK, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


def create_inbox(inbox: Inbox, tour_url: str) -> web.Application:
    """The pages: all mails, one, and one as its HTML looks."""

    async def show_all(_request: web.Request) -> web.Response:
        return render_page("inbox.html", {"mails": list(inbox.mails), "tour_url": tour_url})

    async def show_one(request: web.Request) -> web.Response:
        return render_page("mail.html", {"mail": inbox.find(request.match_info["number"])})

    async def show_html(request: web.Request) -> web.Response:
        mail = inbox.find(request.match_info["number"])
        headers = {
            "Content-Security-Policy": _HTML_POLICY,
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        return web.Response(text=mail.html, content_type="text/html", headers=headers)

    app = web.Application()
    app.add_routes(
        [
            web.get("/", show_all),
            *static_routes(),
            web.get(r"/mails/{number:\d+}", show_one),
            web.get(r"/mails/{number:\d+}/html", show_html),
        ]
    )
    return app


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return "" if part is None else str(part.get_content())


def _pieces(line: str) -> list[tuple[str, bool]]:
    pieces, end = [], 0
    for link in _LINK.finditer(line):
        pieces += [(line[end : link.start()], False), (link[0], True)]
        end = link.end()
    return [*pieces, (line[end:], False)]
