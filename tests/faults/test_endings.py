"""What the checker says of things that end as a whole, by histories written by hand."""

import pytest

from faults.call import Call
from faults.endings import LOST, check_endings
from faults.scripted import call, lasting, lost, refused, unavailable
from faults.tolerance import Tolerance

GOOD = ["code-1 is good"]


def made(began: float, name: str = "code-1", of: str = "client user consent", *, asked: str = "") -> Call:
    return call("make", began, {"kind": "code", "of": of}, {"made": name, "asked": asked})


def end(began: float, target: str) -> Call:
    return call("end", began, {"what": target, "target": target})


def use(began: float, thing: str = "code-1", kind: str = "code") -> Call:
    return call("use", began, {"thing": thing, "kind": kind})


def sentences(*history: Call, tolerance: Tolerance | None = None) -> list[str]:
    return [violation.sentence for violation in check_endings(history, tolerance or Tolerance())]


@pytest.mark.parametrize("target", ["client", "user", "consent"])
def test_what_was_made_of_something_that_has_ended_is_a_violation_where_it_is_good(target: str) -> None:
    assert sentences(made(1), end(3, target), use(5)) == GOOD
    assert not sentences(made(1), end(3, target), refused(use(5)))


@pytest.mark.parametrize("target", ["machine", "session", ""])
def test_what_was_made_of_something_else_may_be_good(target: str) -> None:
    assert not sentences(made(1), end(3, target), use(5))


def test_what_was_made_while_it_ended_has_ended_too() -> None:
    assert sentences(made(4), lasting(end(3, "client"), 3), use(8)) == GOOD


@pytest.mark.parametrize("asked", ["", "login"])
def test_a_code_with_a_consent_that_was_withdrawn_meanwhile_has_ended(asked: str) -> None:
    assert sentences(made(4, asked=asked), lasting(end(3, "consent"), 3), use(8)) == GOOD


def test_a_consent_that_was_given_again_before_the_operator_heard_of_its_end_is_good() -> None:
    withdrawn = lasting(end(3, "consent"), 3)

    assert not sentences(made(4, asked="login consent"), withdrawn, use(8))
    assert sentences(made(1, asked="login consent"), withdrawn, use(8)) == GOOD
    assert sentences(made(4, asked="login consent"), lasting(end(3, "client"), 3), use(8)) == GOOD


def test_a_consent_that_was_given_again_in_another_browser_serves_this_one_too() -> None:
    withdrawn = lasting(end(3, "consent"), 5)
    elsewhere = made(4, "code-2", asked="login consent")

    assert not sentences(lasting(made(4), 2), elsewhere, withdrawn, use(9))
    assert sentences(made(2), elsewhere, withdrawn, use(9)) == GOOD
    assert sentences(lasting(made(4), 2), made(1, "code-2", asked="consent"), withdrawn, use(9)) == GOOD


def test_what_was_made_afterwards_is_good() -> None:
    assert not sentences(end(1, "client"), made(3), use(5))


def test_what_began_before_the_answer_may_find_it_good() -> None:
    assert not sentences(made(1), lasting(end(3, "client"), 3), lasting(use(5), 4))


@pytest.mark.parametrize("unanswered", [lost, unavailable])
def test_an_ending_without_an_answer_promises_nothing_and_excuses_a_refusal(unanswered: object) -> None:
    assert callable(unanswered)
    assert not sentences(made(1), unanswered(end(3, "client")), use(5))
    assert not sentences(made(1), unanswered(end(3, "client")), refused(use(5)))


def test_what_was_not_ended_is_not_refused() -> None:
    assert sentences(made(1), refused(use(5))) == ["code-1 is refused, and nothing has ended"]
    assert [violation.invariant for violation in check_endings([made(1), refused(use(5))])] == [LOST]


def test_a_replica_may_not_have_heard_that_a_client_is_there_again_but_sees_its_user() -> None:
    assert not sentences(end(1, "client"), made(3), refused(use(5)))
    assert sentences(end(1, "user"), made(3), refused(use(5))) == ["code-1 is refused, and nothing has ended"]


def test_a_redis_that_forgets_refuses_codes_and_nothing_else() -> None:
    forgetful = Tolerance(redis_may_forget=True)

    assert not sentences(made(1), refused(use(5)), tolerance=forgetful)
    assert sentences(made(1), refused(use(5, kind="access")), tolerance=forgetful)


def test_a_session_is_that_of_the_login_which_began_it() -> None:
    login = made(1, asked="login consent")
    looks = use(5, "session of code-1", "session")

    assert sentences(login, end(3, "session"), looks) == ["session of code-1 is good"]
    assert not sentences(login, end(3, "consent"), looks)
    assert not sentences(login, end(3, "session"), refused(looks))
