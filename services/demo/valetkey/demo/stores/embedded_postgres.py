"""A real PostgreSQL for the demo and the tests, with disposable data unless told."""

import os
import secrets
import signal
from collections.abc import Sequence
from pathlib import Path

from valetkey.demo.free_port import LOOPBACK
from valetkey.demo.stores.embedded_server import EmbeddedServer, EmbeddedServerError
from valetkey.demo.stores.launcher import ServerUser, launch, unprivileged_user
from valetkey.demo.stores.postgres_binaries import copy_for_all, installed_binaries, is_open_to_all

_OWNER = "postgres"

# Commits stay synchronous: what was answered must survive `kill`, as it would on a server whose disk does sync.
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "io_method": "sync",
    "jit": "off",
}
# Where the data does not outlive the machine, nothing is forced to disk.
_DISPOSABLE = {"fsync": "off", "full_page_writes": "off"}


class EmbeddedPostgres(EmbeddedServer):
    """PostgreSQL 18 with one superuser, who has a password: any user of this machine can reach a loopback port.

    A directory that already holds its data is used again; ``is_durable`` where that may be after the machine has
    failed. As root it runs as the system user ``nobody``, which must be able to enter the directory.
    """

    name = "PostgreSQL"
    stop_signal = signal.SIGINT
    death_signal = signal.SIGQUIT

    def __init__(self, directory: Path | None = None, *, is_durable: bool = False) -> None:
        super().__init__(directory, user=unprivileged_user())
        self._settings = _SETTINGS if is_durable else {**_SETTINGS, **_DISPOSABLE}

    @property
    def dsn(self) -> str:
        """The address of the database that is always there."""
        return self.dsn_of("postgres")

    def dsn_of(self, database: str) -> str:
        """The address of a database on this server, existing or not."""
        return f"postgresql://{_OWNER}:{self._password}@{LOOPBACK}:{self.port}/{database}"

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    @property
    def _password_file(self) -> Path:
        return self.directory / "password"

    @property
    def _password(self) -> str:
        return self._password_file.read_text()

    def _prepare(self) -> Sequence[str | Path]:
        binaries = self._binaries()
        if not (self._data / "PG_VERSION").exists():
            self._initialise(binaries)
        settings = {**self._settings, "port": str(self.port)}
        return [binaries / "postgres", "-D", self._data, *(f"--{name}={value}" for name, value in settings.items())]

    def _is_ready(self) -> bool:
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        # A killed server leaves its file behind, so the process must be ours.
        return bool(lines) and lines[0] == str(self.pid) and lines[-1].strip() == "ready"

    def _binaries(self) -> Path:
        binaries = installed_binaries()
        if self._user is None:
            return binaries
        if not is_open_to_all(self.directory.parent):
            raise EmbeddedServerError(f"{self.name} cannot run as root, and no other user may enter {self.directory}")
        if is_open_to_all(binaries / "postgres"):
            return binaries
        return copy_for_all(binaries, self.directory / "postgresql")

    def _initialise(self, binaries: Path) -> None:
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(secrets.token_urlsafe(32))
        _give(self._password_file, self._user)
        command: list[str | Path] = [binaries / "initdb", f"--pgdata={self._data}", f"--username={_OWNER}"]
        command += [f"--pwfile={self._password_file}", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-sync", "--no-instructions"]
        # The password is 256 random bits, which iterations cannot make harder to guess.
        command += ["--no-data-checksums", "--set=scram_iterations=1"]
        initdb = launch(command, directory=self.directory, log=self.log, death_signal=signal.SIGKILL, user=self._user)
        try:
            is_created = initdb.wait() == 0
        finally:
            initdb.kill()
        if not is_created:
            raise self._failure("could not create its data directory")


def _give(path: Path, user: ServerUser | None) -> None:
    if user is not None:
        os.chown(path, user.uid, user.gid)
