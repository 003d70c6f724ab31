"""The files of certificates that connection URLs name: whether they can be used on this machine."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from valetkey.runtime.settings.reader import variable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from valetkey.runtime.settings.settings import Settings

_URLS = ("postgres_dsn", "postgres_listen_dsn", "redis_url")
_AUTHORITIES = ("sslrootcert", "ssl_ca_certs")
_FILES = (*_AUTHORITIES, "sslcrl", "sslcert", "sslkey", "ssl_certfile", "ssl_keyfile")


def tls_file_problems(settings: Settings) -> Iterator[str]:
    """A sentence for each file that drivers could not read."""
    for setting in _URLS:
        url = getattr(settings, setting)
        query = parse_qs(urlsplit(url.reveal()).query) if url.is_set else {}
        for name in _FILES:
            for path in query.get(name, ()):
                if (problem := _problem(name, Path(path))) is not None:
                    yield f"{variable(setting)} has {name}: {problem}"


def _problem(name: str, path: Path) -> str | None:
    try:
        content = path.read_bytes()
    except OSError as error:
        return f"the file cannot be read ({error.strerror}); mount it, or correct the path"
    if b"-----BEGIN " not in content:
        return "the file holds nothing in PEM; convert it with openssl"
    if name in _AUTHORITIES:
        try:
            ssl.create_default_context(cafile=path)
        except ssl.SSLError:
            return "the file holds no certificate; give that of the CA in PEM"
    return None
