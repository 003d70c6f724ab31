"""A mail as SMTP carries it. RFC 5322, RFC 2046 §5.1.4 (multipart/alternative), RFC 3834 (Auto-Submitted).

Every try of a mail is the same to the last byte, as long as the templates are: its Message-ID, date and boundary come
from the row. So whatever receives a second copy can tell that it is one (RFC 5322 §3.6.4).
"""

from __future__ import annotations

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import TYPE_CHECKING

from valetkey.core.mail.address import MailRefused, require_address

if TYPE_CHECKING:
    from valetkey.mailer.templates import Worded
    from valetkey.storage.postgres.tables.mail_queue import ClaimedMail

_SEVEN_BIT = SMTP.clone(cte_type="7bit")


def message_id(mail: ClaimedMail, sender: str) -> str:
    """The same for every try."""
    return f"<{mail.mail_id}@{Address(addr_spec=sender).domain}>"


def build_message(mail: ClaimedMail, worded: Worded, *, sender: str, sender_name: str) -> bytes:
    """The message. Raises ``MailRefused`` for an address or a subject that would not be one header."""
    recipient, origin = require_address(mail.recipient), require_address(sender)
    for what, text in (("the subject", worded.subject), ("the sender's name", sender_name)):
        if not text.isprintable():
            raise MailRefused(f"{what} holds a line break or another control character")
    message = EmailMessage(policy=_SEVEN_BIT)
    message["From"] = Address(display_name=sender_name, username=origin.username, domain=origin.domain)
    message["To"] = recipient
    message["Subject"] = worded.subject
    message["Date"] = mail.created_at
    message["Message-ID"] = message_id(mail, sender)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(worded.text, cte="quoted-printable")
    message.add_alternative(worded.html, subtype="html", cte="quoted-printable")
    message.set_boundary(f"=_{mail.mail_id.hex}")
    return message.as_bytes()
