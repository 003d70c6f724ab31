"""Both drivers say what they are given, count what was answered, and stop at an answer that is not expected."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import cast
from uuid import uuid4

import psutil
import pytest
from aiohttp import web

from bench.collect import collect
from bench.driver import GENERATOR, WRK, drive
from bench.exchange import UnexpectedAnswerError, get, post
from bench.grants import Redeem
from bench.installation import Installation, Server
from bench.rounds import Rounds
from bench.scenario import BARE, Load, Scenario
from bench.work import Requests
from bench.world import Holder, World
from bench.wrk import find_wrk
from support.relying_party import ClientIdentity, Person
from valetkey.demo.free_port import LOOPBACK
from valetkey.runtime.settings.settings import Settings

DRIVERS = [
    GENERATOR,
    pytest.param(WRK, marks=pytest.mark.skipif(find_wrk() is None, reason="wrk is not installed")),
]


@dataclass
class Listener:
    """Answers every request, and remembers how it was asked."""

    server: Server
    asked: list[str] = field(default_factory=list)
    status: int = 200
    said: str = 'a "quoted" word\n\x7fü'
    location: str = "https://client.example/callback?code=1"

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(f"{request.path} {await request.text()}".strip())
        if self.status == 303:
            return web.Response(status=303, headers={"Location": self.location})
        return web.json_response({"said": self.said}, status=self.status)


def world_of(listener: Listener) -> World:
    """A world in which no client is registered and only the bare handler answers."""
    client = ClientIdentity("client", "secret")
    where = Installation(cast("Settings", None), "", {"bare": listener.server})
    holder = Holder(client, uuid4(), [uuid4()])
    return World(where, client, client, client, client, client, Person("ada", "secret"), holder, holder)


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    app = web.Application()
    runner = web.AppRunner(app, access_log=None)
    made = Listener(Server("", psutil.Process()))
    app.router.add_route("*", "/{tail:.*}", made.answer)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, 0).start()
        made.server = Server(f"http://{LOOPBACK}:{runner.addresses[0][1]}", psutil.Process())
        yield made
    finally:
        await runner.cleanup()


async def run(listener: Listener, work: Requests, driver: str, warm_up: float = 0.0) -> int:
    found = await drive([listener.server], work, driver, connections=2, seconds=1, warm_up=warm_up)
    return found.units


@pytest.mark.parametrize("driver", DRIVERS)
async def test_requests_are_sent_as_they_are_and_in_turn(listener: Listener, driver: str) -> None:
    work = Requests([get("/first"), post("/second", [("a", "b c"), ("d", "\r\n\0")]), get("/third?x=y")])

    units = await run(listener, work, driver)

    # wrk asks its script for one request before it connects, and makes one connection more to try the address.
    expected = ["/first", "/second a=b+c&d=%0D%0A%00", "/third"]
    begin = expected.index(listener.asked[0])
    assert units <= len(listener.asked) <= units + 2
    assert listener.asked[:9] == [expected[(begin + number) % 3] for number in range(9)]


@pytest.mark.parametrize("driver", DRIVERS)
async def test_a_warm_up_does_not_begin_the_sequence_anew(listener: Listener, driver: str) -> None:
    work = Requests([get(f"/{number}") for number in range(100_000)])

    await run(listener, work, driver, warm_up=1.0)

    assert len(set(listener.asked)) == len(listener.asked)


@pytest.mark.parametrize("driver", DRIVERS)
async def test_another_status_fails_the_run_with_its_body(listener: Listener, driver: str) -> None:
    listener.status = 503

    with pytest.raises(UnexpectedAnswerError, match=r"503 .*quoted"):
        await run(listener, Requests([get("/")]), driver)


@pytest.mark.parametrize("driver", DRIVERS)
async def test_a_body_without_what_it_must_contain_fails_the_run(listener: Listener, driver: str) -> None:
    with pytest.raises(UnexpectedAnswerError):
        await run(listener, Requests([get("/")], 200, b"access_token"), driver)


@pytest.mark.parametrize("driver", DRIVERS)
async def test_a_redirect_is_judged_by_where_it_leads(listener: Listener, driver: str) -> None:
    listener.status = 303
    work = Requests([get("/")], 303, b"code=")

    assert await run(listener, work, driver)
    listener.location = "https://client.example/callback?error=access_denied"
    with pytest.raises(UnexpectedAnswerError):
        await run(listener, work, driver)


@pytest.mark.parametrize("driver", DRIVERS)
async def test_a_service_that_is_not_there_fails_the_run(driver: str) -> None:
    nowhere = Listener(Server(f"http://{LOOPBACK}:9", psutil.Process()))

    with pytest.raises((OSError, ChildProcessError)):
        await run(nowhere, Requests([get("/")]), driver)


async def test_a_conversation_that_has_nothing_left_to_ask_fails_the_run(listener: Listener) -> None:
    listener.said = "access_token"
    requests = iter([get("/")] * 5)

    with pytest.raises(UnexpectedAnswerError, match="nothing left"):
        await drive([listener.server], lambda _: Redeem(requests), GENERATOR, connections=1, seconds=1, warm_up=0.0)


async def test_a_scenario_that_fails_is_named_and_the_others_are_measured(listener: Listener) -> None:
    async def prepare(world: World, load: Load) -> Requests:
        return Requests([get("/")], 200, b"something else")

    listener.said = "access_token"
    rounds = Rounds(world_of(listener), Load(2, 1.0))

    await rounds.measure([Scenario("bad", ("bare",), prepare), Scenario("good", ("bare",), BARE.prepare)])

    assert [row.name.partition(",")[0] for row in rounds.rows] == [BARE.name, "good"]
    (failed,) = rounds.failures
    assert failed.startswith("bad: FAILED: UnexpectedAnswerError")


@pytest.mark.parametrize("status", [200, 503])
async def test_answers_are_collected_in_the_order_of_the_requests(listener: Listener, status: int) -> None:
    listener.status = status
    requests = [get(f"/{number}") for number in range(100)]

    if status == 200:
        assert len(await collect(listener.server.url, requests)) == len(set(listener.asked)) == 100
    else:
        with pytest.raises(UnexpectedAnswerError):
            await collect(listener.server.url, requests)
