from dataclasses import replace

import pytest

from support.rotation import POLICY, START, active, applied, key, observation, seconds
from valetkey.core.jose.keys import KeyState
from valetkey.key_rotation.actions import Activate, Create, Delete, Retire
from valetkey.key_rotation.plan import blocking_replicas, can_activate, known_at, plan

PREPARED, ACTIVE, RETIRED = KeyState.PREPARED, KeyState.ACTIVE, KeyState.RETIRED
DUE = START + POLICY.active_period
BOTH = replace(POLICY, algorithms=("ES256", "RS256"))


def test_the_first_run_makes_a_key_that_signs_at_once_and_its_successor_for_every_algorithm() -> None:
    actions = plan([], [], BOTH, START)

    assert actions == [
        Create("ES256", ACTIVE),
        Create("ES256", PREPARED),
        Create("RS256", ACTIVE),
        Create("RS256", PREPARED),
    ]


def test_a_second_run_right_after_the_first_has_nothing_to_do() -> None:
    keys = applied([], plan([], [], BOTH, START), START)

    assert plan(keys, [], BOTH, START) == []


@pytest.mark.parametrize("early", [1, 86400, POLICY.active_period.total_seconds()])
def test_an_active_key_signs_for_its_whole_period(early: float) -> None:
    keys = [key("old"), key("next", PREPARED)]

    assert plan(keys, [], POLICY, DUE - seconds(early)) == []


def test_a_due_key_is_retired_replaced_and_the_next_successor_is_made() -> None:
    keys = [key("old"), key("next", PREPARED)]

    actions = plan(keys, [], POLICY, DUE)

    assert actions == [Retire("old", DUE + POLICY.retirement), Activate("next"), Create("ES256", PREPARED)]


@pytest.mark.parametrize(("age", "ripe"), [(0, False), (359, False), (360, True)])
def test_a_prepared_key_waits_for_max_age_and_margin(age: int, ripe: bool) -> None:
    prepared = key("next", PREPARED)

    assert can_activate(prepared, [], POLICY, START + seconds(age)) is ripe


def test_a_due_key_goes_on_signing_until_its_successor_can_be_activated() -> None:
    keys = [key("old"), key("next", PREPARED, at=DUE - seconds(100))]

    assert plan(keys, [], POLICY, DUE) == []
    assert active(applied(keys, plan(keys, [], POLICY, DUE + seconds(260)), DUE)) == ["next"]


def test_a_live_replica_that_does_not_serve_the_key_holds_it_back() -> None:
    now = START + seconds(3600)
    prepared = key("next", PREPARED)
    current = observation("a", ["old", "next"], seen_at=now)
    lagging = observation("b", ["old"], seen_at=now)

    assert blocking_replicas(prepared, [current, lagging], POLICY, now) == ("b",)
    assert can_activate(prepared, [current], POLICY, now)


def test_a_replica_that_took_the_key_up_late_holds_it_back_until_its_older_answers_have_left_every_cache() -> None:
    now = START + seconds(3600)
    prepared = key("next", PREPARED)
    late = observation("late", ["old", "next"], seen_at=now, serving_since=now)

    assert not can_activate(prepared, [late], POLICY, now + seconds(359))
    assert can_activate(prepared, [late], POLICY, now + seconds(360))


def test_a_replica_that_fell_silent_counts_until_its_last_answer_has_left_every_cache() -> None:
    now = START + seconds(3600)
    prepared = key("next", PREPARED)
    silent = observation("silent", ["old"], seen_at=now)

    assert not can_activate(prepared, [silent], POLICY, now + seconds(120 + 359))
    assert can_activate(prepared, [silent], POLICY, now + seconds(120 + 360))


def test_a_retired_key_stays_until_its_last_token_has_expired_and_is_then_deleted() -> None:
    until = START + POLICY.retirement
    keys = [key("now"), key("next", PREPARED), key("old", RETIRED, retire_until=until)]

    assert plan(keys, [], POLICY, until - seconds(1)) == []
    assert plan(keys, [], POLICY, until) == [Delete("old")]


def test_retirement_outlasts_a_cut_off_signer_and_the_token_it_signs_last() -> None:
    assert POLICY.retirement >= POLICY.signer_staleness + POLICY.token_lifetime


