"""Addresses that mail is sent to and from. RFC 5321 §4.1.2, without what no mailbox of a person needs.

Stricter than RFC 5321: no quoted local part, no address literal, no SMTPUTF8 (RFC 6531). A domain in another script is
written in its ASCII form (RFC 5891).
"""

from __future__ import annotations

import re
from email.errors import HeaderParseError
from email.headerregistry import Address

MAX_LENGTH = 254
_MAX_LOCAL_LENGTH = 64
_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
ADDRESS_PATTERN = rf"{_ATEXT}+(?:\.{_ATEXT}+)*@{_LABEL}(?:\.{_LABEL})*"


class MailRefused(ValueError):
    """A mail that must not be sent. The sentence says why, for the log; it does not repeat what was given."""


def require_address(text: str) -> Address:
    """The address, parsed. Raises ``MailRefused``."""
    if any(character < " " or character == "\x7f" for character in text):
        raise MailRefused("the address holds a line break or another control character")
    if not text.isascii():
        raise MailRefused("the address is not ASCII; its domain may be written as xn--")
    if len(text) > MAX_LENGTH or len(text.partition("@")[0]) > _MAX_LOCAL_LENGTH:
        raise MailRefused("the address is longer than RFC 5321 allows")
    if re.fullmatch(ADDRESS_PATTERN, text) is None:
        raise MailRefused("the address is not of the form name@domain")
    try:
        return Address(addr_spec=text)
    except (HeaderParseError, ValueError):
        raise MailRefused("the address is not of the form name@domain") from None
