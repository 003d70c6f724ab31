"""Mails to users: what was sent, what waits, what has failed; never what one says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from valetkey.administration.errors import Conflict, NotFound, Refused
from valetkey.core.mail.address import MailRefused
from valetkey.core.mail.content import DeliveryTest
from valetkey.core.mail.mail import Enqueued, Mail
from valetkey.storage.postgres.tables.mail_outbox import MailOutbox
from valetkey.storage.postgres.tables.mail_records import MailRecord, MailRecords, State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from valetkey.administration.installation import Installation

__all__ = ["MailRecord", "State", "list_mails", "retry_mails", "send_test_mail"]

_REFUSALS = {
    Enqueued.RECIPIENT_LIMIT: "This recipient was sent as many mails as VALETKEY_MAIL_PER_RECIPIENT allows; wait",
    Enqueued.ADDRESS_LIMIT: "This address has asked for as many mails as VALETKEY_MAIL_PER_ADDRESS allows; wait",
    Enqueued.QUEUE_FULL: "As many mails wait as VALETKEY_MAIL_QUEUE_LIMIT allows; look at why they are not sent",
}


async def list_mails(
    installation: Installation, *, state: State | None = None, recipient: str | None = None, most: int = 100
) -> Sequence[MailRecord]:
    """The newest first."""
    return await MailRecords(installation.database).list(state=state, recipient=recipient, most=most)


async def retry_mails(installation: Installation, mail_ids: Sequence[UUID] | None) -> int:
    """Have these, or all that have failed or wait, tried at once; how many.

    Raises ``NotFound`` where none of those that are named can be tried.
    """
    with installation.audited("mail.retried"):
        retried = await MailRecords(installation.database).retry(mail_ids)
        if mail_ids and not retried:
            raise NotFound("mail", ", ".join(map(str, mail_ids)), "unsent and unexpired")
        return len(retried)


async def send_test_mail(installation: Installation, recipient: str) -> None:
    """Enqueue a mail that says nothing but that it has arrived. Raises ``Refused``, or ``Conflict`` at a limit."""
    outbox = MailOutbox.from_settings(installation.settings, installation.database)
    if not outbox.is_configured:
        raise Refused("No mail is sent here: set VALETKEY_MAIL_HOST, VALETKEY_MAIL_FROM and VALETKEY_MAIL_KEYS")
    try:
        mail = Mail(recipient=recipient, content=DeliveryTest(at=installation.clock()))
    except MailRefused as error:
        raise Refused(f"{error}".capitalize()) from None
    with installation.audited("mail.tested", mail=DeliveryTest.kind):
        result = await outbox.put(mail)
        if result in _REFUSALS:
            raise Conflict(_REFUSALS[result])
