"""Where PostgreSQL is, as spans tell it. OpenTelemetry database conventions."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

_PORT = 5432


def server_attributes(dsn: str) -> dict[str, str | int]:
    """``db.*`` and ``server.*`` attributes of a ``postgresql://`` URL; of several hosts the list, without ports."""
    parts = urlsplit(dsn)
    query = parse_qs(parts.query)
    attributes: dict[str, str | int] = {"db.system.name": "postgresql"}
    if name := unquote(parts.path.removeprefix("/")):
        attributes["db.namespace"] = name
    hosts = query["host"][0] if "host" in query else unquote(parts.netloc.rpartition("@")[2])
    if "," in hosts or hosts.startswith("/"):
        return {**attributes, "server.address": hosts}
    return {**attributes, "server.address": parts.hostname or hosts or "localhost", "server.port": parts.port or _PORT}
