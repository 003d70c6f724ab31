"""What a PostgreSQL URL says, of all that libpq documents: what the driver takes, what is so anyway, what cannot be.

The driver would send whatever it does not know to the server as a setting, and fail with a traceback on the rest.
"""

from __future__ import annotations

import re
import ssl
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_SCHEMES = ("postgresql", "postgres")
_EXAMPLE = "write it like postgresql://user:password@host:5432/database"
_ESCAPES = "write '@', ':', '/', '?' and '#' in a user or password as %40, %3A, %2F, %3F and %23"
_BRACKETS = "must have an IPv6 address in brackets, like [::1]:5432"
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\]|[^\[\]:]*)(?::(?P<port>[^:]*))?", re.ASCII)
_MAX_PORT = 65535
_SYSTEM = "system"
_FILES = ("sslrootcert", "sslcrl", "sslcert", "sslkey")
_VERIFIED = ("verify-ca", "verify-full")
_ON, _OFF = frozenset({"1", "true", "on", "yes"}), frozenset({"0", "false", "off", "no"})

# What the driver does itself. None: any value.
_TAKEN: Mapping[str, frozenset[str] | None] = MappingProxyType(
    {
        **dict.fromkeys(("host", "port", "dbname", "database", "user", "password", "passfile", "service", "options")),
        **dict.fromkeys((*_FILES, "sslpassword", "krbsrvname", "gsslib")),
        "sslmode": frozenset({"disable", "allow", "prefer", "require", *_VERIFIED}),
        "sslnegotiation": frozenset({"postgres", "direct"}),
        "ssl_min_protocol_version": frozenset({"TLSv1.2", "TLSv1.3"}),
        "ssl_max_protocol_version": frozenset({"TLSv1.2", "TLSv1.3"}),
        "target_session_attrs": frozenset({"any", "read-write", "primary"}),
    }
)
# What is so without being asked for, and is left out of the URL. None: any value.
_IDLE: Mapping[str, frozenset[str] | None] = MappingProxyType(
    {
        "application_name": None,
        "fallback_application_name": None,
        "channel_binding": frozenset({"disable", "prefer"}),
        "client_encoding": frozenset({"auto", "utf8", "UTF8", "UTF-8", "utf-8"}),
        "gssdelegation": _OFF,
        "gssencmode": frozenset({"disable", "allow", "prefer"}),
        "keepalives": _ON,
        "load_balance_hosts": frozenset({"disable"}),
        "pgbouncer": _OFF,
        "replication": _OFF,
        "requiressl": _OFF,
        "sslcertmode": frozenset({"allow"}),
        "sslcompression": _OFF,
        "sslsni": _ON,
        **dict.fromkeys(("min_protocol_version", "max_protocol_version"), frozenset({"3.0", "latest"})),
    }
)
_LIMIT = "remove it; VALETKEY_POSTGRES_TIMEOUT is the longest wait for a connection or an answer"
_TLS_INSTEAD = "the driver cannot do it; remove it, and write sslmode=verify-full with sslrootcert"
_ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "channel_binding": _TLS_INSTEAD,
        "client_encoding": "remove it; text is UTF-8",
        "connect_timeout": _LIMIT,
        "connection_limit": "remove it, and set VALETKEY_POSTGRES_POOL_MAX",
        "gssencmode": _TLS_INSTEAD,
        "hostaddr": "write the address in place of the host",
        **dict.fromkeys(("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"), _LIMIT),
        "load_balance_hosts": "the driver cannot do it; remove it",
        "pgbouncer": "remove it, and set VALETKEY_POSTGRES_POOLER=transaction",
        "pool_timeout": _LIMIT,
        "replication": "remove it; statements need an ordinary connection",
        "require_auth": _TLS_INSTEAD,
        "requiressl": "write sslmode=require",
        "scram_client_key": "the driver cannot do it; give the password",
        "scram_server_key": "the driver cannot do it; give the password",
        "ssl": "write sslmode",
        "sslcrldir": "name one file with sslcrl",
        "sslnegotiation": "write postgres or direct",
        "target_session_attrs": "write read-write, primary or any; services write",
        "tcp_user_timeout": _LIMIT,
    }
)


