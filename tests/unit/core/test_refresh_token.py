"""Refresh tokens: the code, and what a presentation means."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valetkey.core.oauth.refresh_token import (
    Presentation,
    RefreshState,
    RefreshToken,
    RefreshTokenCodec,
    classify_refresh_token,
)

KEYS = (b"1" * 32, b"2" * 32)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
GRACE = timedelta(seconds=10)
OURS, THEIRS = uuid4(), uuid4()


@given(st.uuids(), st.integers(0, 2**32 - 1))
def test_what_is_written_can_be_read(authorization_id: UUID, generation: int) -> None:
    token = RefreshToken(authorization_id, generation)

    assert RefreshTokenCodec(KEYS).decode(RefreshTokenCodec(KEYS).encode(token)) == token


@pytest.mark.requirement("RFC 9700 §4.14: keys can be exchanged without ending a grant")
def test_a_token_of_an_older_key_still_reads_and_of_a_removed_key_does_not() -> None:
    token = RefreshToken(uuid4(), 1)
    value = RefreshTokenCodec(KEYS[1:]).encode(token)

    assert RefreshTokenCodec(KEYS).decode(value) == token
    assert RefreshTokenCodec(KEYS[:1]).decode(value) is None


@pytest.mark.requirement("security 17: truncated, extended or re-cased values are invalid")
def test_every_single_changed_character_is_noticed() -> None:
    codec = RefreshTokenCodec(KEYS)
    value = codec.encode(RefreshToken(uuid4(), 7))
    changed = [value[:i] + ("A" if value[i] != "A" else "B") + value[i + 1 :] for i in range(len(value))]

    assert all(codec.decode(other) is None for other in changed)
    assert all(codec.decode(other) is None for other in (value[:-1], value + "A", value.swapcase(), value + "=", ""))


@given(st.text(max_size=120))
def test_no_string_is_taken_for_a_token(text: str) -> None:
    assert RefreshTokenCodec(KEYS).decode(text) is None
    assert RefreshTokenCodec(KEYS).decode("vk_rt_" + text) is None


def test_two_generations_of_one_authorization_differ() -> None:
    codec, authorization_id = RefreshTokenCodec(KEYS), uuid4()

    assert codec.encode(RefreshToken(authorization_id, 1)) != codec.encode(RefreshToken(authorization_id, 2))


@pytest.mark.requirement("security 20: an honest retry gets the same successor, reuse ends the authorization")
@pytest.mark.parametrize("age", [0, 10, 11, 1000])
@pytest.mark.parametrize("behind", [-1, 0, 1, 2, 5])
@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("holder", [OURS, THEIRS])
def test_what_a_presentation_means(age: int, behind: int, live: bool, holder: UUID) -> None:
    state = RefreshState(OURS, 6, timedelta(seconds=age), live)

    judged = classify_refresh_token(RefreshToken(uuid4(), 6 - behind), state, holder, GRACE)

    if not live or holder != OURS or behind == 0:
        assert judged is Presentation.DEAD
    elif behind < 0:
        assert judged is Presentation.UNKNOWN_GENERATION
    elif behind == 1 and age <= 10:
        assert judged is Presentation.RETRY
    else:
        assert judged is Presentation.REUSE


def test_an_authorization_that_is_gone_judges_nothing() -> None:
    assert classify_refresh_token(RefreshToken(uuid4(), 1), None, OURS, GRACE) is Presentation.DEAD


@pytest.mark.parametrize("age", [-1, 0, 1])
def test_without_a_grace_period_no_clock_makes_reuse_an_honest_retry(age: int) -> None:
    state = RefreshState(OURS, 6, timedelta(seconds=age), is_live=True)

    judged = classify_refresh_token(RefreshToken(uuid4(), 5), state, OURS, timedelta())

    assert judged is Presentation.REUSE
