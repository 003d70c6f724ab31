"""The order in which passwords are checked, by counting positions."""

from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valetkey.authorize.login.fair_queue import FairQueue, QueueFullError, Source

ROOM = 1000
_number = count()


@dataclass(frozen=True)
class Check:
    source: Source
    number: int = field(default_factory=lambda: next(_number))


def check(name: str, place: str) -> Check:
    return Check(Source(name, place))


def queue_of(*checks: Check, size: int = ROOM) -> FairQueue[Check]:
    queue: FairQueue[Check] = FairQueue(size)
    for each in checks:
        queue.enter(each)
    return queue


def order(queue: FairQueue[Check], workers: int = 1) -> list[Check]:
    """In which order all of them run, ``workers`` at a time, the oldest of those finishing first."""
    taken: list[Check] = []
    running: list[Check] = []
    while True:
        while len(running) < workers and (each := queue.start()) is not None:
            taken.append(each)
            running.append(each)
        if not running:
            return taken
        queue.finish(running.pop(0))


def test_those_that_have_nothing_in_common_run_in_the_order_in_which_they_came() -> None:
    checks = [check(f"name-{number}", f"place-{number}") for number in range(20)]

    assert order(queue_of(*checks)) == checks


def test_those_that_have_everything_in_common_run_in_the_order_in_which_they_came() -> None:
    checks = [check("ada", "here") for _ in range(20)]

    assert order(queue_of(*checks)) == checks


FLOODS = {
    "one name from one place": [check("victim", "there") for _ in range(30)],
    "one name from many places": [check("victim", f"there-{number}") for number in range(30)],
    "many names from one place": [check(f"name-{number}", "there") for number in range(30)],
}


ELSEWHERE, SAME_PLACE = check("ada", "here"), check("ada", "there")
# Many names from one place cannot be told from the people who live there.
NEWCOMERS = [
    *((name, ELSEWHERE) for name in FLOODS),
    ("one name from one place", SAME_PLACE),
    ("one name from many places", SAME_PLACE),
]


@pytest.mark.requirement("security 41: a flood of one account or address does not delay other logins")
@pytest.mark.parametrize(("flood", "newcomer"), NEWCOMERS)
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_a_flood_runs_after_a_newcomer(flood: str, workers: int, newcomer: Check) -> None:
    queue = queue_of(*FLOODS[flood])
    running = [queue.start() for _ in range(workers)]

    queue.enter(newcomer)
    queue.finish(running[0])  # type: ignore[arg-type]

    assert queue.start() is newcomer


def test_a_flood_that_never_ends_runs_after_newcomers() -> None:
    queue = queue_of(*(check("victim", "there") for _ in range(30)), size=31)
    positions = []
    for number in range(100):
        newcomer = check(f"person-{number}", f"home-{number}")
        queue.enter(newcomer)
        positions.append(0)
        while (running := queue.start()) is not newcomer:
            positions[-1] += 1
            assert running is not None
            queue.finish(running)
            queue.enter(check("victim", "there"))
        queue.finish(newcomer)

    assert positions == [1] + [0] * 99


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_where_every_place_is_taken_the_flood_makes_room(flood: list[Check]) -> None:
    queue = queue_of(*flood, size=len(flood))

    displaced = queue.enter(check("ada", "here"))

    assert displaced is flood[-1]
    assert len(queue) == len(flood)


def test_one_more_of_a_flood_displaces_none() -> None:
    people = [check(f"name-{number}", f"place-{number}") for number in range(5)]
    flood = [check("victim", "there") for _ in range(5)]
    queue = queue_of(*people, *flood, size=10)

    with pytest.raises(QueueFullError):
        queue.enter(check("victim", "there"))
    with pytest.raises(QueueFullError):
        queue.enter(check("victim", "elsewhere"))

    assert queue.waiting() == [*people, *flood]


def test_entries_with_nothing_in_common_displace_none() -> None:
    queue = queue_of(*(check(f"name-{number}", f"place-{number}") for number in range(10)), size=10)

    with pytest.raises(QueueFullError):
        queue.enter(check("ada", "here"))


def test_what_runs_is_never_displaced_and_keeps_its_place() -> None:
    flood = [check("victim", "there") for _ in range(3)]
    queue = queue_of(*flood, size=3)
    running = [queue.start(), queue.start()]

    assert queue.enter(check("ada", "here")) is flood[2]
    with pytest.raises(QueueFullError):
        queue.enter(check("eve", "elsewhere"))

    assert running == flood[:2]
    assert len(queue) == 3


def test_entries_of_one_place_are_overtaken_a_bounded_number_of_times() -> None:
    size = 8
    neighbours = [check(f"member-{number}", "home") for number in range(3)]
    queue = queue_of(*neighbours, size=size)
    order_of_names = []
    for number in range(4 * size):
        queue.enter(check(f"attacker-{number}", f"place-{number}"))
        started = queue.start()
        assert started is not None
        order_of_names.append(started.source.name)
        queue.finish(started)

    assert [order_of_names.index(member.source.name) for member in neighbours] == [0, size - 1, 2 * size + 1]


def test_who_left_takes_no_place() -> None:
    first, second, third = check("ada", "here"), check("ada", "here"), check("eve", "there")
    queue = queue_of(first, second, third)

    assert queue.leave(first)
    assert not queue.leave(first)

    assert order(queue) == [third, second]
    assert len(queue) == 0


Names = st.sampled_from("abc")


@given(
    st.lists(st.tuples(st.sampled_from(["enter", "start", "finish", "leave"]), Names, Names, st.integers(0, 9))),
    st.integers(1, 6),
)
def test_no_sequence_of_events_loses_or_repeats_one(events: list[tuple[str, str, str, int]], size: int) -> None:
    queue: FairQueue[Check] = FairQueue(size)
    ranks: dict[Check, int] = {}
    waiting: list[Check] = []
    running: list[Check] = []
    for event, name, place, number in events:
        match event:
            case "enter":
                entry = check(name, place)
                rank = rank_of(entry, [*waiting, *running], len(ranks), size)
                try:
                    displaced = queue.enter(entry)
                except QueueFullError:
                    assert len(waiting) + len(running) == size
                    assert all(ranks[each] <= rank for each in waiting)
                else:
                    if displaced is not None:
                        assert ranks[displaced] == max(ranks[each] for each in waiting) > rank
                        waiting.remove(displaced)
                    ranks[entry] = rank
                    waiting.append(entry)
            case "start":
                started = queue.start()
                assert started is min(waiting, key=lambda each: (ranks[each], each.number), default=None)
                if started is not None:
                    waiting.remove(started)
                    running.append(started)
            case "finish" if running:
                queue.finish(running.pop(number % len(running)))
            case "leave" if waiting:
                assert queue.leave(waiting.pop(number % len(waiting)))
        assert queue.waiting() == waiting
        assert len(queue) == len(waiting) + len(running) <= size


def rank_of(entry: Check, present: list[Check], arrivals: int, size: int) -> int:
    names = sum(each.source.name == entry.source.name for each in present)
    places = sum(each.source.place == entry.source.place for each in present)
    return arrivals + places * size + names * size**2
