from dataclasses import replace

import pytest

from faults.call import Call
from faults.durability import check_durability
from faults.lifetimes import GRACE
from faults.scripted import (
    introspection,
    login,
    lost,
    redemption,
    refreshing,
    refused,
    revocation,
    unavailable,
    user_information,
)


def sentences(*history: Call) -> list[str]:
    return [violation.sentence for violation in check_durability(history)]


DEAD = [
    introspection(20, active=False),
    refused(user_information(20), "invalid_token", 401),
    refused(refreshing(20, "refresh-1", "refresh-2")),
]


@pytest.mark.parametrize("dead", DEAD, ids=lambda call: call.kind)
def test_what_was_not_ended_is_not_dead(dead: Call) -> None:
    assert sentences(redemption(1), dead) == ["it is dead, and no call has ended it"]


@pytest.mark.parametrize("dead", DEAD, ids=lambda call: call.kind)
@pytest.mark.parametrize("ending", [revocation(3), lost(revocation(3)), unavailable(revocation(3)), redemption(3)])
def test_what_may_have_been_ended_may_be_dead(dead: Call, ending: Call) -> None:
    assert not sentences(redemption(1), ending, dead)


def test_what_was_revoked_later_was_not_dead_before() -> None:
    assert sentences(redemption(1), introspection(3, active=False), revocation(5))


def test_of_two_access_tokens_only_the_revoked_one_is_dead() -> None:
    history = redemption(1), revocation(3, access="access-1"), introspection(5, active=False)

    assert not sentences(*history)
    assert sentences(*history, introspection(5, active=False, access="access-2"))


def test_an_honest_retry_within_the_grace_is_not_refused() -> None:
    first, retry = lost(refreshing(1, "refresh-1", "refresh-2")), refused(refreshing(3, "refresh-1", "refresh-2"))

    assert sentences(first, retry)


def test_a_retry_after_the_grace_may_be_refused() -> None:
    late = refused(refreshing(1 + GRACE, "refresh-1", "refresh-2"))

    assert not sentences(lost(refreshing(1, "refresh-1", "refresh-2")), late)


def test_a_retry_whose_successor_is_in_use_may_be_refused() -> None:
    history = refreshing(1, "refresh-1", "refresh-2"), lost(refreshing(3, "refresh-2", "refresh-3"))

    assert not sentences(*history, refused(refreshing(3.5, "refresh-1", "refresh-2")))


def test_a_consent_and_a_session_are_asked_for_once() -> None:
    assert not sentences(login(1, asked="login consent"), login(3, "next code"))


def test_a_refresh_that_was_given_up_may_arrive_after_its_successor_was_used() -> None:
    given_up = lost(refreshing(1, "refresh-1", "refresh-2"))
    rotated = refreshing(3, "refresh-1", "refresh-2"), refreshing(5, "refresh-2", "refresh-3")

    assert not sentences(given_up, *rotated, introspection(7, active=False))
    assert sentences(*rotated, introspection(7, active=False)) == ["it is dead, and no call has ended it"]


def test_a_consent_that_is_asked_for_again_was_lost() -> None:
    assert sentences(login(1, asked="login consent"), login(3, asked="consent")) == ["a consent is asked for again"]


def test_a_consent_that_was_not_acknowledged_may_be_asked_for_again() -> None:
    assert not sentences(lost(login(1, asked="login consent")), login(3, asked="consent"))


def test_a_login_that_is_asked_for_again_was_lost() -> None:
    assert sentences(login(1, asked="login consent"), login(3, asked="login")) == ["a session is lost"]


def test_a_login_that_the_client_wants_is_none() -> None:
    assert not sentences(login(1, asked="login consent"), login(3, asked="login", prompt="login"))


def test_a_login_without_an_answer_may_have_replaced_the_session() -> None:
    assert not sentences(
        login(1, asked="login consent"), lost(login(3, asked="login", prompt="login")), login(5, asked="login")
    )


def test_another_browser_has_another_session() -> None:
    elsewhere = login(3, asked="login")

    assert not sentences(login(1, asked="login consent"), replace(elsewhere, given={"browser": "another"}))
