"""Parsers: from the text of a variable to a typed value, or a ``ValueError`` that says what to write instead."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import SplitResult, urlsplit

from valetkey.runtime.settings.postgres_address import postgres_url
from valetkey.runtime.settings.redis_address import parse_address

T = TypeVar("T")
Network = IPv4Network | IPv6Network

_DURATION = re.compile(r"(\d{1,9})(ms|s|m|h|d)?", re.ASCII)
_MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_VISIBLE = re.compile(r"[!-~]+")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*")
_LOGO_TYPES = frozenset({".svg", ".png", ".webp", ".jpg", ".jpeg", ".gif"})
MAX_NAME_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Parser(Generic[T]):
    """How the text of one kind of setting becomes a value; ``type`` and ``unit`` are what the table prints."""

    parse: Callable[[str], T]
    type: str
    unit: str = ""


def integer(low: int, high: int, unit: str = "") -> Parser[int]:
    """A whole number from ``low`` to ``high``."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"-?\d{1,18}", text, re.ASCII) or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}; use one in that range")
        return int(text)

    return Parser(parse, f"integer {low}..{high}", unit)


def fraction(most: float = 1) -> Parser[float]:
    """A number from 0 to ``most``, which is 1 or less."""

    def parse(text: str) -> float:
        if not re.fullmatch(r"[01](\.\d{1,9})?", text, re.ASCII) or float(text) > most:
            raise ValueError(f"must be a number from 0 to {most:g}; write it like 0.01")
        return float(text)

    return Parser(parse, f"number 0..{most:g}")


def _milliseconds(text: str) -> int | None:
    match = _DURATION.fullmatch(text)
    return int(match[1]) * _MILLISECONDS[match[2] or "s"] if match else None


def seconds(low: int, high: int) -> Parser[int]:
    """A duration in whole seconds; ``90``, ``90s``, ``15m``, ``12h`` and ``14d`` are all understood."""

    def parse(text: str) -> int:
        length = _milliseconds(text)
        if length is None or length % 1000 or not low * 1000 <= length <= high * 1000:
            raise ValueError(f"must be a duration from {low} s to {high} s; write it like 90, 90s, 15m, 12h or 14d")
        return length // 1000

    return Parser(parse, f"duration {low}..{high}", "s")


def timeout(low: float, high: int) -> Parser[float]:
    """A duration as seconds with a fraction; ``250ms`` and ``2s`` are understood."""

    def parse(text: str) -> float:
        length = _milliseconds(text)
        if length is None or not low * 1000 <= length <= high * 1000:
            raise ValueError(f"must be a duration from {low:g} s to {high} s; write it like 250ms or 2s")
        return length / 1000

    return Parser(parse, f"duration {low:g}..{high}", "s")


def choice(*names: str) -> Parser[str]:
    """One of a few words."""

    def parse(text: str) -> str:
        if text not in names:
            raise ValueError(f"must be one of {', '.join(names)}; choose one of them")
        return text

    return Parser(parse, " or ".join(names))


def choices(*names: str) -> Parser[tuple[str, ...]]:
    """Several of a few words, in order and without repeats, separated by commas."""

    def parse(text: str) -> tuple[str, ...]:
        chosen = tuple(_items(text))
        if not chosen or len(set(chosen)) != len(chosen) or not set(chosen) <= set(names):
            raise ValueError(f"must list some of {', '.join(names)}, each once; separate them with commas")
        return chosen

    return Parser(parse, f"list of {', '.join(names)}")


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _switch(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError("must be true or false; write one of them")
    return text == "true"


def _label(text: str) -> str:
    if not _LABEL.fullmatch(text):
        raise ValueError("must be a short word of letters, digits, '.', '_' and '-'; shorten it or drop the rest")
    return text


def _name(text: str) -> str:
    if len(text) > MAX_NAME_LENGTH or not text.isprintable():
        raise ValueError(f"must be at most {MAX_NAME_LENGTH} printable characters; shorten it")
    return text


def is_loopback(host: str) -> bool:
    """Whether a host name or address literal can only mean this machine: 127.0.0.0/8, ::1, localhost."""
    bare = host.removeprefix("[").removesuffix("]")
    if bare == "localhost":
        return True
    try:
        return ip_address(bare).is_loopback
    except ValueError:
        return False


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError("must be a URL; write it like https://id.example.com") from None
    return parts


def _issuer(text: str) -> str:
    parts = _split(text)
    host, port = parts.netloc, ""
    if match := re.fullmatch(r"(.*?):(\d{1,5})", parts.netloc):
        host, port = match[1], match[2]
    # urlsplit drops tabs and line breaks and lowers the scheme; the issuer is compared byte for byte.
    if not _VISIBLE.fullmatch(text) or not text.startswith(("https://", "http://")) or not _HOST.fullmatch(host):
        raise ValueError(
            "must be a URL with a lower-case scheme and host and no user; write it like https://id.example.com"
        )
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("must be https unless the host is loopback; put TLS in front and write https://")
    if "?" in text or "#" in text:
        raise ValueError("must have no query and no fragment (RFC 8414 §2); remove them")
    if text.endswith("/"):
        raise ValueError("must not end with a slash; remove it, clients compare the issuer byte for byte")
    if not _PATH.fullmatch(parts.path) or "/./" in f"{parts.path}/" or "/../" in f"{parts.path}/":
        raise ValueError("must have a path of plain segments; use letters, digits, '-', '.', '_' and '~'")
    if port == ("443" if parts.scheme == "https" else "80") or port.startswith("0"):
        raise ValueError("must not spell out the default port; remove it")
    return text


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


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(item) for item in _items(text))
    except ValueError:
        raise ValueError(
            "must be a list of networks; write it like 10.0.0.0/8,fd00::/8 with no host bits set"
        ) from None


def _colour(text: str) -> str:
    if not _COLOUR.fullmatch(text):
        raise ValueError("must be a colour of six hexadecimal digits; write it like #3355cc")
    return text.lower()


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


def _http_url(text: str) -> str:
    parts = _split(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise ValueError("must be an http or https URL without a user; write it like http://collector:4318/v1/traces")
    return text


def _redis_url(text: str) -> str:
    parse_address(text)
    return text


label = Parser(_label, "word")
name = Parser(_name, "text")
issuer = Parser(_issuer, "URL")
bind_host = Parser(_bind_host, "address")
port = Parser(_port, "port")
switch = Parser(_switch, "true or false")
reuse_port = Parser(_reuse_port, "true or false; true on Linux only")
networks = Parser(_networks, "list of networks")
colour = Parser(_colour, "colour")
logo = Parser(_logo, "file")
directory = Parser(_directory, "directory")
http_url = Parser(_http_url, "URL")
password = Parser(str, "text")
postgres_dsn = Parser(postgres_url, "URL")
redis_url = Parser(_redis_url, "URL")
