from dataclasses import replace

import pytest

from faults.answers import check_answers
from faults.call import Answer, Call, Outcome
from faults.factor_actor import GIVEN, KINDS, RECOVERY_CODE, REFUSED, RESET_LINK, TIME_STEP
from faults.lifetimes import CODE_LIFETIME
from faults.ownership import MARKS, check_ownership
from faults.scripted import (
    call,
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
from faults.tolerance import Tolerance


def sentences(*history: Call, tolerance: Tolerance | None = None) -> list[str]:
    return [violation.sentence for violation in check_answers(history, tolerance or Tolerance())]


def broken(made: Call, status: int) -> Call:
    return replace(made, answer=Answer(Outcome.UNKNOWN, status, "server_error"))


def test_a_503_that_says_when_to_come_again_is_in_order() -> None:
    assert not sentences(unavailable(introspection(1, active=True)))


def test_a_503_that_does_not_is_a_violation() -> None:
    assert sentences(unavailable(introspection(1, active=True), retry_after="")) == [
        "a 503 does not say what it is, or when to come again"
    ]


def test_an_error_of_ours_is_a_violation() -> None:
    assert sentences(broken(introspection(1, active=True), 500)) == ["the answer is an error of ours"]


def test_an_answer_that_cannot_be_parsed_is_a_violation() -> None:
    assert sentences(broken(introspection(1, active=True), 302)) == ["the answer is none that was to be expected: "]


def test_no_answer_is_a_violation_unless_the_client_hung_up_or_services_vanish() -> None:
    silence = lost(introspection(1, active=True), hung_up=False)

    assert sentences(silence) == ["there was no answer: "]
    assert not sentences(silence, tolerance=Tolerance(services_may_vanish=True))
    assert not sentences(lost(introspection(1, active=True)))


@pytest.mark.parametrize(
    ("made", "error"),
    [
        (introspection(1, active=True), "invalid_client"),
        (call("client_credentials", 1, {}), "invalid_scope"),
        (revocation(1), "invalid_grant"),
        (refreshing(1, "refresh-1", "refresh-2"), "invalid_client"),
        (user_information(1), "insufficient_scope"),
    ],
)
def test_a_refusal_that_does_not_fit_is_a_violation(made: Call, error: str) -> None:
    assert sentences(refused(made, error)) == ["the refusal does not fit: the client is known, and asked rightly"]


@pytest.mark.parametrize(
    ("made", "error"),
    [(refreshing(1, "refresh-1", "refresh-2"), "invalid_grant"), (user_information(1), "invalid_token")],
)
def test_a_refusal_that_fits_is_for_others_to_judge(made: Call, error: str) -> None:
    assert not sentences(refused(made, error))


def test_a_code_for_which_no_token_was_issued_is_good() -> None:
    for history in (
        (login(1), refused(redemption(3))),
        (login(1), unavailable(redemption(3)), unavailable(redemption(4)), refused(redemption(5))),
    ):
        assert sentences(*history) == ["a code for which no token was issued is refused"]
        assert not sentences(*history, tolerance=Tolerance(redis_may_forget=True))


def test_a_code_that_may_have_been_used_may_be_refused() -> None:
    assert not sentences(login(1), lost(redemption(3)), refused(redemption(5)))
    assert not sentences(login(1), refused(redemption(3)), redemption(3.5))


def test_a_code_that_was_presented_twice_at_once_may_be_refused() -> None:
    assert not sentences(login(1), unavailable(redemption(3)), unavailable(redemption(3.5)), refused(redemption(5)))


def test_a_code_whose_taking_redis_did_not_confirm_may_be_refused() -> None:
    history = login(1), unavailable(redemption(3)), refused(redemption(5))

    assert not sentences(*history, tolerance=Tolerance(redis_may_lose_answers=True))


def test_a_code_that_is_too_old_may_be_refused() -> None:
    assert not sentences(login(1), refused(redemption(1 + CODE_LIFETIME)))


def test_a_login_that_nothing_stands_against_is_not_refused() -> None:
    gone = refused(login(1), "410", 410)

    assert sentences(gone) == ["a login that nothing stands against is refused"]
    assert not sentences(gone, tolerance=Tolerance(redis_may_forget=True))


def test_an_answer_to_another_caller_is_a_violation_by_whatever_mark() -> None:
    for mark in MARKS:
        own, foreign = [call("userinfo", 1, {mark: "mine"}, {mark: whose}) for whose in ("mine", "yours")]

        assert not list(check_ownership([own, call("userinfo", 1, {mark: "mine"})]))
        assert len(list(check_ownership([foreign]))) == 1


def once(kind: str, began: float) -> Call:
    return call(kind, began, {GIVEN: "the same"})


@pytest.mark.parametrize("kind", KINDS)
def test_what_counts_once_is_good_for_one_and_refused_to_the_rest(kind: str) -> None:
    assert not sentences(once(kind, 1), refused(once(kind, 1), REFUSED, 403), refused(once(kind, 3), REFUSED, 403))


@pytest.mark.parametrize("kind", [RECOVERY_CODE, RESET_LINK])
def test_what_counts_once_and_is_refused_to_all_is_a_violation(kind: str) -> None:
    first, second = (refused(once(kind, began), REFUSED, 403) for began in (1, 3))

    assert sentences(first, second) == ["what counts once was refused to all who used it"]
    assert not sentences(unavailable(once(kind, 1)), second)
    assert not sentences(lost(once(kind, 1)), second)
    assert not sentences(first, second, tolerance=Tolerance(redis_may_forget=True))


def test_a_time_step_may_be_over() -> None:
    assert not sentences(refused(once(TIME_STEP, 1), REFUSED, 403))


def test_another_refusal_of_what_counts_once_fits_only_where_a_login_may_be_forgotten() -> None:
    gone, done = refused(once(RECOVERY_CODE, 1), "400"), once(RECOVERY_CODE, 3)

    assert sentences(gone, done) == ["the refusal does not fit: the client is known, and asked rightly"]
    assert not sentences(gone, done, tolerance=Tolerance(redis_may_forget=True))