def postgres_url(text: str) -> str:
    """The URL as the driver takes it. Raises ``ValueError`` that says what to write instead, and no password."""
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = SplitResult("", "", "", "", "")
        if text.startswith(tuple(f"{scheme}://" for scheme in _SCHEMES)):
            raise ValueError(f"{_BRACKETS}; {_ESCAPES}") from None
    if parts.scheme not in _SCHEMES or "://" not in text:
        raise ValueError(f"must be a PostgreSQL URL; {_EXAMPLE}")
    if parts.fragment or "#" in text:
        raise ValueError("must have no fragment; write '#' in a password as %23")
    if "%00" in text:
        raise ValueError("must not hold a NUL; remove %00")
    _check_hosts(parts.netloc)
    if "/" in parts.path[1:]:
        raise ValueError(f"must have one database after the host; {_EXAMPLE} and {_ESCAPES}")
    query = _query(parts.query)
    kept = {name: value for name, value in query.items() if not _is_idle(name, value)}
    _check_ports(kept.get("port", ""))
    _check_tls(kept)
    if kept.get("sslrootcert") == _SYSTEM:
        kept["sslrootcert"] = _system_certificates()
    if kept == query and len(query) == len(parts.query.split("&") if parts.query else ()):
        return text
    # A service file, an empty host and the like are read by the driver as they were written.
    written = "&".join(f"{name}={quote(value, safe='/,:')}" for name, value in kept.items())
    return text.partition("?")[0] + (f"?{written}" if written else "")


def _check_hosts(netloc: str) -> None:
    userinfo, at, hosts = netloc.rpartition("@")
    if "@" in userinfo or userinfo.count(":") > 1 or (at and not userinfo):
        raise ValueError(f"must have one user and one password before the host; {_ESCAPES}")
    for host in hosts.split(","):
        if not host and "," in hosts:
            raise ValueError(f"must name a host before and after each ','; {_EXAMPLE}")
        match = _HOST.fullmatch(host)
        if match is None:
            raise ValueError(f"{_BRACKETS}; {_ESCAPES}")
        if match["port"] is not None:
            _check_ports(match["port"])


def _check_ports(ports: str) -> None:
    for port in filter(None, ports.split(",")):
        if not (port.isascii() and port.isdecimal() and 0 < int(port[: len(str(_MAX_PORT)) + 1]) <= _MAX_PORT):
            raise ValueError(f"must have a port of 1 to {_MAX_PORT}; {_ESCAPES}")


def _query(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text))
    except ValueError:
        raise ValueError("must have parameters like ?sslmode=require, separated by '&'") from None
    query: dict[str, str] = {}
    for name, value in pairs:
        if name in query:
            raise ValueError(f"has {_shown(name)} twice; remove one")
        if value:
            query[name] = value
    for name, value in query.items():
        _require_possible(name, value)
    return query


def _require_possible(name: str, value: str) -> None:
    if name in _TAKEN:
        choices = _TAKEN[name]
        if choices is None or value in choices:
            return
        raise ValueError(f"has {name} with a value that cannot be: {_ADVICE.get(name, f'write {_listed(choices)}')}")
    if _is_idle(name, value):
        return
    if name in _ADVICE:
        raise ValueError(f"has {name}: {_ADVICE[name]}")
    if name in _IDLE:
        raise ValueError(f"has {name} with a value that cannot be: remove it, or write {_listed(_IDLE[name] or ())}")
    raise ValueError(
        f"has {_shown(name)}, which is no parameter of a connection; write a setting of the server like"
        " options=-c%20name%3Dvalue"
    )


def _is_idle(name: str, value: str) -> bool:
    return name in _IDLE and ((values := _IDLE[name]) is None or value in values)


def _check_tls(query: Mapping[str, str]) -> None:
    mode, authority = query.get("sslmode"), query.get("sslrootcert")
    for name in _FILES:
        if not query.get(name, "/").startswith("/") and (name, authority) != ("sslrootcert", _SYSTEM):
            raise ValueError(f"has {name}: name the file by its absolute path")
    if mode in _VERIFIED and authority is None:
        raise ValueError(
            f"has sslmode={mode} and no CA; add sslrootcert=/path/ca.pem, or with verify-full sslrootcert=system for"
            " the CAs of this machine"
        )
    if authority == _SYSTEM and mode != "verify-full":
        raise ValueError("has sslrootcert=system; write sslmode=verify-full with it")
    if query.get("sslnegotiation") == "direct" and mode not in ("require", *_VERIFIED):
        raise ValueError("has sslnegotiation=direct; write sslmode=require or stricter with it")


def _system_certificates() -> str:
    path = ssl.get_default_verify_paths().cafile
    if path is None:
        raise ValueError("has sslrootcert=system and this machine has no CAs; install ca-certificates, or name a file")
    return path


def _listed(values: Collection[str]) -> str:
    return ", ".join(sorted(values))


def _shown(name: str) -> str:
    """What is no parameter may be part of a password that was not escaped."""
    return unquote(name) if re.fullmatch(r"[a-z][a-z_.]{1,40}", name) else "a parameter"
