import pytest

from faults.lifetimes import GRACE
from faults.refresh_chain import check_refresh_chains
from faults.scripted import lost, refreshing, refused


def sentences(*history: object) -> list[str]:
    return [violation.sentence for violation in check_refresh_chains(history)]  # type: ignore[arg-type]


def test_one_after_the_other_is_in_order() -> None:
    assert not sentences(refreshing(1, "first", "second"), refreshing(3, "second", "third"))


def test_an_honest_retry_gets_the_same_successor() -> None:
    assert not sentences(
        lost(refreshing(1, "first", "second")), refreshing(3, "first", "second"), refreshing(5, "first", "second")
    )


def test_siblings_are_a_violation() -> None:
    assert sentences(refreshing(1, "first", "second"), refreshing(1, "first", "sibling")) == [
        "first has several successors"
    ]


def test_the_same_successor_after_the_grace_is_a_violation() -> None:
    late = refreshing(GRACE + 5, "first", "second")

    assert sentences(refreshing(1, "first", "second"), late) == ["first was good after its grace"]


def test_a_token_whose_successor_was_used_is_a_violation_where_it_is_good() -> None:
    history = refreshing(1, "first", "second"), refreshing(3, "second", "third"), refreshing(5, "first", "second")

    assert sentences(*history) == ["first was good after its successor"]


@pytest.mark.parametrize("began", [2.5, 3.5])
def test_a_token_presented_while_its_successor_is_used_may_have_come_first(began: float) -> None:
    history = refreshing(1, "first", "second"), refreshing(3, "second", "third"), refreshing(began, "first", "second")

    assert not sentences(*history)


def test_a_token_whose_successor_was_used_is_refused() -> None:
    history = refreshing(1, "first", "second"), refreshing(3, "second", "third"), refreshing(5, "first", "second")

    assert not sentences(*history[:2], refused(history[2]))
