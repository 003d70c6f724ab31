"""A mail, and what became of the wish to send it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from valetkey.core.mail.address import require_address
from valetkey.core.mail.content import Content


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """What to say, and to which address; raises ``MailRefused`` for one that no mail can be sent to.

    ``subject`` is the user it is about. ``requested_from`` is the network address of the caller who has asked for it,
    where a stranger can: it counts against a limit. ``language`` is a language tag; empty: the installation's.
    """

    recipient: str
    content: Content
    subject: UUID | None = None
    requested_from: str = ""
    language: str = ""

    def __post_init__(self) -> None:
        """Look at the address before anything is stored."""
        require_address(self.recipient)


class Enqueued(StrEnum):
    """What became of a mail that was to be enqueued. Only ``QUEUED`` has stored anything."""

    QUEUED = "queued"
    NOT_CONFIGURED = "not_configured"
    RECIPIENT_LIMIT = "mail_recipient"
    ADDRESS_LIMIT = "mail_address"
    QUEUE_FULL = "mail_queue"
