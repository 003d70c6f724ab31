"""What a mail says, sealed while it waits in PostgreSQL: reading the table shows no link, writing to it makes no mail.

The keys are of their own: what sends mails to the world must not be able to open a code in Redis.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from uuid import UUID

from valetkey.core.mail.address import MailRefused
from valetkey.core.mail.content import Content
from valetkey.core.mail.encoding import KeptContent, decode, encode
from valetkey.core.sealed_value import Purpose, SealingKeys, ValueRefused, ValueSealer

_REQUESTER = b"valetkey mail requester v1\0"


class MailSealer:
    """Seals with the first key, opens with every one. A value opens for its own row, kind and recipient only."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._sealer = ValueSealer(SealingKeys(tuple(keys)))
        self._first = keys[0]

    def seal(self, mail_id: UUID, recipient: str, content: Content, language: str = "") -> bytes:
        """What the row keeps of the content, and of its language."""
        return self._sealer.seal(Purpose.MAIL, str(mail_id), encode(content, language), _bound(content.kind, recipient))

    def open(self, mail_id: UUID, kind: str, recipient: str, sealed: bytes) -> KeptContent:
        """The content again. Raises ``MailRefused`` where we have not sealed it for this row."""
        try:
            return decode(kind, self._sealer.read(Purpose.MAIL, str(mail_id), sealed, _bound(kind, recipient)))
        except ValueRefused as error:
            raise MailRefused(
                "what it says does not open: it was altered, or sealed with a key that is not in VALETKEY_MAIL_KEYS"
            ) from error

    def requester(self, address: str) -> bytes:
        """What is kept of the address that has asked, to count it by."""
        return hmac.digest(self._first, _REQUESTER + address.encode(), hashlib.sha256)


def _bound(kind: str, recipient: str) -> bytes:
    return f"{kind}\0{recipient}".encode()
