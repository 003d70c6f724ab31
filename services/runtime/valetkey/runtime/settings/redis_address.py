"""What a Redis URL says: one server, Sentinels that know which server it is, or nodes of a Cluster."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

Node = tuple[str, int]
Topology = Literal["single", "sentinel", "cluster"]

# A hyphen, so that a filter that masks `password=` in a text masks this too.
SENTINEL_PASSWORD = "sentinel-password"  # noqa: S105 - the name of a parameter
_TLS_FILES = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"})
_PARAMETERS = frozenset({"db", "username", "password", SENTINEL_PASSWORD, *_TLS_FILES})
_ONLY = f"remove it; there are {', '.join(sorted(_PARAMETERS))}"
_LIMIT = "remove it; VALETKEY_REDIS_TIMEOUT is the longest wait for a connection or an answer"
_VERIFIED = "remove it; with rediss:// certificates and hosts are always verified"
# What redis-py documents beside those that are taken.
_ADVICE: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("socket_timeout", "socket_connect_timeout", "timeout", "socket_keepalive"), _LIMIT),
        **dict.fromkeys(("ssl_cert_reqs", "ssl_check_hostname"), _VERIFIED),
        **dict.fromkeys(("ssl", "tls"), "remove it, and write rediss://"),
        "ssl_ca_path": "name one file with ssl_ca_certs",
        "max_connections": "remove it; each process knows how many it needs",
        "protocol": "remove it; RESP2 is spoken",
    }
)
_TOPOLOGIES: Mapping[str, Topology] = {
    "redis": "single",
    "rediss": "single",
    "unix": "single",
    "redis+sentinel": "sentinel",
    "rediss+sentinel": "sentinel",
    "redis+cluster": "cluster",
    "rediss+cluster": "cluster",
}
_DEFAULT_PORTS: Mapping[Topology, int] = {"single": 6379, "sentinel": 26379, "cluster": 6379}
_NODE = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]*)(?::(\d{1,5}))?", re.ASCII)
_MASTER = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)
_MAX_PORT = 65535


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Where to ask first, and ``server_url``: what redis-py needs to know of the servers that hold the data."""

    topology: Topology
    nodes: tuple[Node, ...]
    server_url: str
    master: str = ""
    sentinel_password: str | None = None

    @property
    def is_tls(self) -> bool:
        """Whether every connection is encrypted."""
        return self.server_url.startswith("rediss://")


