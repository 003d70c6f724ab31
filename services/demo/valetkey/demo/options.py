"""The options of the demo."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from valetkey.core.oauth.redirect_uri import redirect_uri_problem
from valetkey.demo.demo_error import DemoError
from valetkey.runtime.settings.types import is_loopback
from valetkey.runtime.settings.types import issuer as issuer_parser

DEFAULT_ISSUER_PORT = 8080
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HIGHEST_PORT = 65535
_LOOPBACK, _LOCALHOST = "127.0.0.1", "localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """``issuer`` stands for ``http://localhost:<issuer_port>`` and goes before it; port 0 is a free one.

    With https, the demo has a certificate of its own. ``redirect_uris`` are added to those of the clients ``web`` and
    ``spa``. ``keep``: users, clients and keys are there the next time.
    """

    issuer_port: int = DEFAULT_ISSUER_PORT
    issuer: str = ""
    redirect_uris: tuple[str, ...] = ()
    open_browser: bool = True
    keep: bool = False
    directory: Path = Path(".demo")


def option_problems(options: DemoOptions) -> list[str]:
    """Everything that is wrong with the options, as messages for the user."""
    problems = []
    if not 0 <= options.issuer_port <= _HIGHEST_PORT:
        problems.append(f"--issuer-port {options.issuer_port} is no port: choose one from 1 to {_HIGHEST_PORT}.")
    if options.issuer and (problem := _issuer_problem(options.issuer)):
        problems.append(f"--issuer {options.issuer} {problem}.")
    problems += [
        f"--redirect-uri {uri} {problem}."
        for uri in options.redirect_uris
        if (problem := redirect_uri_problem(uri)) is not None
    ]
    return problems


def require_options(options: DemoOptions) -> None:
    """Raise ``DemoError`` with every problem at once."""
    problems = option_problems(options)
    if problems:
        raise DemoError(*problems)


def chosen_port(options: DemoOptions) -> int:
    """The port of the front door; 0 for a free one."""
    parts = urlsplit(options.issuer)
    return parts.port or _DEFAULT_PORTS[parts.scheme] if options.issuer else options.issuer_port


def issuer_at(options: DemoOptions, port: int) -> str:
    """The issuer identifier, now that the port is known. The default port is never spelled out.

    Browsers have passkeys for a name, and none for an address.
    """
    return options.issuer or _url(_LOCALHOST, port)


def loopback_url(port: int) -> str:
    """Where something that listens on this port is found, without a trailing slash."""
    return _url(_LOOPBACK, port)


def is_at_localhost(issuer: str) -> bool:
    """Whether programs find the issuer by a name, which means 127.0.0.1 to some and ::1 to others."""
    return urlsplit(issuer).hostname == _LOCALHOST


def _url(host: str, port: int) -> str:
    return f"http://{host}" if port == _DEFAULT_PORTS["http"] else f"http://{host}:{port}"


def _issuer_problem(issuer: str) -> str | None:
    try:
        issuer_parser.parse(issuer)
    except ValueError as error:
        return str(error)
    parts = urlsplit(issuer)
    if not is_loopback(parts.hostname or ""):
        return "is not loopback, and the demo is not for others to reach; use http://localhost"
    # A browser that has been to https://localhost goes to no other http://localhost afterwards. RFC 6797 §8.3.
    if parts.hostname not in ((_LOOPBACK, _LOCALHOST) if parts.scheme == "http" else (_LOOPBACK,)):
        return "is not where the demo listens; use http://localhost, http://127.0.0.1 or https://127.0.0.1"
    return None
