from datetime import timedelta

import pytest

from support.rotation import POLICY, START, key, observation, seconds
from valetkey.administration.key_forecast import forecast
from valetkey.core.jose.keys import KeyState


def test_a_prepared_key_waits_until_every_verifier_can_know_it() -> None:
    prepared = key("next", KeyState.PREPARED)

    coming = forecast(prepared, [], POLICY, START)

    assert (coming.next_state, coming.not_before) == ("active", START + POLICY.propagation)


def test_a_replica_that_does_not_serve_the_key_is_named() -> None:
    prepared = key("next", KeyState.PREPARED)
    seen = [
        observation("ignorant", ["old"], seen_at=START),
        observation("knowing", ["old", "next"], seen_at=START),
    ]

    assert forecast(prepared, seen, POLICY, START + seconds(60)).blocking_replicas == ("ignorant",)


@pytest.mark.parametrize(
    ("state", "next_state", "after"),
    [
        (KeyState.ACTIVE, "retired", POLICY.active_period),
        (KeyState.RETIRED, "deleted", timedelta(hours=2)),
    ],
)
def test_other_keys_wait_for_their_time(state: KeyState, next_state: str, after: timedelta) -> None:
    coming = forecast(key("kid", state, retire_until=START + timedelta(hours=2)), [], POLICY, START)

    assert (coming.next_state, coming.not_before) == (next_state, START + after)
