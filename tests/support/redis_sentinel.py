"""A master, a replica and three Sentinels, all real, on this machine."""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from valetkey.demo.free_port import LOOPBACK
from valetkey.demo.stores.embedded_redis import EmbeddedRedis, find_redis_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

MASTER_NAME = "valetkey"
SENTINEL_PASSWORD = "sentinels-of-a-test"
_PASSWORD = "servers-of-a-test"
_SENTINELS = 3
_QUORUM = 2
_DOWN_AFTER_MS = 500
_PATIENCE = 60.0


class ReplicatedRedis(EmbeddedRedis):
    """One server, which follows another one if told so."""

    def __init__(self, follows: ReplicatedRedis | None = None) -> None:
        super().__init__()
        self._password = _PASSWORD
        self._follows = follows

    def _prepare(self) -> Sequence[str | Path]:
        command = super()._prepare()
        configuration = self.directory / "configuration"
        follows = f"replicaof {LOOPBACK} {self._follows.port}\n" if self._follows else ""
        configuration.write_text(
            f"{configuration.read_text()}masterauth {self._password}\nrepl-diskless-sync-delay 0\n{follows}"
        )
        return command

    def client(self) -> redis.Redis:
        """A client of this server alone."""
        return redis.Redis.from_url(self.url)


class Sentinel(EmbeddedRedis):
    """One Sentinel."""

    name = "Sentinel"

    def __init__(self, master: ReplicatedRedis) -> None:
        super().__init__()
        self._password = SENTINEL_PASSWORD
        self._master = master

    def _prepare(self) -> Sequence[str | Path]:
        configuration = self.directory / "configuration"
        if not configuration.exists():
            configuration.touch(mode=0o600)
            configuration.write_text(
                f'bind {LOOPBACK}\nport {self.port}\nrequirepass {self._password}\ndir "{self.directory}"\n'
                f"sentinel sentinel-pass {self._password}\n"
                f"sentinel monitor {MASTER_NAME} {LOOPBACK} {self._master.port} {_QUORUM}\n"
                f"sentinel auth-pass {MASTER_NAME} {_PASSWORD}\n"
                f"sentinel down-after-milliseconds {MASTER_NAME} {_DOWN_AFTER_MS}\n"
                f"sentinel failover-timeout {MASTER_NAME} 5000\n"
            )
        return [find_redis_server(), configuration, "--sentinel"]

    def client(self) -> redis.Redis:
        """A client of this Sentinel."""
        return redis.Redis(
            host=LOOPBACK, port=self.port, password=SENTINEL_PASSWORD, retry=Retry(NoBackoff(), retries=0)
        )

    def _is_ready(self) -> bool:
        with self.client() as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False


class EmbeddedSentinels:
    """``first`` is the master at the beginning, ``second`` its replica."""

    def __init__(self) -> None:
        self.first = ReplicatedRedis()
        self.second = ReplicatedRedis(self.first)
        self.sentinels = [Sentinel(self.first) for _ in range(_SENTINELS)]
        self._stack = ExitStack()

    @property
    def url(self) -> str:
        """What a service is told: every Sentinel, with both passwords."""
        nodes = ",".join(f"{LOOPBACK}:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://:{_PASSWORD}@{nodes}/{MASTER_NAME}/0?sentinel-password={SENTINEL_PASSWORD}"

    @property
    def master(self) -> ReplicatedRedis:
        """The master, as the first Sentinel sees it."""
        return self.first if _named_port(self.sentinels[0]) == self.first.port else self.second

    def until_replicas_follow(self) -> None:
        """Wait until every Sentinel knows of the others and of a replica in step, so that one can take over."""
        _until(lambda: all(map(_can_fail_over, self.sentinels)), "the sentinels did not find each other")

    def until_written_twice(self) -> None:
        """Wait until the replica has all that the master has."""
        with self.first.client() as client:
            client.set("written", "twice")
            if not client.wait(1, int(_PATIENCE * 1000)):
                raise TimeoutError("the replica did not follow")

    def until_failed_over(self) -> None:
        """Wait until every Sentinel names the second server."""
        _until(
            lambda: all(_named_port(sentinel) == self.second.port for sentinel in self.sentinels),
            "the sentinels did not promote the replica",
        )

    @contextmanager
    def replica_left_behind(self) -> Iterator[None]:
        """What is written meanwhile never reaches the replica, if the master is gone when this ends."""
        with frozen(self.second):
            with self.first.client() as client:
                client.client_kill_filter(_type="slave")
            yield

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for server in (self.first, self.second, *self.sentinels):
                stack.enter_context(server)
            self.until_replicas_follow()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()


@contextmanager
def frozen(server: EmbeddedRedis) -> Iterator[None]:
    """The server hangs: it keeps its connections and says nothing, until this ends."""
    pid = server.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        if server.pid == pid:
            os.kill(pid, signal.SIGCONT)


def _until(holds: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(otherwise)
        time.sleep(0.05)


def _named_port(sentinel: Sentinel) -> int:
    with sentinel.client() as client:
        _, port = client.execute_command("SENTINEL", "get-master-addr-by-name", MASTER_NAME)
    return int(port)


def _can_fail_over(sentinel: Sentinel) -> bool:
    with sentinel.client() as client:
        state = client.sentinel_master(MASTER_NAME)
        replicas = client.sentinel_slaves(MASTER_NAME)
    return int(state["num-other-sentinels"]) == _SENTINELS - 1 and any(
        replica["master-link-status"] == "ok" and not replica["is_sdown"] for replica in replicas
    )
