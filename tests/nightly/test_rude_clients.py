"""Slow, endless, huge and deaf clients at every service, in processes of their own: bounded, and nobody else waits."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import psutil
import pytest

from support import rude_clients as rude
from support.eventually import eventually
from support.fleet import Fleet
from support.fleet_of_processes import fleet_of_processes
from support.raw_connection import RawConnection
from support.rude_clients import Behaviour, Outcome, Target

SERVICES = ("authorize", "token", "introspection")
CROWD = 40
IDLE = 2000
SECONDS = 30.0
# What a crowd, or an idle connection, may add to a process; what a leak of its bodies or answers adds is far more.
CROWD_BYTES = 48 << 20
IDLE_BYTES = 24 << 10
SETTINGS = {
    "body_timeout": "1s",
    "keepalive_timeout": "2s",
    "log_level": "error",
    "interactions_per_address": "10000000",
    # All of them come from here.
    "connections_per_address": "10000",
}
pytestmark = [pytest.mark.slow, pytest.mark.requirement("security 47: slow, endless and huge requests are bounded")]


@dataclass(frozen=True, slots=True)
class Case:
    """A behaviour, and how it may end: with one of these statuses, or, None, without an answer.

    The kernel takes an answer back from whoever is still sending when the connection is closed.
    """

    behaviour: Behaviour
    outcomes: frozenset[Outcome]
    grown: int


def case(behaviour: Behaviour, *outcomes: Outcome, grown: int = CROWD_BYTES) -> Any:  # noqa: ANN401 - pytest does not export what param returns
    return pytest.param(Case(behaviour, frozenset(outcomes), grown), id=behaviour.__name__)


PAGE = 0  # stands for the status of the service's page
CASES = [
    case(rude.says_nothing, None),
    case(rude.sends_a_head_byte_by_byte, None),
    case(rude.sends_a_second_head_byte_by_byte, None),
    case(rude.sends_headers_without_end, 400, None),
    case(rude.sends_a_header_without_end, 400, None),
    case(rude.sends_a_header_name_without_end, 400, None),
    case(rude.sends_a_cookie_without_end, 400, None),
    case(rude.sends_an_address_without_end, 400, None),
    case(rude.sends_a_method_without_end, 400, None),
    case(rude.sends_a_body_byte_by_byte, 400),
    case(rude.sends_chunks_byte_by_byte, 400),
    case(rude.sends_chunks_without_end, 413, None),
    case(rude.sends_a_chunk_size_without_end, 400, None),
    case(rude.sends_trailers_without_end, 400, None),
    case(rude.announces_a_huge_body, 413, None),
    case(rude.sends_a_body_where_none_is_read, PAGE, None),
    case(rude.sends_a_body_to_nowhere, 404, None),
    case(rude.upgrades_and_goes_on, PAGE, None),
    case(rude.is_idle, PAGE),
    case(rude.hangs_up_in_the_middle, None),
    case(rude.asks_without_reading, None),
    case(rude.asks_a_lot_and_reads_nothing, None),
]


@pytest.fixture(scope="module")
def crowded() -> Iterator[Fleet]:
    """Services that lose patience soon."""
    with fleet_of_processes(**SETTINGS) as fleet:
        yield fleet


@dataclass(frozen=True, slots=True)
class Scene:
    """One service: what the rude ask it, what a well-behaved client asks it, and its process."""

    target: Target
    calm: bytes
    calm_status: int
    process: psutil.Process

    @property
    def connections(self) -> int:
        """Connections that the process holds for clients."""
        port = urlsplit(self.target.url).port
        found = self.process.net_connections("tcp")
        return sum(each.status != psutil.CONN_LISTEN and each.laddr.port == port for each in found)

    @asynccontextmanager
    async def calm_client(self) -> AsyncIterator[Counter[int | None]]:
        """The statuses that a client gets meanwhile, which asks one thing after the other and reads every answer."""
        answers: Counter[int | None] = Counter()

        async def ask() -> None:
            connection = await RawConnection.open(self.target.url)
            try:
                while True:
                    connection.send(self.calm)
                    answers[await connection.status()] += 1
                    await asyncio.sleep(0.01)
            finally:
                connection.abort()

        asking = asyncio.create_task(ask())
        try:
            yield answers
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)


@pytest.fixture
async def scene(crowded: Fleet, service: str) -> AsyncIterator[Scene]:
    async with scene_of(crowded, service) as scene:
        yield scene


@pytest.fixture
async def scenes(crowded: Fleet) -> AsyncIterator[dict[str, Scene]]:
    """Each service at once: most of what is rude is waiting."""
    async with AsyncExitStack() as stack:
        yield {service: await stack.enter_async_context(scene_of(crowded, service)) for service in SERVICES}


@asynccontextmanager
async def scene_of(crowded: Fleet, service: str) -> AsyncIterator[Scene]:
    system = crowded.system
    party, machine = await crowded.new_party(), await crowded.new_machine()
    query = urlencode(party.request_params(secrets.token_urlsafe(48)))
    grant = urlencode({"grant_type": "client_credentials"}).encode()
    sent = [f"{name}: {value}".encode() for name, value in machine.credentials()[0].items()]
    pages = {"authorize": (b"/login", 400), "token": (b"/token", 405), "introspection": (b"/jwks", 200)}
    forms = {"authorize": b"/authorize", "token": b"/token", "introspection": b"/introspect"}
    target = Target(system.urls[service][0], *pages[service], forms[service])
    calm = {
        "authorize": (b"GET /authorize?%b HTTP/1.1\r\nHost: x\r\n\r\n" % query.encode(), 303),
        "token": (target.post(*sent, b"Content-Length: %d" % len(grant)) + grant, 200),
        "introspection": (target.get(), 200),
    }
    port = urlsplit(target.url).port
    (process,) = [
        child
        for child in psutil.Process().children()
        if any(each.laddr.port == port and each.status == psutil.CONN_LISTEN for each in child.net_connections("tcp"))
    ]
    yield Scene(target, *calm[service], process)
    for each in (party, machine):
        await each.browser.close()


@asynccontextmanager
async def dialled(scene: Scene, number: int, receive_buffer: int | None = None) -> AsyncIterator[list[RawConnection]]:
    """Connections that are closed at the end, and not before."""
    made: list[RawConnection] = []
    try:
        for _ in range(number):
            made.append(await RawConnection.open(scene.target.url, receive_buffer=receive_buffer))  # noqa: PERF401 - kept
        yield made
    finally:
        for connection in made:
            connection.abort()
        await asyncio.sleep(0)


async def served(answers: Counter[int | None]) -> None:
    """Wait until the calm client has been answered more than once."""

    async def is_served() -> bool:
        return answers.total() > 1

    await eventually(is_served)


async def left_alone(scene: Scene) -> None:
    """Wait until the process has given up every connection but that of the calm client."""

    async def is_alone() -> bool:
        return scene.connections <= 1

    await eventually(is_alone, SECONDS)


@dataclass(frozen=True, slots=True)
class Aftermath:
    """How the rude ended, what the calm client was answered, and by how many bytes the process grew."""

    outcomes: set[Outcome]
    answers: set[int | None]
    grown: int


async def visited(scene: Scene, behaviour: Behaviour) -> Aftermath:
    """A crowd comes, behaves like that, and is gone."""
    deaf = behaviour in {rude.asks_without_reading, rude.asks_a_lot_and_reads_nothing}
    before = scene.process.memory_info().rss
    async with scene.calm_client() as answers, dialled(scene, CROWD, 4096 if deaf else None) as crowd:
        async with asyncio.timeout(SECONDS):
            outcomes = await asyncio.gather(*(behaviour(each, scene.target) for each in crowd))
        await left_alone(scene)
        grown = scene.process.memory_info().rss - before
        await served(answers)
    return Aftermath(set(outcomes), set(answers), grown)


@pytest.mark.parametrize("rudeness", CASES)
async def test_a_crowd_of_rude_clients_is_sent_away_and_a_calm_one_is_served(
    scenes: dict[str, Scene], rudeness: Case
) -> None:
    found = await asyncio.gather(*(visited(scene, rudeness.behaviour) for scene in scenes.values()))

    for (service, scene), aftermath in zip(scenes.items(), found, strict=True):
        expected = {scene.target.page_status if outcome == PAGE else outcome for outcome in rudeness.outcomes}
        assert aftermath.outcomes <= expected, service
        assert aftermath.answers == {scene.calm_status}, service
        assert aftermath.grown < rudeness.grown, service


@pytest.mark.parametrize("service", SERVICES)
async def test_thousands_of_idle_connections_cost_little_and_end(scene: Scene) -> None:
    before = scene.process.memory_info().rss

    async with scene.calm_client() as answers, dialled(scene, IDLE) as idle:
        for connection in idle:
            connection.send(scene.target.get())
        statuses = Counter([await connection.status() for connection in idle])
        grown = scene.process.memory_info().rss - before
        await left_alone(scene)

    assert set(statuses) <= {scene.target.page_status, None}
    assert set(answers) == {scene.calm_status}
    assert grown < IDLE * IDLE_BYTES


async def exchange(url: str, data: bytes) -> bytes:
    """What a server says to these bytes until it closes."""
    connection = await RawConnection.open(url)
    try:
        connection.send(data)
        return await connection.rest()
    finally:
        connection.abort()


@pytest.mark.parametrize("service", SERVICES)
async def test_http_1_0_is_answered_and_closed(scene: Scene) -> None:
    answer = await exchange(scene.target.url, scene.target.get(version=b"1.0"))

    assert answer.startswith(b"HTTP/1.0 %d " % scene.target.page_status)


@pytest.mark.parametrize("service", SERVICES)
async def test_a_client_that_waits_for_100_is_told_to_continue_and_answered(scene: Scene) -> None:
    head = scene.target.post(b"Expect: 100-continue", b"Content-Length: 3", b"Connection: close")

    answer = await exchange(scene.target.url, head + b"a=b")

    interim, _, final = answer.partition(b"\r\n\r\n")
    assert interim == b"HTTP/1.1 100 Continue"
    assert final.startswith(b"HTTP/1.1 40")


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("path", ["page", "nowhere"])
async def test_another_expectation_is_refused_without_repeating_it(scene: Scene, path: str) -> None:
    target = scene.target
    request = target.get(b"Expect: c4n4ry", b"Connection: close")

    answer = await exchange(target.url, request if path == "page" else request.replace(target.page, b"/nowhere", 1))

    assert answer.startswith(b"HTTP/1.1 417 ")
    assert b"c4n4ry" not in answer
    assert b"X-Content-Type-Options: nosniff" in answer


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    "headers",
    [
        (b"Content-Length: 3", b"Transfer-Encoding: chunked"),
        (b"Transfer-Encoding: chunked", b"Content-Length: 3"),
        (b"Content-Length: 3", b"Content-Length: 3"),
        (b"Content-Length: 3, 3",),
        (b"Content-Length: +3",),
        (b"Content-Length: -3",),
        (b"Content-Length: 0x3",),
        (b"Transfer-Encoding: identity",),
        (b"Transfer-Encoding: chunked, identity",),
        (b"Transfer-Encoding: xchunked",),
        (b"Transfer-Encoding : chunked",),
        (b"Content-Length: 3", b" folded: 1"),
    ],
    ids=lambda headers: b" and ".join(headers).decode(),
)
async def test_a_body_whose_end_could_be_argued_about_is_refused(scene: Scene, headers: tuple[bytes, ...]) -> None:
    answer = await exchange(scene.target.url, scene.target.post(*headers) + b"0\r\n\r\nGET /c4n4ry HTTP/1.1\r\n\r\n")

    assert answer.split(b" ")[1] == b"400"
    assert answer.count(b"HTTP/1.") == 1


@pytest.mark.parametrize("service", SERVICES)
async def test_pipelined_requests_are_answered_in_turn(scene: Scene) -> None:
    target = scene.target

    answer = await exchange(target.url, target.get() * 200 + target.get(b"Connection: close"))

    assert answer.count(b"HTTP/1.1 %d " % target.page_status) == 201
