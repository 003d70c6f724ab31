"""Browser codes: shown by a signed-in browser, typed into one that is new to the account, during an attack on it.

A code makes a browser count as one that has signed in to the account before, for one login: it opens a budget of
password attempts, and nothing else. It is a MAC of the account and the time, so that nothing is kept of it; 40 bits are
as much as people type, and enough for what is behind them. RFC 6238 has the idea.
"""

import re
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from datetime import datetime, timedelta
from hmac import compare_digest
from uuid import UUID

from valetkey.authorize.browser.keyed_mac import Mac

# A code is good for this long at least, and for three times as long at most, whatever the clocks of replicas say.
LIFETIME = timedelta(minutes=5)
_LENGTH = 8
# Crockford's base 32: no letter that looks like a digit.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ALIKE = str.maketrans("OIL", "011")
_BETWEEN = re.compile(r"[\s\u2010-\u2015-]+")


class BrowserCodes:
    """Makes and checks browser codes."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._mac = Mac(keys, "browser code")

    def make(self, subject: UUID, now: datetime) -> str:
        """The code to show to this user now, such as ``K4TX-9QMP``."""
        code = self._codes(subject, _step(now))[0]
        return f"{code[:4]}-{code[4:]}"

    def is_valid(self, typed: str, subject: UUID, now: datetime) -> bool:
        """Whether this user was shown what was typed, in any case, with or without its dash."""
        presented = _BETWEEN.sub("", typed).upper().translate(_ALIKE).encode()
        step = _step(now)
        known = [code for each in (step, step - 1, step + 1) for code in self._codes(subject, each)]
        found = [compare_digest(presented, code.encode()) for code in known]
        return any(found)

    def _codes(self, subject: UUID, step: int) -> list[str]:
        return [_short(mac) for mac in self._mac.every(str(subject), str(step))]


def _step(now: datetime) -> int:
    return int(now.timestamp() // LIFETIME.total_seconds())


def _short(mac: str) -> str:
    number = int.from_bytes(urlsafe_b64decode(mac + "=")[:_LENGTH])
    return "".join(_ALPHABET[number >> (5 * place) & 31] for place in range(_LENGTH))
