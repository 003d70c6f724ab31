"""``valetkey doctor`` and ``valetkey config show`` on a Cluster and behind Sentinels."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import redis

from support.operator_cli import Operator
from support.redis_cluster import ClusterNode, EmbeddedCluster
from support.redis_sentinel import SENTINEL_PASSWORD, EmbeddedSentinels, ReplicatedRedis, frozen


@pytest.fixture
def evicting(redis_cluster: EmbeddedCluster) -> Iterator[ClusterNode]:
    """One node of the Cluster that may drop keys."""
    node = redis_cluster.masters[1]
    with node.client() as client:
        client.config_set("maxmemory", "1gb")
        client.config_set("maxmemory-policy", "allkeys-lru")
        yield node
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "0")


def findings_of(operator: Operator, url: str) -> dict[str, dict[str, Any]]:
    outcome = operator.with_variables(redis_url=url).run("doctor", "-o", "json")
    return {found["check"]: found for found in outcome.json}


def test_the_doctor_looks_at_every_master_of_a_cluster(operator: Operator, cluster_url: str) -> None:
    found = findings_of(operator, cluster_url)

    assert found["redis"]["status"] == "ok"
    assert found["redis"]["detail"].startswith("3 masters answered")
    assert "sentinels" not in found


def test_the_doctor_names_the_master_that_may_drop_keys(
    operator: Operator, cluster_url: str, evicting: ClusterNode
) -> None:
    found = findings_of(operator, cluster_url)["redis"]

    assert found["status"] == "warning"
    assert found["detail"] == f"127.0.0.1:{evicting.port} has maxmemory-policy allkeys-lru"
    assert "noeviction" in found["next_step"]


def test_the_doctor_finds_unassigned_slots(operator: Operator, redis_cluster: EmbeddedCluster) -> None:
    node = redis_cluster.masters[0]
    with node.client() as client:
        client.execute_command("CLUSTER", "DELSLOTS", 5)
        try:
            url = redis_cluster.url.partition("@")[0] + f"@127.0.0.1:{node.port}"
            found = findings_of(operator, url)["redis"]
        finally:
            client.execute_command("CLUSTER", "ADDSLOTS", 5)

    assert (found["status"], found["detail"]) == ("failed", "1 slots of the cluster have no master")


@pytest.mark.parametrize(
    ("limit", "status", "detail"),
    [
        (100, "ok", "1% of "),
        (1.8, "warning", "56% of "),
        (1.3, "failed", "77% of "),
        (0, "warning", "without a limit"),
    ],
)
def test_the_doctor_tells_how_full_redis_is(
    operator: Operator, redis_url: str, redis_flusher: redis.Redis, limit: float, status: str, detail: str
) -> None:
    redis_flusher.set("filling", b"x" * (8 << 20))
    memory = redis_flusher.info("memory")
    redis_flusher.config_set("maxmemory", int(memory["used_memory"] * limit))

    try:
        found = findings_of(operator, redis_url)["redis memory"]
    finally:
        redis_flusher.config_set("maxmemory", memory["maxmemory"])
        redis_flusher.flushall()

    assert found["status"] == status
    assert re.sub(r"5[4-7]%", "56%", re.sub(r"7[5-8]%", "77%", found["detail"])).count(detail)
    assert (found["next_step"] is None) == (status == "ok")


@pytest.mark.parametrize(("hung", "status"), [(0, "ok"), (1, "warning"), (2, "failed")])
def test_the_doctor_counts_the_sentinels_that_agree(
    operator: Operator, sentinel_url: str, redis_sentinels: EmbeddedSentinels, hung: int, status: str
) -> None:
    master: ReplicatedRedis = redis_sentinels.master

    with ExitStack() as stack:
        for sentinel in redis_sentinels.sentinels[3 - hung :]:
            stack.enter_context(frozen(sentinel))
        found = findings_of(operator, sentinel_url)
    redis_sentinels.until_replicas_follow()

    assert found["redis"]["status"] == "ok"
    assert found["sentinels"]["status"] == status
    assert found["sentinels"]["detail"].startswith(f"{3 - hung} of 3 name 127.0.0.1:{master.port}")


@pytest.mark.requirement("security 51: no password in what a command shows")
@pytest.mark.parametrize("topology", ["cluster_url", "sentinel_url"])
def test_neither_the_doctor_nor_the_settings_show_a_password(
    operator: Operator, request: pytest.FixtureRequest, topology: str
) -> None:
    url = request.getfixturevalue(topology)
    wrong = url.replace("@", "-canary@")
    passwords = {url.rpartition("@")[0].rpartition(":")[2], SENTINEL_PASSWORD, "canary"}

    shown = operator.with_variables(redis_url=url).json("config", "show", "--service", "cli")
    said = [
        operator.with_variables(redis_url=tried).run(*command)
        for tried in (url, wrong)
        for command in (("doctor",), ("config", "show", "--service", "cli"))
    ]

    text = "".join(outcome.out + outcome.err for outcome in said)
    assert [password for password in passwords if password in text] == []
    assert shown["VALETKEY_REDIS_URL"] == "***"
