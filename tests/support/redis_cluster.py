"""A Redis Cluster of real servers on this machine: masters with all slots, and replicas where a test wants them."""

from __future__ import annotations

import secrets
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Self

import redis
from redis.crc import key_slot

from support.redis_sentinel import frozen
from valetkey.demo.free_port import LOOPBACK, free_port, hold_port, release_port
from valetkey.demo.stores.embedded_redis import EmbeddedRedis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

SLOTS = 16384
_NODE_TIMEOUT_MS = 1000
_BUS = 10_000
_PATIENCE = 60.0


class ClusterNode(EmbeddedRedis):
    """One server of a Cluster, which all share a password."""

    def __init__(self, password: str) -> None:
        super().__init__()
        self._password = password

    def _find_port(self) -> int:
        # Redis 6 has its bus there, and nowhere else.
        port = free_port(beside=[_BUS])
        hold_port(port + _BUS)
        return port

    def close(self) -> None:
        """Stop for good, and let others have both ports."""
        super().close()
        release_port(self.port + _BUS)

    def _prepare(self) -> Sequence[str | Path]:
        command = super()._prepare()
        configuration = self.directory / "configuration"
        configuration.write_text(
            f"{configuration.read_text()}cluster-enabled yes\n"
            f"cluster-node-timeout {_NODE_TIMEOUT_MS}\nmasterauth {self._password}\n"
            "cluster-require-full-coverage no\nrepl-diskless-sync-delay 0\n"
        )
        return command

    def client(self) -> redis.Redis:
        """A client of this node alone."""
        return redis.Redis.from_url(self.url)


class EmbeddedCluster:
    """Three masters. ``replicas`` is how many more servers follow the first of them."""

    def __init__(self, masters: int = 3, replicas: int = 0) -> None:
        self._password = secrets.token_urlsafe(32)
        self.masters = [ClusterNode(self._password) for _ in range(masters)]
        self.replicas = [ClusterNode(self._password) for _ in range(replicas)]
        self._stack = ExitStack()

    @property
    def url(self) -> str:
        """What a service is told: every node, with the password."""
        nodes = ",".join(f"{LOOPBACK}:{node.port}" for node in self.masters)
        return f"redis+cluster://:{self._password}@{nodes}"

    def owner(self, key: str) -> ClusterNode:
        """The node that has this key."""
        with self.masters[-1].client() as client:
            for start, end, (_, port, *_), *_ in client.execute_command("CLUSTER", "SLOTS"):
                if start <= key_slot(key.encode()) <= end:
                    return next(node for node in (*self.masters, *self.replicas) if node.port == port)
        raise LookupError(key)

    def flush(self) -> None:
        """Forget everything."""
        for node in self.masters:
            with node.client() as client:
                client.flushall()

    def move_slot(self, key: str, to: ClusterNode) -> None:
        """Move the slot of ``key`` with everything in it, as operators do."""
        slot, home = key_slot(key.encode()), self.owner(key)
        with home.client() as source, to.client() as target:
            source_id, target_id = (client.execute_command("CLUSTER", "MYID") for client in (source, target))
            target.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
            source.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
            while keys := source.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 100):
                source.execute_command("MIGRATE", LOOPBACK, to.port, "", 0, 5000, "AUTH", self._password, "KEYS", *keys)
            for client in (target, source):
                client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", target_id)

    def until_failed_over(self) -> None:
        """Wait until every other master has heard that the first replica has the place of the first master."""
        successor = _id_of(self.replicas[0])
        _until(lambda: all(_is_master(node, successor) for node in self.masters[1:]), "no replica took over")

    @contextmanager
    def replica_left_behind(self) -> Iterator[None]:
        """What the first master takes meanwhile never reaches its replica, if the master is gone when this ends."""
        with frozen(self.replicas[0]):
            with self.masters[0].client() as client:
                client.client_kill_filter(_type="slave")
            yield

    def until_epochs_are_known(self) -> None:
        """Wait until every node has heard of the latest epoch, which takes less than a failover."""
        _until(lambda: len({_info(node)["cluster_current_epoch"] for node in self.masters}) == 1)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for node in (*self.masters, *self.replicas):
                stack.enter_context(node)
            self._join()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def _join(self) -> None:
        share = SLOTS // len(self.masters)
        nodes = (*self.masters, *self.replicas)
        for number, node in enumerate(self.masters):
            end = SLOTS if number == len(self.masters) - 1 else (number + 1) * share
            with node.client() as client:
                client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
                client.execute_command("CLUSTER", "ADDSLOTS", *range(number * share, end))
        with self.masters[0].client() as first:
            for node in nodes[1:]:
                first.execute_command("CLUSTER", "MEET", LOOPBACK, node.port)
            master_id = first.execute_command("CLUSTER", "MYID")
        for node in self.replicas:
            _until(partial(_knows, node, len(nodes)))
            with node.client() as client:
                client.execute_command("CLUSTER", "REPLICATE", master_id)
            _until(partial(_is_in_step, node))
        for node in nodes:
            _until(partial(_is_whole, node, len(nodes)))


def _info(node: ClusterNode) -> dict[str, str]:
    with node.client() as client:
        return dict(client.cluster("INFO"))


def _knows(node: ClusterNode, nodes: int) -> bool:
    return _info(node)["cluster_known_nodes"] == str(nodes)


def _is_whole(node: ClusterNode, nodes: int) -> bool:
    info = _info(node)
    return _knows(node, nodes) and info["cluster_state"] == "ok" and info["cluster_slots_ok"] == str(SLOTS)


def _is_in_step(node: ClusterNode) -> bool:
    with node.client() as client:
        return bool(client.info("replication").get("master_link_status") == "up")


def _id_of(node: ClusterNode) -> str:
    with node.client() as client:
        return str(client.execute_command("CLUSTER", "MYID").decode())


def _is_master(node: ClusterNode, which: str) -> bool:
    with node.client() as client:
        nodes = client.cluster("NODES")
    return any(known["node_id"] == which and "master" in known["flags"] for known in nodes.values())


def _until(holds: Callable[[], bool], otherwise: str = "the cluster did not form") -> None:
    deadline = time.monotonic() + _PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(otherwise)
        time.sleep(0.05)