def parse_address(url: str) -> RedisAddress:
    """Take the URL apart. Raises ``ValueError`` that says what to write instead, and never what is in the URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = SplitResult("", "", "", "", "")
    topology = _TOPOLOGIES.get(parts.scheme)
    if topology is None or "://" not in url or not url.startswith(parts.scheme):
        raise ValueError(
            "must be a Redis URL; write it like redis://host:6379/0, rediss://..., unix:///path,"
            " redis+sentinel://host:26379,host:26379/master-name or redis+cluster://host:6379,host:6379"
        )
    query = _query(parts)
    if parts.scheme == "unix":
        _check_socket(parts)
        return RedisAddress(topology, (), url)
    userinfo, at, hosts = parts.netloc.rpartition("@")
    nodes = _nodes(hosts, topology)
    master, database = _path(parts.path, topology, query)
    kept = "&".join(f"{name}={quote(value, safe='/')}" for name, value in query.items() if name != SENTINEL_PASSWORD)
    scheme = parts.scheme.partition("+")[0]
    server_url = f"{scheme}://{userinfo}{at}{_text(nodes[0])}/{database}{'?' if kept else ''}{kept}"
    return RedisAddress(topology, nodes, server_url, master, query.get(SENTINEL_PASSWORD))


def with_passwords(url: str, password: str | None, sentinel_password: str | None) -> str:
    """The URL with these passwords where it has none."""
    parts = urlsplit(url)
    userinfo, _, hosts = parts.netloc.rpartition("@")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    netloc = parts.netloc
    if password is not None and ":" not in userinfo and "password" not in query:
        netloc = f"{userinfo}:{quote(password, safe='')}@{hosts}"
    added = ""
    if sentinel_password is not None and SENTINEL_PASSWORD not in query:
        added = f"{SENTINEL_PASSWORD}={quote(sentinel_password, safe='')}"
    text = "&".join(filter(None, (parts.query, added)))
    return f"{parts.scheme}://{netloc}{parts.path}{'?' if text else ''}{text}"


def _query(parts: SplitResult) -> dict[str, str]:
    if parts.fragment:
        raise ValueError("must have no fragment; write '#' in a password as %23")
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    query = dict(pairs)
    for name in query:
        if name not in _PARAMETERS:
            raise ValueError(f"has {_shown(name)}: {_ADVICE.get(name, _ONLY)}")
    if len(query) != len(pairs):
        raise ValueError("has a parameter twice; remove one")
    files = query.keys() & _TLS_FILES
    if files and not parts.scheme.startswith("rediss"):
        raise ValueError("names TLS files without TLS; write rediss:// (rediss+sentinel://, rediss+cluster://)")
    if any(not query[name].startswith("/") for name in files):
        raise ValueError("must name TLS files by absolute paths; write it like ?ssl_ca_certs=/path/ca.pem")
    if SENTINEL_PASSWORD in query and not parts.scheme.endswith("+sentinel"):
        raise ValueError("has a password for Sentinels and no Sentinels; remove it, or write redis+sentinel://")
    if not query.get("db", "0").isdecimal():
        raise ValueError("must have a number as its database; write it like ?db=0")
    return query


def _check_socket(parts: SplitResult) -> None:
    if not parts.path.startswith("/") or len(parts.path) == 1 or parts.netloc.rpartition("@")[2]:
        raise ValueError("must name a socket by an absolute path; write it like unix:///run/redis.sock")


def _nodes(hosts: str, topology: Topology) -> tuple[Node, ...]:
    nodes = []
    for host in hosts.split(","):
        match = _NODE.fullmatch(host)
        if match is None or not 0 < int(match[2] or 1) <= _MAX_PORT:
            raise ValueError(
                "must name its hosts like host:6379, several separated by commas and nothing else; write '@', ':', '/',"
                " '?' and '#' in a password as %40, %3A, %2F, %3F and %23"
            )
        nodes.append((match[1].strip("[]"), int(match[2] or _DEFAULT_PORTS[topology])))
    if topology == "single" and len(nodes) > 1:
        raise ValueError("names several servers; write redis+sentinel:// or redis+cluster:// before them")
    if len(set(nodes)) != len(nodes):
        raise ValueError("names a host twice; remove one, a majority of Sentinels is counted by them")
    return tuple(nodes)


def _path(path: str, topology: Topology, query: Mapping[str, str]) -> tuple[str, str]:
    """The name of the master, and the database."""
    segments = [unquote(segment) for segment in path.split("/")[1:] if segment]
    master = ""
    if topology == "sentinel":
        if not segments or not _MASTER.fullmatch(segments[0]):
            raise ValueError("must say which master is meant; write it like redis+sentinel://host:26379/master-name")
        master = segments.pop(0)
    if len(segments) > 1 or not all(segment.isdecimal() for segment in segments):
        raise ValueError("must have a number as its database, after a slash; write it like /0")
    database = segments[0] if segments else ""
    if topology == "cluster" and {int(database or 0), int(query.get("db", 0))} != {0}:
        raise ValueError("must not choose a database, a Cluster has only the first; remove it")
    return master, database


def _text(node: Node) -> str:
    host, port = node
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _shown(name: str) -> str:
    """What is no parameter may be part of a password that was not escaped."""
    return name if re.fullmatch(r"[a-z][a-z_-]{1,40}", name, re.ASCII) else "a parameter"
