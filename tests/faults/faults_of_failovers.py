"""A Redis with a replica and Sentinels, or a Cluster: masters are replaced, slots move."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from faults.fault import Fault
from faults.faults_of_redis import FORGETFUL
from faults.harm import killed
from support.redis_cluster import ClusterNode, EmbeddedCluster
from support.redis_sentinel import EmbeddedSentinels, frozen
from valetkey.storage.redis.kept.keyspace import REVOCATIONS_LOADED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from faults.site import Site

_BETWEEN_MOVES = 0.1


@asynccontextmanager
async def killed_before_it_replicates(site: Site) -> AsyncIterator[None]:
    """What the master acknowledges meanwhile never reaches the replica, which then takes its place."""
    sentinels = site.sentinels
    with sentinels.replica_left_behind():
        yield
        await asyncio.to_thread(sentinels.first.kill)
    await asyncio.to_thread(sentinels.until_failed_over)


@asynccontextmanager
async def hung_until_replaced(site: Site) -> AsyncIterator[None]:
    """The old master wakes up and takes itself for the master until it is told."""
    sentinels = site.sentinels
    with frozen(sentinels.first):
        await asyncio.to_thread(sentinels.until_failed_over)
    yield


def _cluster() -> EmbeddedCluster:
    return EmbeddedCluster(replicas=1)


async def _revocations_at(cluster: EmbeddedCluster, node: ClusterNode) -> None:
    if cluster.owner(REVOCATIONS_LOADED.prefix) is not node:
        await asyncio.to_thread(cluster.move_slot, REVOCATIONS_LOADED.prefix, node)


@asynccontextmanager
async def slot_moved_to_and_fro(site: Site) -> AsyncIterator[None]:
    """The slot of revocations goes from node to node, as when operators share the load anew."""
    is_over = asyncio.Event()

    async def move() -> None:
        for node in itertools.cycle(site.cluster.masters):
            if is_over.is_set():
                return
            await _revocations_at(site.cluster, node)
            await asyncio.sleep(_BETWEEN_MOVES)

    async with asyncio.TaskGroup() as group:
        group.create_task(move())
        try:
            yield
        finally:
            is_over.set()


@asynccontextmanager
async def node_killed_before_it_replicates(site: Site) -> AsyncIterator[None]:
    """The node that has the revocations, and a third of all codes."""
    cluster = site.cluster
    await _revocations_at(cluster, cluster.masters[0])
    with cluster.replica_left_behind():
        yield
        await asyncio.to_thread(cluster.masters[0].kill)
    await asyncio.to_thread(cluster.until_failed_over)


@asynccontextmanager
async def node_hung_until_replaced(site: Site) -> AsyncIterator[None]:
    """The same node, which then wakes up as a master."""
    cluster = site.cluster
    await _revocations_at(cluster, cluster.masters[0])
    with frozen(cluster.masters[0]):
        await asyncio.to_thread(cluster.until_failed_over)
    yield


FAULTS = (
    Fault(
        "sentinels: failed over, acknowledged writes lost",
        killed_before_it_replicates,
        FORGETFUL,
        seconds=1.0,
        redis=EmbeddedSentinels,
    ),
    Fault("sentinels: failed over, the old master wakes up", hung_until_replaced, FORGETFUL, redis=EmbeddedSentinels),
    Fault("cluster: the slot of revocations moves", slot_moved_to_and_fro, seconds=3.0, redis=_cluster),
    Fault(
        "cluster: a node killed, back and empty",
        killed(lambda site: site.cluster.masters[1:2]),
        FORGETFUL,
        redis=_cluster,
    ),
    Fault(
        "cluster: failed over, acknowledged writes lost",
        node_killed_before_it_replicates,
        FORGETFUL,
        seconds=1.0,
        redis=_cluster,
    ),
    Fault("cluster: failed over, the old master wakes up", node_hung_until_replaced, FORGETFUL, redis=_cluster),
)
