"""A Cluster and Sentinels per worker, started by the first test that asks for one."""

from collections.abc import Iterator

import pytest

from support.redis_cluster import EmbeddedCluster
from support.redis_sentinel import EmbeddedSentinels

# Which fixture has the URL of what a test of a contract asks for.
URL_FIXTURES = {"redis": "redis_url", "cluster": "cluster_url", "sentinel": "sentinel_url"}


@pytest.fixture(scope="session")
def redis_cluster() -> Iterator[EmbeddedCluster]:
    """The worker's Cluster, which no test breaks."""
    with EmbeddedCluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def redis_sentinels() -> Iterator[EmbeddedSentinels]:
    """The worker's Sentinels with a master and a replica, which no test breaks."""
    with EmbeddedSentinels() as sentinels:
        yield sentinels


@pytest.fixture
def cluster_url(redis_cluster: EmbeddedCluster) -> str:
    """A Cluster with nothing in it."""
    redis_cluster.flush()
    return redis_cluster.url


@pytest.fixture
def sentinel_url(redis_sentinels: EmbeddedSentinels) -> str:
    """Sentinels whose master has nothing in it."""
    with redis_sentinels.master.client() as client:
        client.flushall()
    return redis_sentinels.url
