"""What a supervisor decides: how long to wait, what to say of an end, whether it may be sent requests."""

import asyncio
import signal
from typing import cast

import pytest

from valetkey.runtime.workers.backoff import Backoff
from valetkey.runtime.workers.ending import describe
from valetkey.runtime.workers.place import Place, place_from
from valetkey.runtime.workers.post import Post
from valetkey.runtime.workers.silence import LOOKS, Silence
from valetkey.runtime.workers.worker import Worker


class Stub:
    slot = 3

    def __init__(self, state: str) -> None:
        self._state = state

    async def state(self) -> str:
        return self._state


def post(state: str, *, has_served: bool) -> Post:
    return Post(cast("Worker", Stub(state)), has_served, asyncio.Lock())


def test_pauses_grow_to_half_a_minute_and_begin_anew_after_a_steady_life() -> None:
    backoff = Backoff()

    pauses = [backoff.after(1.0) for _ in range(9)]
    begun_anew = [backoff.after(3600.0), backoff.after(1.0)]

    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert begun_anew == [0.5, 1.0]


@pytest.mark.parametrize(
    ("code", "ending", "advice"),
    [
        (0, "stopped", "tell the supervisor"),
        (1, "exit code 1", "last lines"),
        (-signal.SIGKILL, "killed by SIGKILL", "fewer workers"),
        (-signal.SIGSEGV, "killed by SIGSEGV", "crashed"),
        (-200, "killed by signal 200", "crashed"),
    ],
)
def test_an_end_is_told_with_what_to_do_about_it(code: int, ending: str, advice: str) -> None:
    told = describe(code)

    assert told[0] == ending
    assert advice in told[1]


@pytest.mark.parametrize("joins_when_able", [False, True])
def test_a_worker_reads_from_its_command_line_what_its_supervisor_wrote(joins_when_able: bool) -> None:
    place = Place(slot=3, port=8080, channel=5, lock=6, joins_when_able=joins_when_able)

    assert place_from(place.arguments()) == place


@pytest.mark.parametrize("arguments", [[], ["serve", "token", "--workers", "4"]])
def test_other_arguments_make_nobody_a_worker(arguments: list[str]) -> None:
    assert place_from(arguments) is None


def test_half_a_place_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        place_from(["--worker=1"])

    assert "--port" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("state", "has_served", "fault"),
    [
        ("ready", False, ""),
        ("starting", False, "worker 3: starting"),
        ("starting: the schema is old", False, "worker 3: starting: the schema is old"),
        ("starting", True, ""),
        ("starting: the schema is old", True, ""),
        ("draining", True, ""),
        ("waiting: no keys", False, "worker 3: waiting: no keys"),
        ("waiting: no keys", True, "worker 3: waiting: no keys"),
        ("does not answer", True, "worker 3: does not answer"),
        ("has ended", False, "a worker has ended and is started again"),
        ("has ended", True, ""),
    ],
)
async def test_only_a_worker_that_gets_connections_and_cannot_serve_is_a_fault(
    state: str, has_served: bool, fault: str
) -> None:
    assert await post(state, has_served=has_served).fault() == fault


@pytest.mark.parametrize(("has_served", "is_fault"), [(True, False), (False, True)])
async def test_a_post_that_is_empty_is_a_fault_until_somebody_has_served_there(
    has_served: bool, is_fault: bool
) -> None:
    assert bool(await Post(None, has_served).fault()) is is_fault


async def test_a_post_remembers_that_somebody_was_ready() -> None:
    kept = post("ready", has_served=False)
    await kept.fault()

    kept.worker = None

    assert await kept.fault() == ""
    assert not await kept.is_ready()


def test_whoever_is_silent_all_the_time_is_told_of() -> None:
    silence: Silence[str] = Silence()

    told = [silence.note(["hangs"]) for _ in range(LOOKS)]

    assert told == [[]] * (LOOKS - 1) + [["hangs"]]


def test_whoever_answers_once_begins_anew() -> None:
    silence: Silence[str] = Silence()

    told = [silence.note([] if look == LOOKS - 2 else ["slow"]) for look in range(2 * LOOKS - 2)]

    assert told == [[]] * len(told)
