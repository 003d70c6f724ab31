"""What the values of claims about a user look like. OIDC Core §5.1, §5.1.1.

Each check says how a value is to be written, or None for one that is good. What is stored already is never checked.
"""

from __future__ import annotations

import re
from datetime import date
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from valetkey.core.message import Message
from valetkey.core.oauth.redirect_uri import uri_problem

MAX_TEXT = 255
MAX_TEXTS = 50
MAX_INTEGER = 2**53 - 1
MAX_ADDRESS_TEXT = 1000
ADDRESS_MEMBERS = ("formatted", "street_address", "locality", "region", "postal_code", "country")
_MAX_EMAIL = 254  # RFC 5321 §4.5.3.1
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]+")
_PHONE = re.compile(r"\+[1-9][0-9]{1,14}(;ext=[0-9]{1,10})?")
_DATE = re.compile(r"(?P<year>[0-9]{4})(-(?P<month>[0-9]{2})-(?P<day>[0-9]{2}))?")
_LOCALE = re.compile(
    r"[A-Za-z]{2,3}([-_][A-Za-z]{4})?([-_]([A-Za-z]{2}|[0-9]{3}))?([-_]([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*"
)
_LEAP_YEAR = 2000  # A birthday without a year may be 29 February.
_NO_YEAR = "0000"


def text(value: object) -> str | None:
    """One line."""
    if isinstance(value, str) and value.strip() and len(value) <= MAX_TEXT and value.isprintable():
        return None
    return Message("write 1 to %(count)d printable characters", count=MAX_TEXT)


def web_address(value: object) -> str | None:
    """An https URL."""
    if isinstance(value, str) and uri_problem(value) is None and urlsplit(value).scheme == "https":
        return None
    return Message("write an https URL")


def email(value: object) -> str | None:
    """An e-mail address."""
    if isinstance(value, str) and len(value) <= _MAX_EMAIL and _EMAIL.fullmatch(value) and value.isprintable():
        return None
    return "write an e-mail address such as ada@example.com"


def birthdate(value: object) -> str | None:
    """A date, one without a year, or a year. OIDC Core §5.1."""
    found = _DATE.fullmatch(value) if isinstance(value, str) else None
    if found is not None and found["month"] is None and found["year"] != _NO_YEAR:
        return None
    if found is not None and found["month"] is not None:
        year = _LEAP_YEAR if found["year"] == _NO_YEAR else int(found["year"])
        try:
            date(year, int(found["month"]), int(found["day"]))
        except ValueError:
            pass
        else:
            return None
    return Message("write YYYY-MM-DD, 0000-MM-DD without the year, or YYYY alone")


def zoneinfo(value: object) -> str | None:
    """A time zone by its name in the tz database, which comes with Python or its machine."""
    if isinstance(value, str) and value in available_timezones():
        return None
    return Message("write the name of a time zone in the tz database, such as Europe/Paris")


def locale(value: object) -> str | None:
    """A language tag. BCP 47; an underscore for the dash is taken too, as OIDC Core §5.1 mentions."""
    if isinstance(value, str) and _LOCALE.fullmatch(value):
        return None
    return Message("write a language tag of BCP 47, such as en or pt-BR")


def phone_number(value: object) -> str | None:
    """A number in the form of E.164, with an extension as RFC 3966 has it."""
    if isinstance(value, str) and _PHONE.fullmatch(value):
        return None
    return "write a phone number in the form of E.164, such as +12025550100"


def flag(value: object) -> str | None:
    """True or false."""
    return None if isinstance(value, bool) else "write true or false"


def integer(value: object) -> str | None:
    """A whole number that every reader of JSON takes for the same. RFC 8259 §6."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_INTEGER:
        return None
    return "write a whole number"


def texts(value: object) -> str | None:
    """A list of lines."""
    if isinstance(value, list) and 0 < len(value) <= MAX_TEXTS and all(text(each) is None for each in value):
        return None
    return f"write a JSON array of 1 to {MAX_TEXTS} texts of 1 to {MAX_TEXT} printable characters"


def address(value: object) -> str | None:
    """An object with the members of OIDC Core §5.1.1; lines of a postal address are divided by newlines."""
    if isinstance(value, dict) and value and all(map(_is_address_member, value, value.values())):
        return None
    return f"write a JSON object of texts with some of the members {', '.join(ADDRESS_MEMBERS)}"


def _is_address_member(name: object, value: object) -> bool:
    if name not in ADDRESS_MEMBERS or not isinstance(value, str) or not value.strip():
        return False
    return len(value) <= MAX_ADDRESS_TEXT and value.replace("\r\n", "").replace("\n", "").isprintable()
