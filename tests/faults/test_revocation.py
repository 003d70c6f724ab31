import pytest

from faults.call import Call
from faults.revocation import check_revocation
from faults.scripted import (
    introspection,
    lasting,
    lost,
    redemption,
    refreshing,
    refused,
    revocation,
    unavailable,
    user_information,
)
from faults.tolerance import Tolerance

FORGETFUL = Tolerance(redis_may_forget=True)


def sentences(*history: Call, tolerance: Tolerance | None = None) -> list[str]:
    return [violation.sentence for violation in check_revocation(history, tolerance or Tolerance())]


def test_what_was_revoked_and_is_dead_everywhere_is_in_order() -> None:
    assert not sentences(
        introspection(1, active=True), revocation(3), introspection(5, active=False), refused(user_information(5))
    )


@pytest.mark.parametrize(
    "alive",
    [introspection(5, active=True), user_information(5), refreshing(5, "refresh-1", "refresh-2")],
    ids=lambda call: call.kind,
)
def test_whatever_finds_it_alive_after_the_answer_is_a_violation(alive: Call) -> None:
    assert sentences(revocation(3), alive) == ["code was revoked before"]


def test_what_began_before_the_answer_may_find_it_alive() -> None:
    assert not sentences(lasting(revocation(3), 2), lasting(introspection(4, active=True), 9))


@pytest.mark.parametrize("unanswered", [lost, unavailable])
def test_a_revocation_without_an_answer_promises_nothing(unanswered: object) -> None:
    assert callable(unanswered)
    assert not sentences(unanswered(revocation(3)), introspection(5, active=True))


def test_what_a_refresh_under_way_brought_home_is_dead_too() -> None:
    under_way = lasting(refreshing(2, "refresh-1", "refresh-2"), 9)

    assert sentences(revocation(3), under_way, introspection(12, active=True, access="access of refresh-2")) == [
        "code was revoked before"
    ]


def test_an_access_token_is_revoked_alone() -> None:
    revoked, others = introspection(5, active=True), refreshing(5, "refresh-1", "refresh-2")

    assert not sentences(revocation(3, access="access-1"), others)
    assert sentences(revocation(3, access="access-1"), revoked) == ["access-1 was revoked before"]


def test_a_replayed_code_ends_what_it_was_redeemed_for() -> None:
    history = redemption(1), refused(redemption(3)), introspection(5, active=True)

    assert sentences(*history) == ["code was replayed before"]


def test_a_redis_that_has_forgotten_the_code_knows_no_replay() -> None:
    history = redemption(1), refused(redemption(3)), introspection(5, active=True)

    assert not sentences(*history, tolerance=FORGETFUL)


def test_a_replay_without_an_answer_promises_nothing() -> None:
    assert not sentences(redemption(1), unavailable(redemption(3)), introspection(5, active=True))


def test_reuse_ends_the_authorization() -> None:
    rotated = refreshing(1, "refresh-1", "refresh-2"), refreshing(3, "refresh-2", "refresh-3")
    reuse = refused(refreshing(5, "refresh-1", "refresh-2"))

    assert sentences(*rotated, reuse, introspection(7, active=True)) == ["code was reused before"]


def test_a_token_that_is_refused_while_its_successor_is_used_reveals_no_reuse() -> None:
    rotated = refreshing(1, "refresh-1", "refresh-2"), lasting(refreshing(3, "refresh-2", "refresh-3"), 4)
    early = refused(refreshing(4, "refresh-1", "refresh-2"))

    assert not sentences(*rotated, early, introspection(9, active=True))
