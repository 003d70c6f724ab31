"""Servers on the loopback address that speak TLS."""

from pathlib import Path
from ssl import SSLContext

from valetkey.demo.certificate import make_certificate, serving


def serve_tls(path: Path) -> SSLContext:
    """What a server needs that has a new certificate, which is written to ``path``."""
    make_certificate(path)
    return serving(path)
