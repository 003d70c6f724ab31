import asyncio
from pathlib import Path

from aiohttp import ServerDisconnectedError

from faults.call import Answer, Outcome
from faults.history import History, read_history
from faults.scripted import redemption
from faults.table import Row, markdown


async def answer() -> Answer:
    return Answer(Outcome.DONE, 200, got={"sub": "ada"})


async def no_answer() -> Answer:
    raise ServerDisconnectedError


async def late_answer() -> Answer:
    await asyncio.Event().wait()
    raise AssertionError("it is never set")


async def test_what_is_written_can_be_read_again(tmp_path: Path) -> None:
    history = History()
    await history.ask("userinfo", actor="a", at="introspection-0", given={"grant": "code-1"}, question=answer())
    await history.ask("userinfo", actor="a", at="introspection-0", given={}, question=no_answer())

    history.write(tmp_path / "history.jsonl")

    assert read_history((tmp_path / "history.jsonl").read_text().splitlines()) == history.calls


async def test_a_connection_that_ends_leaves_the_outcome_unknown() -> None:
    call = await History().ask("userinfo", actor="a", at="x", given={}, question=no_answer())

    assert (call.answer.outcome, call.hung_up) == (Outcome.UNKNOWN, False)


async def test_a_call_that_is_not_awaited_counts_as_hung_up() -> None:
    call = await History().ask("userinfo", actor="a", at="x", given={}, question=late_answer(), patience=0)

    assert (call.answer.outcome, call.hung_up) == (Outcome.UNKNOWN, True)


async def test_a_call_begins_before_it_ends_by_the_clock_of_the_history() -> None:
    times = iter([1.0, 2.0])

    call = await History(clock=lambda: next(times)).ask("userinfo", actor="a", at="x", given={}, question=answer())

    assert (call.began, call.ended) == (1.0, 2.0)


def test_the_same_value_has_the_same_name_and_no_secret_is_in_it() -> None:
    history = History()

    names = [history.name("code", value) for value in ("secret", "other", "secret")]

    assert names == ["code-1", "code-2", "code-1"]


def test_a_call_reads_as_a_sentence() -> None:
    assert "redeem by client-0 at somewhere-0" in str(redemption(1))


def test_the_table_says_what_came_back_last() -> None:
    row = Row("redis: full", 400, 20, 0, 3, 0, {"redeem": 0.25, "revoke": 1.5})

    *_, line = markdown([row]).splitlines()

    assert [cell.strip() for cell in line.strip("|").split("|")] == [
        "redis: full", "400", "20", "0", "3", "0", "1.50", "revoke",
    ]  # fmt: skip
