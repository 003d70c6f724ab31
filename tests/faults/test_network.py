"""The network that faults are made of does what it is told, and nothing else once it is healed."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from support.tcp_proxy import TcpProxy

SOON = 0.2


async def echo(reader: StreamReader, writer: StreamWriter) -> None:
    while data := await reader.read(1024):
        writer.write(data)
    writer.close()


@pytest.fixture
async def network() -> AsyncIterator[TcpProxy]:
    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with TcpProxy(f"tcp://server@127.0.0.1:{port}") as proxy:
            yield proxy


@asynccontextmanager
async def connected(network: TcpProxy) -> AsyncIterator[tuple[StreamReader, StreamWriter]]:
    parts = urlsplit(network.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def arrives(reader: StreamReader) -> bool:
    try:
        async with asyncio.timeout(SOON):
            return await reader.read(1024) == b"hello"
    except TimeoutError:
        return False


async def test_a_good_network_passes_on_what_is_said(network: TcpProxy) -> None:
    async with connected(network) as (reader, writer):
        writer.write(b"hello")

        assert await arrives(reader)


@pytest.mark.parametrize("hold_up", [TcpProxy.silence, TcpProxy.deafen])
async def test_what_was_held_up_arrives_when_it_is_healed(network: TcpProxy, hold_up: object) -> None:
    assert callable(hold_up)
    async with connected(network) as (reader, writer):
        hold_up(network)
        writer.write(b"hello")
        while_it_lasts = await arrives(reader)
        network.heal()

        assert not while_it_lasts
        assert await reader.read(1024) == b"hello"


async def test_a_cut_ends_every_connection_and_accepts_none_until_it_is_healed(network: TcpProxy) -> None:
    async with connected(network) as (reader, writer):
        writer.write(b"hello")
        assert await arrives(reader)
        network.cut()
        assert not await reader.read(1024)
    async with connected(network) as (reader, writer):
        assert not await reader.read(1024)

    network.heal()

    async with connected(network) as (reader, writer):
        writer.write(b"hello")
        assert await arrives(reader)


@pytest.mark.parametrize("reset", [False, True])
async def test_a_torn_answer_ends_before_its_end(network: TcpProxy, reset: bool) -> None:
    network.tear(1.0, reset=reset)
    received, was_reset = b"", False

    async with connected(network) as (reader, writer):
        writer.write(b"hello" * 100)
        try:
            received = await reader.read(-1)
        except ConnectionResetError:
            was_reset = True

    assert was_reset == reset
    assert len(received) < 500


async def test_it_breaks_off_where_there_is_no_server() -> None:
    async with TcpProxy("tcp://server@127.0.0.1:9") as network, connected(network) as (reader, _):
        assert not await reader.read(1024)
