"""A real PgBouncer in transaction mode before a PostgreSQL of the tests."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from support.database_roles import NAMES
from valetkey.demo.free_port import LOOPBACK
from valetkey.demo.stores.embedded_server import EmbeddedServer
from valetkey.demo.stores.launcher import unprivileged_user

if TYPE_CHECKING:
    from collections.abc import Sequence


class PgBouncer(EmbeddedServer):
    """Every role that the tests have comes in with its own password, and shares a few connections.

    ``pool_size`` is for each pair of role and database.
    """

    name = "PgBouncer"
    stop_signal = signal.SIGINT
    death_signal = signal.SIGKILL

    def __init__(self, postgres_dsn: str, *, pool_size: int = 2, certificate: Path | None = None) -> None:
        super().__init__(user=unprivileged_user())
        self._certificate = certificate
        self._upstream = urlsplit(postgres_dsn)
        self._pool_size = pool_size

    def dsn_of(self, postgres_dsn: str) -> str:
        """The same database and role, through the pooler."""
        parts = urlsplit(postgres_dsn)
        return urlunsplit(parts._replace(netloc=f"{parts.username}:{parts.password}@{LOOPBACK}:{self.port}"))

    def _prepare(self) -> Sequence[str | Path]:
        users = self.directory / "users"
        configuration = self.directory / "pgbouncer.ini"
        names = ["postgres", *(f"valetkey_{name}" for name in NAMES)]
        users.write_text("".join(f'"{name}" "{self._upstream.password}"\n' for name in names))
        configuration.write_text(
            "[databases]\n"
            f"* = host={self._upstream.hostname} port={self._upstream.port}\n"
            "[pgbouncer]\n"
            f"listen_addr = {LOOPBACK}\n"
            f"listen_port = {self.port}\n"
            "unix_socket_dir =\n"
            "auth_type = scram-sha-256\n"
            f"auth_file = {users}\n"
            "pool_mode = transaction\n"
            f"default_pool_size = {self._pool_size}\n"
            "max_client_conn = 500\n"
            # A connection that has met an error with the server tries again at once.
            "server_login_retry = 0.1\n" + self._tls()
        )
        for path in (users, configuration):
            path.chmod(0o600)
            if self._user is not None:
                os.chown(path, self._user.uid, self._user.gid)
        program = find_pgbouncer()
        assert program is not None
        return [program, "-q", configuration]

    def _tls(self) -> str:
        if self._certificate is None:
            return ""
        certificate, key = self.directory / "server.pem", self.directory / "server.key"
        certificate.write_bytes(self._certificate.read_bytes())
        key.write_bytes(self._certificate.with_suffix(".key").read_bytes())
        key.chmod(0o600)
        if self._user is not None:
            os.chown(key, self._user.uid, self._user.gid)
        return f"client_tls_sslmode = require\nclient_tls_key_file = {key}\nclient_tls_cert_file = {certificate}\n"

    def _is_ready(self) -> bool:
        with suppress(ConnectionRefusedError), socket.create_connection((LOOPBACK, self.port), timeout=1):
            return True
        return False


def find_pgbouncer() -> str | None:
    """The program, where this machine has it; Debian keeps it where only administrators look."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin")
