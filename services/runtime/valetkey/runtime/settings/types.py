"""Parsers: from the text of a variable to a typed value, or a ``ValueError`` that says what to write instead."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Generic, TypeVar

from valetkey.core.language import TAG_PATTERN
from valetkey.core.mail.address import ADDRESS_PATTERN, require_address
from valetkey.runtime.settings.form import (
    Amount,
    Form,
    Fraction,
    Lacks,
    Matches,
    Networks,
    SomeOf,
    items,
    require,
)
from valetkey.runtime.settings.postgres_address import postgres_url
from valetkey.runtime.settings.redis_address import FORMS as REDIS_FORMS
from valetkey.runtime.settings.redis_address import parse_address

T = TypeVar("T")
Network = IPv4Network | IPv6Network

_MILLISECONDS = {"": 1000, "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_PORT = r"(?:6553[0-5]|655[0-2]\d|65[0-4]\d\d|6[0-4]\d{3}|[1-5]\d{4}|\d{1,4})"
_HOST = r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])"
_LOOPBACK = rf"(?:localhost|127(?:\.{_OCTET}){{3}}|\[(?:::1|(?:0{{1,4}}:){{7}}0{{0,3}}1)\])"
# What people cannot see: controls, spaces other than the usual one, marks of direction, private use.
_INVISIBLE = (
    "\\x00-\\x1f\\x7f-\xa0\xad\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ue000-\uf8ff\ufeff\ufff9-\ufffb"
)
_LOGO_TYPES = frozenset({".svg", ".png", ".webp", ".jpg", ".jpeg", ".gif"})
MAX_NAME_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Parser(Generic[T]):
    """How the text of one kind of setting becomes a value; ``type`` and ``unit`` are what the table prints.

    A text that has every form is converted, which may refuse it still: for what only this machine can tell.
    """

    convert: Callable[[str], T]
    type: str
    unit: str = ""
    forms: tuple[Form, ...] = ()

    def parse(self, text: str) -> T:
        """The value. Raises ``ValueError`` that says what to write instead."""
        require(self.forms, text)
        return self.convert(text)


def integer(low: int, high: int, unit: str = "") -> Parser[int]:
    """A whole number from ``low`` to ``high``."""
    form = Amount({"": 1}, low, high, f"must be a whole number from {low} to {high}; use one in that range")
    return Parser(int, f"integer {low}..{high}", unit, (form,))


def fraction(most: float = 1) -> Parser[float]:
    """A number from 0 to ``most``, which is 1 or less."""
    form = Fraction(most, f"must be a number from 0 to {most:g}; write it like 0.01")
    return Parser(float, f"number 0..{most:g}", forms=(form,))


def seconds(low: int, high: int) -> Parser[int]:
    """A duration in whole seconds; ``90``, ``90s``, ``15m``, ``12h`` and ``14d`` are all understood."""
    advice = f"must be a duration from {low} s to {high} s; write it like 90, 90s, 15m, 12h or 14d"
    form = Amount(_MILLISECONDS, low * 1000, high * 1000, advice, step=1000)
    return Parser(lambda text: (form.value(text) or 0) // 1000, f"duration {low}..{high}", "s", (form,))


def timeout(low: float, high: int) -> Parser[float]:
    """A duration as seconds with a fraction; ``250ms`` and ``2s`` are understood."""
    advice = f"must be a duration from {low:g} s to {high} s; write it like 250ms or 2s"
    form = Amount(_MILLISECONDS, round(low * 1000), high * 1000, advice)
    return Parser(lambda text: (form.value(text) or 0) / 1000, f"duration {low:g}..{high}", "s", (form,))


def choice(*names: str) -> Parser[str]:
    """One of a few words."""
    form = Matches("|".join(map(re.escape, names)), f"must be one of {', '.join(names)}; choose one of them")
    return Parser(str, " or ".join(names), forms=(form,))


def choices(*names: str) -> Parser[tuple[str, ...]]:
    """Several of a few words, in order and without repeats, separated by commas."""
    form = SomeOf(names, f"must list some of {', '.join(names)}, each once; separate them with commas")
    return Parser(lambda text: tuple(items(text)), f"list of {', '.join(names)}", forms=(form,))


def choices_or_none(*names: str) -> Parser[tuple[str, ...]]:
    """The same, or the word ``none``."""
    advice = f"must be none, or list some of {', '.join(names)}, each once; separate them with commas"
    forms = (SomeOf((*names, "none"), advice), Lacks(r".*,\s*none(?:[\s,].*)?|\s*none\s*,.*", advice))
    return Parser(
        lambda text: tuple(each for each in items(text) if each != "none"),
        f"none or list of {', '.join(names)}",
        "",
        forms,
    )


def is_loopback(host: str) -> bool:
    """Whether a host name or address literal can only mean this machine: 127.0.0.0/8, ::1, localhost."""
    bare = host.removeprefix("[").removesuffix("]")
    if bare == "localhost":
        return True
    try:
        return ip_address(bare).is_loopback
    except ValueError:
        return False


_ISSUER = (
    Matches(
        rf"https?://{_HOST}(?::{_PORT})?(?:[/?#][!-~]*)?",
        "must be a URL with a lower-case scheme and host and no user; write it like https://id.example.com",
    ),
    Matches(
        rf"https:.*|http://{_LOOPBACK}(?:[:/?#].*)?",
        "must be https unless the host is loopback; put TLS in front and write https://",
    ),
    Lacks(r".*[?#].*", "must have no query and no fragment (RFC 8414 §2); remove them"),
    Lacks(r".*/", "must not end with a slash; remove it, clients compare the issuer byte for byte"),
    Matches(
        r"https?://[^/]*(?:/(?:\.{0,2}[A-Za-z0-9_~-][A-Za-z0-9._~-]*|\.{3}[A-Za-z0-9._~-]*))*",
        "must have a path of plain segments; use letters, digits, '-', '.', '_' and '~'",
    ),
    Lacks(
        r"(?:https://[^/]*:443|http://[^/]*:80|https?://[^/]*:0\d*)(?:/.*)?",
        "must not spell out the default port; remove it",
    ),
)


def _bind_host(text: str) -> str:
    if text != "localhost":
        try:
            ip_address(text)
        except ValueError:
            raise ValueError("must be an address to listen on; write it like 0.0.0.0, :: or 127.0.0.1") from None
    return text


def _port(text: str) -> int:
    if text.startswith("tcp://"):
        raise ValueError(
            "holds a Kubernetes service link instead of a port; set enableServiceLinks: false in the pod specification"
        )
    return integer(0, 65535).parse(text)


def _reuse_port(text: str) -> bool:
    shares = switch.parse(text)
    if shares and not sys.platform.startswith("linux"):
        raise ValueError(
            "must be false here: only Linux distributes the connections of a port over processes, elsewhere (as on "
            "macOS) one of them gets nearly all; run processes on several ports behind a proxy instead"
        )
    return shares


def _logo(text: str) -> Path:
    path = Path(text)
    if not path.is_absolute() or path.suffix.lower() not in _LOGO_TYPES:
        raise ValueError(
            f"must be the absolute path of an image ({', '.join(sorted(_LOGO_TYPES))}); mount the file there"
        )
    return path


def _directory(text: str) -> Path:
    path = Path(text)
    if not path.is_absolute():
        raise ValueError("must be the absolute path of a directory; start it with /")
    return path


def _mail_address(text: str) -> str:
    require_address(text)
    return text


def _redis_url(text: str) -> str:
    parse_address(text)
    return text


_LABEL = Matches(
    r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}",
    "must be a short word of letters, digits, '.', '_' and '-'; shorten it or drop the rest",
)
_NAME = Matches(
    f"[^{_INVISIBLE}]{{1,{MAX_NAME_LENGTH}}}", f"must be at most {MAX_NAME_LENGTH} printable characters; shorten it"
)
_NETWORKS = Networks("must be a list of networks; write it like 10.0.0.0/8,fd00::/8 with no host bits set")
_SWITCH = Matches("true|false", "must be true or false; write one of them")
_DOMAIN = Matches(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*", "must be a domain in lower case; write it like example.com")
_LANGUAGE = Matches(TAG_PATTERN, "must be a language tag of BCP 47; write it like en or pt-BR")
_LANGUAGES = Matches(
    rf"{TAG_PATTERN}(?: *, *{TAG_PATTERN}){{0,49}}",
    "must be a list of language tags of BCP 47; write it like en,de,pt-BR",
)
_COLOUR = Matches("#[0-9a-fA-F]{6}", "must be a colour of six hexadecimal digits; write it like #3355cc")
_MAIL_HOST = Matches(
    rf"{_HOST}", "must be the name or the address of a server, in lower case; write it like smtp.example.com"
)
_MAIL_ADDRESS = Matches(ADDRESS_PATTERN, "must be an address, without a name; write it like no-reply@example.com")
_HTTP_URL = Matches(
    rf"(?i:https?)://(?:\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]]+)(?::{_PORT}?)?(?:[/?#]\S*)?",
    "must be an http or https URL without a user; write it like http://collector:4318/v1/traces",
)

label = Parser(str, "word", forms=(_LABEL,))
name = Parser(str, "text", forms=(_NAME,))
issuer = Parser(str, "URL", forms=_ISSUER)
domain = Parser(str, "domain", forms=(_DOMAIN,))
bind_host = Parser(_bind_host, "address")
port = Parser(_port, "port")
switch = Parser(lambda text: text == "true", "true or false", forms=(_SWITCH,))
reuse_port = Parser(_reuse_port, "true or false; true on Linux only")
networks = Parser(lambda text: tuple(map(ip_network, items(text))), "list of networks", forms=(_NETWORKS,))
language = Parser(str, "language tag", forms=(_LANGUAGE,))
languages = Parser(lambda text: tuple(dict.fromkeys(items(text))), "list of language tags", forms=(_LANGUAGES,))
colour = Parser(str.lower, "colour", forms=(_COLOUR,))
logo = Parser(_logo, "file")
directory = Parser(_directory, "directory")
http_url = Parser(str, "URL", forms=(_HTTP_URL,))
mail_host = Parser(str, "host", forms=(_MAIL_HOST,))
mail_address = Parser(_mail_address, "e-mail address", forms=(_MAIL_ADDRESS,))
password = Parser(str, "text")
postgres_dsn = Parser(postgres_url, "URL")
redis_url = Parser(_redis_url, "URL", forms=REDIS_FORMS)
