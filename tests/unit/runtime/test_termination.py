"""SIGTERM in this process: what the block becomes."""

import asyncio
import os
import signal
import threading

import pytest

from valetkey.runtime.lifecycle.termination import TERMINATED, interrupted_by_sigterm


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def be_terminated() -> None:
    terminate()
    threading.Event().wait(60)


def test_a_task_is_cancelled_and_cleans_up_before_the_program_ends() -> None:
    cleaned: list[str] = []

    async def work() -> None:
        asyncio.get_running_loop().call_soon(terminate)
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append("rolled back")

    with pytest.raises(SystemExit) as ended, interrupted_by_sigterm():
        asyncio.run(work())

    assert ended.value.code == TERMINATED == 143
    assert cleaned == ["rolled back"]


def test_work_between_two_loops_is_interrupted_too() -> None:
    with pytest.raises(SystemExit) as ended, interrupted_by_sigterm():
        be_terminated()

    assert ended.value.code == TERMINATED


def test_who_ignores_ctrl_c_hears_it_all_the_same() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(SystemExit) as ended, interrupted_by_sigterm():
            be_terminated()
    finally:
        signal.signal(signal.SIGINT, before)

    assert ended.value.code == TERMINATED


def test_what_was_done_before_it_could_be_stopped_was_a_success() -> None:
    async def work() -> str:
        asyncio.get_running_loop().call_soon(terminate)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "done"
        return "never"

    with interrupted_by_sigterm():
        answer = asyncio.run(work())

    assert answer == "done"


@pytest.mark.parametrize("code", [0, None, 1, 78])
def test_without_the_signal_the_program_ends_as_it_would(code: int | None) -> None:
    with pytest.raises(SystemExit) as ended, interrupted_by_sigterm():
        raise SystemExit(code)

    assert ended.value.code == code


def test_ctrl_c_is_still_ctrl_c() -> None:
    with pytest.raises(KeyboardInterrupt), interrupted_by_sigterm():
        signal.raise_signal(signal.SIGINT)


def test_afterwards_the_signal_means_what_it_meant() -> None:
    before = signal.getsignal(signal.SIGTERM)

    with interrupted_by_sigterm():
        within = signal.getsignal(signal.SIGTERM)

    assert within is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_thread_that_hears_no_signals_just_works() -> None:
    done: list[bool] = []

    def work() -> None:
        with interrupted_by_sigterm():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert done == [True]
