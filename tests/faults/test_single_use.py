from dataclasses import replace

from faults.scripted import call, lost, redemption, refused, unavailable
from faults.single_use import check_single_use


def test_a_code_that_is_good_once_is_in_order() -> None:
    history = [redemption(1), refused(redemption(3)), redemption(5, "another code")]

    assert not list(check_single_use(history))


def test_a_code_that_is_good_twice_is_a_violation() -> None:
    first, second = redemption(1), redemption(1.5)

    (violation,) = check_single_use([first, second])

    assert violation.invariant == "single use"
    assert violation.calls == (first, second)


def test_a_success_without_an_answer_counts_for_nothing() -> None:
    history = [lost(redemption(1)), unavailable(redemption(3)), redemption(5)]

    assert not list(check_single_use(history))


def test_other_things_that_are_used_once_are_one_line_each() -> None:
    first = call("assert", 1, {"jti": "assertion"})

    history = [first, replace(first, began=3.0, ended=4.0)]

    assert len(list(check_single_use(history, {"assert": "jti"}))) == 1
