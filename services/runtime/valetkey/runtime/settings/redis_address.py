"""What a Redis URL says: one server, Sentinels that know which server it is, or nodes of a Cluster."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal
from urllib.parse import SplitResult, parse_qsl, quote, urlsplit

from valetkey.runtime.settings.form import DistinctNodes, Form, Lacks, Matches, require

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
_ABSOLUTE = "must name TLS files by absolute paths; write it like ?ssl_ca_certs=/path/ca.pem"
_SEVERAL: tuple[Topology, ...] = ("sentinel", "cluster")
_DEFAULT_PORTS: Mapping[Topology, int] = {"single": 6379, "sentinel": 26379, "cluster": 6379}
_NODE = re.compile(r"(\[[^\]]*\]|[^:]*)(?::(\d+))?", re.ASCII)


def _forms() -> tuple[Form, ...]:
    """What a URL has to be, in the order in which it is said."""
    schemes = "|".join(re.escape(scheme) for scheme in _TOPOLOGIES)
    names, files = ("|".join(sorted(each)) for each in (_PARAMETERS, _TLS_FILES))
    before, value = r"[^?]*\?(?:.*&)?", r"(?:=.*|&.*|)"
    known = rf"(?:{names})(?:=[^&]*)?"
    # What is no parameter may be part of a password that was not escaped.
    unsafe = r"(?:[^a-z&=][^&=]*|[a-z][^&=]*[^a-z_&=-][^&=]*|[a-z]|[a-z][a-z_-]{41,})(?:=.*|&.*|)|=.*"
    twice = "|".join(rf"{name}(?:=[^&]*)?&(?:.*&)?{name}{value}" for name in sorted(_PARAMETERS))
    port = r"(?:[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])"
    node = rf"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]*)(?::{port})?"
    user, master, database = r"(?:[^/?]*@)?", r"/+[A-Za-z0-9._-]+", r"(?:/*|/+\d+/*)(?:\?.*)?"
    named_twice = "names a host twice; remove one, a majority of Sentinels is counted by them"
    return (
        Matches(
            rf"(?:{schemes})://.*",
            "must be a Redis URL; write it like redis://host:6379/0, rediss://..., unix:///path,"
            " redis+sentinel://host:26379,host:26379/master-name or redis+cluster://host:6379,host:6379",
        ),
        Lacks(r".*#.*", "must have no fragment; write '#' in a password as %23"),
        *(Lacks(rf"{before}{name}{value}", f"has {name}: {advice}") for name, advice in _ADVICE.items()),
        Lacks(rf"{before}(?:{unsafe})", f"has a parameter: {_ONLY}"),
        Lacks(
            rf"[^?]*\?(?:{known}&|&)*([a-z][a-z_-]{{1,40}}){value}",
            f"has ${{1}}: {_ONLY}",
            unless=rf"[^?]*\?&*(?:{known}(?:&+{known})*)?&*",
        ),
        Lacks(rf"{before}(?:{twice})", "has a parameter twice; remove one"),
        Lacks(
            rf"(?:redis|unix)(?:\+[a-z]+)?://{before}(?:{files}){value}",
            "names TLS files without TLS; write rediss:// (rediss+sentinel://, rediss+cluster://)",
        ),
        Lacks(rf"{before}(?:{files})(?:=(?:[^/%].*)?|&.*|)", _ABSOLUTE),
        Lacks(
            rf"[a-z]+(?:\+cluster)?://{before}{SENTINEL_PASSWORD}{value}",
            "has a password for Sentinels and no Sentinels; remove it, or write redis+sentinel://",
        ),
        Lacks(
            rf"{before}db(?:=(?:[^&]*[^0-9&][^&]*)?(?:&.*)?|&.*|)",
            "must have a number as its database; write it like ?db=0",
        ),
        Matches(
            rf"redis.*|unix://{user}/[^?].*",
            "must name a socket by an absolute path; write it like unix:///run/redis.sock",
        ),
        Matches(
            rf"unix:.*|[a-z+]+://{user}{node}(?:,{node})*(?:[/?].*)?",
            "must name its hosts like host:6379, several separated by commas and nothing else; write '@', ':', '/',"
            " '?' and '#' in a password as %40, %3A, %2F, %3F and %23",
        ),
        Lacks(
            r"rediss?://[^/?]*,.*",
            "names several servers; write redis+sentinel:// or redis+cluster:// before them",
        ),
        *(
            DistinctNodes(rf"rediss?\+{topology}://{user}([^/?]*)(?:[/?].*)?", _DEFAULT_PORTS[topology], named_twice)
            for topology in _SEVERAL
        ),
        Matches(
            rf"(?:rediss?(?:\+cluster)?|unix)://.*|rediss?\+sentinel://[^/?]*{master}(?:[/?].*)?",
            "must say which master is meant; write it like redis+sentinel://host:26379/master-name",
        ),
        Matches(
            rf"unix:.*|rediss?(?:\+cluster)?://[^/?]*{database}|rediss?\+sentinel://[^/?]*{master}{database}",
            "must have a number as its database, after a slash; write it like /0",
        ),
        Lacks(
            r"rediss?\+cluster://[^/?]*(?:/+0*[1-9].*|[^?]*\?(?:.*&)?db=0*[1-9].*)",
            "must not choose a database, a Cluster has only the first; remove it",
        ),
    )


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
    require(FORMS, url)
    parts = _split(url)
    topology = _TOPOLOGIES[parts.scheme]
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if not all(query.get(name, "/").startswith("/") for name in _TLS_FILES):
        raise ValueError(_ABSOLUTE)
    if parts.scheme == "unix":
        return RedisAddress(topology, (), url)
    userinfo, at, hosts = parts.netloc.rpartition("@")
    nodes = _nodes(hosts, topology)
    segments = [segment for segment in parts.path.split("/") if segment]
    master = segments.pop(0) if topology == "sentinel" else ""
    database = segments[0] if segments else ""
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


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        raise ValueError("must name its hosts like host:6379, an IPv6 address like [::1]:6379") from None


def _nodes(hosts: str, topology: Topology) -> tuple[Node, ...]:
    matches = [_NODE.fullmatch(host) for host in hosts.split(",")]
    return tuple((match[1].strip("[]"), int(match[2] or _DEFAULT_PORTS[topology])) for match in matches if match)


def _text(node: Node) -> str:
    host, port = node
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


FORMS = _forms()
