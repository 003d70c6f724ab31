"""Connections that died while idle cause no error, in every topology of Redis."""

import asyncio
from collections.abc import Iterator

import pytest
import redis

from support.redis_topologies import URL_FIXTURES
from valetkey.storage.redis.client import connection
from valetkey.storage.redis.client.connection import connect

KEYS = [f"key-{number}" for number in range(24)]


@pytest.fixture(params=sorted(URL_FIXTURES))
def url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(URL_FIXTURES[request.param]))


@pytest.fixture
def servers(url: str, request: pytest.FixtureRequest) -> Iterator[list[redis.Redis]]:
    """A client of every server that holds data."""
    if url.startswith("redis+cluster:"):
        clients = [node.client() for node in request.getfixturevalue("redis_cluster").masters]
    elif url.startswith("redis+sentinel:"):
        clients = [request.getfixturevalue("redis_sentinels").master.client()]
    else:
        clients = [redis.Redis.from_url(url)]
    yield clients
    for client in clients:
        client.close()


@pytest.mark.parametrize("idle_before_proof", [0.01, 10.0], ids=["asked first", "found closed"])
async def test_connections_that_servers_have_closed_are_replaced_before_anything_is_sent(
    url: str, servers: list[redis.Redis], monkeypatch: pytest.MonkeyPatch, idle_before_proof: float
) -> None:
    monkeypatch.setattr(connection, "_IDLE_BEFORE_PROOF", idle_before_proof)
    async with connect(url) as client:
        await asyncio.gather(*(client.set(key, key) for key in KEYS))
        closed = sum(server.client_kill_filter(_type="normal") for server in servers)
        await asyncio.sleep(0.05)

        answers = await asyncio.gather(*(client.get(key) for key in KEYS))

    assert closed >= 2
    assert answers == [key.encode() for key in KEYS]