def test_an_algorithm_added_later_is_prepared_first_because_verifiers_hold_sets_without_it() -> None:
    keys = [key("es"), key("es-next", PREPARED)]

    added = applied(keys, plan(keys, [], BOTH, START), START)

    assert active(added, "RS256") == []
    assert [known.state for known in added if known.alg == "RS256"] == [PREPARED]


def test_an_algorithm_added_later_signs_as_soon_as_every_verifier_can_have_its_key() -> None:
    keys = [key("es"), key("es-next", PREPARED), key("rs", PREPARED, alg="RS256")]

    actions = plan(keys, [], BOTH, START + seconds(360))

    assert actions == [Activate("rs"), Create("RS256", PREPARED)]


def test_an_algorithm_no_longer_configured_is_wound_up() -> None:
    keys = [key("es"), key("es-next", PREPARED), key("rs", alg="RS256"), key("rs-next", PREPARED, alg="RS256")]

    actions = plan(keys, [], POLICY, START)

    assert actions == [Retire("rs", START + POLICY.retirement), Delete("rs-next")]


def test_two_active_keys_of_one_algorithm_become_one() -> None:
    keys = [key("older", at=START - seconds(10)), key("newer"), key("next", PREPARED)]

    actions = plan(keys, [], POLICY, START)

    assert actions == [Retire("older", START + POLICY.retirement)]


def test_a_compromised_active_key_goes_at_once_and_its_waiting_successor_signs() -> None:
    keys = [key("leaked"), key("next", PREPARED)]

    actions = plan(keys, [], POLICY, START + seconds(3600), frozenset({"leaked"}))

    assert actions == [Delete("leaked"), Activate("next"), Create("ES256", PREPARED)]


def test_a_compromised_active_key_does_not_wait_for_its_successor_to_be_known() -> None:
    keys = [key("leaked"), key("next", PREPARED)]
    behind = observation("behind", ["leaked"], seen_at=START)

    after = applied(keys, plan(keys, [behind], POLICY, START, frozenset({"leaked"})), START)

    assert active(after) == ["next"]


def test_when_everything_is_compromised_everything_is_replaced_at_once() -> None:
    keys = [key("leaked"), key("leaked-next", PREPARED), key("leaked-old", RETIRED, retire_until=DUE)]

    actions = plan(keys, [], POLICY, START, frozenset(known.kid for known in keys))

    assert actions == [
        Delete("leaked"),
        Delete("leaked-next"),
        Delete("leaked-old"),
        Create("ES256", ACTIVE),
        Create("ES256", PREPARED),
    ]


def test_a_compromised_key_that_does_not_sign_changes_nothing_for_the_one_that_does() -> None:
    keys = [key("now"), key("leaked", PREPARED)]

    actions = plan(keys, [], POLICY, START + seconds(3600), frozenset({"leaked"}))

    assert actions == [Delete("leaked"), Create("ES256", PREPARED)]


def test_a_kid_that_does_not_exist_any_more_asks_for_nothing() -> None:
    keys = [key("now"), key("next", PREPARED)]

    assert plan(keys, [], POLICY, START, frozenset({"gone"})) == []


@pytest.mark.parametrize("took_up", [0, 100, 3600])
def test_what_a_key_waits_for_is_when_it_can_be_activated(took_up: int) -> None:
    now = START + seconds(took_up)
    prepared = key("next", PREPARED)
    seen = [
        observation("old", ["old", "next"], seen_at=now),
        observation("late", ["old", "next"], seen_at=now, serving_since=now),
    ]

    moment, behind = known_at(prepared, seen, POLICY, now)

    alive = [replace(each, seen_at=moment) for each in seen]
    assert (moment, behind) == (now + POLICY.propagation, ())
    assert not can_activate(prepared, alive, POLICY, moment - seconds(1))
    assert can_activate(prepared, alive, POLICY, moment)


def test_a_replica_without_the_key_is_named_until_it_has_been_silent_for_long() -> None:
    silence = POLICY.replica_timeout + POLICY.propagation
    prepared = key("next", PREPARED)
    seen = [observation("b", ["old"], seen_at=START), observation("a", [], seen_at=START)]

    assert known_at(prepared, seen, POLICY, START + silence - seconds(1))[1] == ("a", "b")
    assert known_at(prepared, seen, POLICY, START + silence) == (START + POLICY.propagation, ())
