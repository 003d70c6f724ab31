"""A few addresses with slow connections do not keep a service from the others: real processes, as they are deployed."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from support.abusive_clients import Target
from support.fleet import Fleet
from support.fleet_of_processes import fleet_of_processes
from support.raw_connection import RawConnection

# As an outside attack found it: eighty slow connections of one address.
CONNECTIONS, SLOW = 80, 80
POLITE, GREEDY = "127.0.0.1", ("127.0.0.2", "127.0.0.3", "127.0.0.4")
ASKED, PROMPTLY_SECONDS = 40, 1.0
SETTINGS = {"max_connections": str(CONNECTIONS), "log_level": "error"}
TARGETS = {
    "authorize": (b"/login", 400, b"/authorize"),
    "token": (b"/token", 405, b"/token"),
    "introspection": (b"/jwks", 200, b"/introspect"),
}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.requirement("security 55c: one address cannot hold every connection of a process"),
]


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    """Services with as many connections as the attack makes."""
    with fleet_of_processes(**SETTINGS) as fleet:
        yield fleet


@dataclass(frozen=True, slots=True)
class Answers:
    """What a polite client was told, and how long the slowest answer took."""

    statuses: Counter[int | None]
    slowest: float


@asynccontextmanager
async def besieged(target: Target, first: bytes, addresses: tuple[str, ...]) -> AsyncIterator[None]:
    """While it lasts, each of these addresses has begun eighty connections and goes no further."""
    made: list[RawConnection] = []
    try:
        for address in addresses:
            for _ in range(SLOW):
                connection = await RawConnection.open(target.url, local=address)
                made.append(connection)
                connection.send(first)
        yield
    finally:
        for connection in made:
            connection.abort()
        await asyncio.sleep(0)


async def ask(target: Target) -> Answers:
    """One request after the other, each over a connection of its own."""
    statuses, slowest = Counter[int | None](), 0.0
    for _ in range(ASKED):
        started = time.perf_counter()
        connection = await RawConnection.open(target.url, local=POLITE)
        connection.send(target.get(b"Connection: close"))
        statuses[await connection.status()] += 1
        slowest = max(slowest, time.perf_counter() - started)
        connection.abort()
    return Answers(statuses, slowest)


@pytest.mark.parametrize("addresses", [GREEDY[:1], GREEDY], ids=["one address", "three addresses"])
@pytest.mark.parametrize("behaviour", ["says nothing", "sends a head slowly", "sends a body slowly"])
@pytest.mark.parametrize("service", list(TARGETS))
async def test_another_address_is_served_promptly_and_never_refused(
    fleet: Fleet, service: str, behaviour: str, addresses: tuple[str, ...]
) -> None:
    target = Target(fleet.system.urls[service][0], *TARGETS[service])
    first = {
        "says nothing": b"",
        "sends a head slowly": target.get()[:-2] + b"X-Slow: ",
        "sends a body slowly": target.post(b"Content-Length: 60000") + b"a=",
    }[behaviour]

    async with besieged(target, first, addresses):
        answers = await ask(target)

    assert answers.statuses == {target.page_status: ASKED}
    assert answers.slowest < PROMPTLY_SECONDS


@pytest.mark.parametrize("service", list(TARGETS))
async def test_the_address_itself_is_told_to_come_back(fleet: Fleet, service: str) -> None:
    target = Target(fleet.system.urls[service][0], *TARGETS[service])

    async with besieged(target, b"", GREEDY[:1]):
        refused = await RawConnection.open(target.url, local=GREEDY[0])
        answer = await refused.head()
        refused.abort()

    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
