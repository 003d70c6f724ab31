"""Challenges: like no other, made for one thing, good for minutes, and kept nowhere."""

from datetime import UTC, datetime, timedelta

import pytest

from valetkey.authorize.login.passkeys.challenge import LIFETIME, SKEW, Challenges
from valetkey.authorize.login.passkeys.refusal import PasskeyRefused

KEY, OTHER_KEY = bytes(range(32)), bytes(range(100, 132))
NOW = datetime(2026, 5, 4, 12, 2, tzinfo=UTC)
CHALLENGES = Challenges([KEY])
CONTEXT = ("sign in", "browser", "interaction")


@pytest.mark.requirement("WebAuthn §13.4.3: challenges are random, of 16 bytes at least")
def test_no_challenge_is_like_another() -> None:
    made = {CHALLENGES.make(NOW, *CONTEXT) for _ in range(1000)}

    assert len({challenge[8:40] for challenge in made}) == 1000
    assert {len(challenge) for challenge in made} == {72}


def test_a_challenge_is_good_on_every_replica_for_its_lifetime() -> None:
    challenge = CHALLENGES.make(NOW, *CONTEXT)

    for now in (NOW - SKEW, NOW, NOW + LIFETIME):
        Challenges([KEY]).require(challenge, now, *CONTEXT)


@pytest.mark.parametrize("now", [NOW - SKEW - timedelta(seconds=1), NOW + LIFETIME + timedelta(seconds=1)])
def test_a_challenge_expires(now: datetime) -> None:
    challenge = CHALLENGES.make(NOW, *CONTEXT)

    with pytest.raises(PasskeyRefused, match="expired"):
        CHALLENGES.require(challenge, now, *CONTEXT)


@pytest.mark.requirement("security 11: a challenge for one step, browser or interaction is none for another")
@pytest.mark.parametrize(
    "context",
    [
        ("enrol", "browser", "interaction"),
        ("sign in", "other browser", "interaction"),
        ("sign in", "browser", "other interaction"),
        ("sign in", "browser"),
        ("sign in", "browser", "interaction", ""),
        ("sign inb", "rowser", "interaction"),
        (),
    ],
)
def test_a_challenge_is_for_one_thing(context: tuple[str, ...]) -> None:
    challenge = CHALLENGES.make(NOW, *CONTEXT)

    with pytest.raises(PasskeyRefused, match="something else"):
        CHALLENGES.require(challenge, NOW, *context)


@pytest.mark.parametrize("place", [0, 7, 8, 39, 40, 71])
def test_no_bit_of_a_challenge_can_be_changed(place: int) -> None:
    challenge = bytearray(CHALLENGES.make(NOW, *CONTEXT))
    challenge[place] ^= 1

    with pytest.raises(PasskeyRefused):
        CHALLENGES.require(bytes(challenge), NOW, *CONTEXT)


@pytest.mark.parametrize("presented", [b"", b"x" * 71, b"x" * 72, b"x" * 73])
def test_nothing_else_is_a_challenge(presented: bytes) -> None:
    with pytest.raises(PasskeyRefused):
        CHALLENGES.require(presented, NOW, *CONTEXT)


def test_a_challenge_outlives_a_change_of_keys_as_long_as_its_key_is_accepted() -> None:
    challenge = CHALLENGES.make(NOW, *CONTEXT)

    Challenges([OTHER_KEY, KEY]).require(challenge, NOW, *CONTEXT)
    with pytest.raises(PasskeyRefused):
        Challenges([OTHER_KEY]).require(challenge, NOW, *CONTEXT)
