"""Slow, endless, huge and deaf clients at every service, in separate processes: bounded, and no other client waits."""

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

from support import abusive_clients as abusive
from support.abusive_clients import Behaviour, Outcome, Target
from support.eventually import eventually
from support.fleet import Fleet
from support.fleet_of_processes import fleet_of_processes
from support.raw_connection import RawConnection

SERVICES = ("authorize", "token", "introspection")
MANY = 40
IDLE = 2000
SECONDS = 30.0
# What many clients, or an idle connection, may add to a process; what a leak of its bodies or answers adds is far more.
MANY_BYTES = 48 << 20
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

    The kernel discards an answer to a client that is still sending when the connection is closed.
    """

    behaviour: Behaviour
    outcomes: frozenset[Outcome]
    grown: int


def case(behaviour: Behaviour, *outcomes: Outcome, grown: int = MANY_BYTES) -> Any:  # noqa: ANN401 - pytest does not export what param returns
    return pytest.param(Case(behaviour, frozenset(outcomes), grown), id=behaviour.__name__)


PAGE = 0  # stands for the status of the service's page
CASES = [
    case(abusive.says_nothing, None),
    case(abusive.sends_a_head_byte_by_byte, None),
    case(abusive.sends_a_second_head_byte_by_byte, None),
    case(abusive.sends_headers_without_end, 400, None),
    case(abusive.sends_a_header_without_end, 400, None),
    case(abusive.sends_a_header_name_without_end, 400, None),
    case(abusive.sends_a_cookie_without_end, 400, None),
    case(abusive.sends_an_address_without_end, 400, None),
    case(abusive.sends_a_method_without_end, 400, None),
    case(abusive.sends_a_body_byte_by_byte, 400),
    case(abusive.sends_chunks_byte_by_byte, 400),
    case(abusive.sends_chunks_without_end, 413, None),
    case(abusive.sends_a_chunk_size_without_end, 400, None),
    case(abusive.sends_trailers_without_end, 400, None),
    case(abusive.announces_a_huge_body, 413, None),
    case(abusive.sends_a_body_where_none_is_read, PAGE, None),
    case(abusive.sends_a_body_to_nowhere, 404, None),
    case(abusive.upgrades_and_goes_on, PAGE, None),
    case(abusive.is_idle, PAGE),
    case(abusive.hangs_up_in_the_middle, None),
    case(abusive.asks_without_reading, None),
    case(abusive.asks_a_lot_and_reads_nothing, None),
]


@pytest.fixture(scope="module")
def loaded() -> Iterator[Fleet]:
    """Services that lose patience soon."""
    with fleet_of_processes(**SETTINGS) as fleet:
        yield fleet


@dataclass(frozen=True, slots=True)
class Scene:
    """One service: what abusive clients send, what a normal client sends, and its process."""

    target: Target
    normal: bytes
    normal_status: int
    process: psutil.Process

    @property
    def connections(self) -> int:
        """Connections that the process holds for clients."""
        port = urlsplit(self.target.url).port
        found = self.process.net_connections("tcp")
        return sum(each.status != psutil.CONN_LISTEN and each.laddr.port == port for each in found)

    @asynccontextmanager
    async def normal_client(self) -> AsyncIterator[Counter[int | None]]:
        """The statuses that a client gets meanwhile, which asks one thing after the other and reads every answer."""
        answers: Counter[int | None] = Counter()

        async def ask() -> None:
            connection = await RawConnection.open(self.target.url)
            try:
                while True:
                    connection.send(self.normal)
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
async def scene(loaded: Fleet, service: str) -> AsyncIterator[Scene]:
    async with scene_of(loaded, service) as scene:
        yield scene


@pytest.fixture
async def scenes(loaded: Fleet) -> AsyncIterator[dict[str, Scene]]:
    """All services at once, because most of this time is waiting."""
    async with AsyncExitStack() as stack:
        yield {service: await stack.enter_async_context(scene_of(loaded, service)) for service in SERVICES}


@asynccontextmanager
async def scene_of(loaded: Fleet, service: str) -> AsyncIterator[Scene]:
    system = loaded.system
    party, machine = await loaded.new_party(), await loaded.new_machine()
    query = urlencode(party.request_params(secrets.token_urlsafe(48)))
    grant = urlencode({"grant_type": "client_credentials"}).encode()
    sent = [f"{name}: {value}".encode() for name, value in machine.credentials()[0].items()]
    pages = {"authorize": (b"/login", 400), "token": (b"/token", 405), "introspection": (b"/jwks", 200)}
    forms = {"authorize": b"/authorize", "token": b"/token", "introspection": b"/introspect"}
    target = Target(system.urls[service][0], *pages[service], forms[service])
    normal = {
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
    yield Scene(target, *normal[service], process)
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
    """Wait until the normal client has been answered more than once."""

    async def is_served() -> bool:
        return answers.total() > 1

    await eventually(is_served)


async def left_alone(scene: Scene) -> None:
    """Wait until the process has given up every connection but that of the normal client."""

    async def is_alone() -> bool:
        return scene.connections <= 1

    await eventually(is_alone, SECONDS)


@dataclass(frozen=True, slots=True)
class Aftermath:
    """How the abusive clients ended, what the normal client was answered, and by how many bytes the process grew."""

    outcomes: set[Outcome]
    answers: set[int | None]
    grown: int


async def visited(scene: Scene, behaviour: Behaviour) -> Aftermath:
    """Many clients connect, behave like that, and disconnect."""
    deaf = behaviour in {abusive.asks_without_reading, abusive.asks_a_lot_and_reads_nothing}
    before = scene.process.memory_info().rss
    async with scene.normal_client() as answers, dialled(scene, MANY, 4096 if deaf else None) as many:
        async with asyncio.timeout(SECONDS):
            outcomes = await asyncio.gather(*(behaviour(each, scene.target) for each in many))
        await left_alone(scene)
        grown = scene.process.memory_info().rss - before
        await served(answers)
    return Aftermath(set(outcomes), set(answers), grown)


@pytest.mark.parametrize("rudeness", CASES)
async def test_many_abusive_clients_are_refused_and_a_normal_one_is_served(
    scenes: dict[str, Scene], rudeness: Case
) -> None:
    found = await asyncio.gather(*(visited(scene, rudeness.behaviour) for scene in scenes.values()))

    for (service, scene), aftermath in zip(scenes.items(), found, strict=True):
        expected = {scene.target.page_status if outcome == PAGE else outcome for outcome in rudeness.outcomes}
        assert aftermath.outcomes <= expected, service
        assert aftermath.answers == {scene.normal_status}, service
        assert aftermath.grown < rudeness.grown, service


@pytest.mark.parametrize("service", SERVICES)
async def test_thousands_of_idle_connections_cost_little_and_end(scene: Scene) -> None:
    before = scene.process.memory_info().rss

    async with scene.normal_client() as answers, dialled(scene, IDLE) as idle:
        for connection in idle:
            connection.send(scene.target.get())
        statuses = Counter([await connection.status() for connection in idle])
        grown = scene.process.memory_info().rss - before
        await left_alone(scene)

    assert set(statuses) <= {scene.target.page_status, None}
    assert set(answers) == {scene.normal_status}
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
