"""Whether Redis is there: the server, every master of a Cluster, or the master and the Sentinels that name it."""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from valetkey.administration.diagnosis.finding import Finding, doubtful, skipped, unwell, well
from valetkey.administration.store_causes import cause_of
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.runtime.settings.redis_address import Node
from valetkey.runtime.settings.settings import Settings
from valetkey.storage.redis.client.cluster import ClusterRedis
from valetkey.storage.redis.client.connection import MasterConnectionPool, connect
from valetkey.storage.redis.client.errors import redis_operation
from valetkey.storage.redis.client.memory import fullest, memory_of

_CLUSTER = "Give every slot to a master that runs: `redis-cli --cluster check`."
_MEMORY = "Set maxmemory-policy noeviction: until then introspection asks PostgreSQL."
_LIMIT = "Set maxmemory below what its container has, and maxmemory-policy noeviction: else nothing has a reserve."
_FULL = "Give it more memory, and find out who fills it: runbook ValetkeyRedisFilling."
_MUCH = 0.7
_MAJORITY = "Check that VALETKEY_REDIS_URL names every Sentinel and their master, and that a majority runs."
_SENTINEL = "Start it, or take it out of VALETKEY_REDIS_URL: a majority is counted by what that names."


async def examine_redis(settings: Settings) -> list[Finding]:
    """Connection to every master, that none of them drops keys or is nearly full, and that Sentinels agree."""
    if not settings.redis_url.is_set:
        advice = "Set VALETKEY_REDIS_URL: commands that end sessions, users or clients need it."
        return [skipped("redis", "VALETKEY_REDIS_URL is not set", advice)]
    redis = connect(settings.redis_url.reveal(), timeout=timedelta(seconds=settings.redis_timeout), max_connections=1)
    try:
        return [await _masters(redis), *await _memory(redis, settings.redis_reserve), *await _sentinels(redis)]
    finally:
        await redis.aclose()


async def _masters(redis: Redis) -> Finding:
    started = time.perf_counter()
    missing, evicting = 0, {}
    try:
        with redis_operation("ping"):
            clients = {"": redis}
            if isinstance(redis, ClusterRedis):
                nodes, missing = await redis.nodes.masters()
                clients = {f"{_text(node)} ": redis.nodes.client(node) for node in sorted(nodes)}
            for name, client in clients.items():
                await client.ping()
                if policy := await _policy_that_drops(client):
                    evicting[name] = policy
    except TemporarilyUnavailable as error:
        cause = cause_of(error)
        return unwell("redis", cause.detail, cause.next_step)
    if missing:
        return unwell("redis", f"{missing} slots of the cluster have no master", _CLUSTER)
    if evicting:
        return doubtful("redis", ", ".join(f"{name}has {policy}" for name, policy in evicting.items()), _MEMORY)
    masters = f"{len(clients)} masters " if isinstance(redis, ClusterRedis) else ""
    return well("redis", f"{masters}answered in {(time.perf_counter() - started) * 1000:.0f} ms")


async def _policy_that_drops(client: Redis) -> str | None:
    try:
        memory = await memory_of(client)
    except ResponseError:
        return "no permission to tell its maxmemory-policy (INFO)"
    return f"maxmemory-policy {memory.policy}" if memory.most and not memory.is_limited else None


async def _memory(redis: Redis, reserve: float) -> list[Finding]:
    """How full it is, and whether other writes have reached the memory reserved for revocations."""
    try:
        with redis_operation("memory"):
            memory = await fullest(redis)
    except (TemporarilyUnavailable, ResponseError):
        # Said already.
        return []
    if not memory.most:
        return [doubtful("redis memory", f"{memory.used >> 20} MiB, without a limit", _LIMIT)]
    detail = f"{memory.share:.0%} of {memory.most >> 20} MiB"
    if not memory.is_limited:
        return []
    begins_until = 1 - 1.5 * reserve
    if memory.share >= begins_until:
        return [unwell("redis memory", f"{detail}: no login begins from {begins_until:.0%} on", _FULL)]
    if memory.share >= _MUCH * begins_until:
        return [doubtful("redis memory", f"{detail}: no login begins from {begins_until:.0%} on", _FULL)]
    return [well("redis memory", detail)]


async def _sentinels(redis: Redis) -> list[Finding]:
    pool = redis.connection_pool
    if not isinstance(pool, MasterConnectionPool):
        return []
    opinions = await pool.sentinels.opinions()
    named = Counter(master for master in opinions.values() if master is not None)
    master, votes = named.most_common(1)[0] if named else (("", 0), 0)
    detail = f"{votes} of {len(opinions)} name {_text(master)}" if named else "none of them names a master"
    if 2 * votes <= len(opinions):
        return [unwell("sentinels", detail, _MAJORITY)]
    if others := [_text(sentinel) for sentinel, opinion in opinions.items() if opinion != master]:
        return [doubtful("sentinels", f"{detail}; not {', '.join(others)}", _SENTINEL)]
    return [well("sentinels", detail)]


def _text(node: Node) -> str:
    return f"{node[0]}:{node[1]}"
