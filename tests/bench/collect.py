"""Asks many things at once and keeps the answers: for what must be there before anything is measured."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from bench.exchange import FAILURES, require

_AT_ONCE = 32


async def collect(url: str, requests: Sequence[bytes], status: int = 200) -> list[bytes]:
    """The bodies of the answers, in the order of the requests. Raises the first of ``FAILURES``."""
    bodies = [b""] * len(requests)
    numbered = iter(enumerate(requests))
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(_AT_ONCE, len(requests))):
                group.create_task(_ask(url, numbered, bodies, status))
    except* FAILURES as failed:
        raise failed.exceptions[0] from None
    return bodies


async def _ask(url: str, numbered: Iterator[tuple[int, bytes]], bodies: list[bytes], status: int) -> None:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        for number, request in numbered:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
            bodies[number] = await reader.readexactly(int(length or 0))
            require(int(head[9:12]) == status, int(head[9:12]), bodies[number])
    finally:
        writer.close()
        await writer.wait_closed()
