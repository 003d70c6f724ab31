"""Keys of one kind of thing never name another."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valetkey.core.oauth.revocation import RevocationKind, RevocationTarget
from valetkey.storage.redis.kept.keyspace import KEYSPACE, REVOCATIONS_LOADED, code_key, interaction_key, revocation_key

targets = st.builds(RevocationTarget, st.sampled_from(RevocationKind), st.text())


@pytest.mark.requirement("security 18: each kind of thing in Redis has its own typed prefix")
@given(st.text(), targets)
def test_no_value_names_two_kinds_of_things(value: str, target: RevocationTarget) -> None:
    keys: list[str] = [code_key(value), interaction_key(value), revocation_key(target), REVOCATIONS_LOADED.prefix]

    owners = [[pattern.prefix for pattern in KEYSPACE if key.startswith(pattern.prefix)][-1] for key in keys]

    assert len(set(keys)) == 4
    assert len(set(owners)) == 4


@given(targets, targets)
def test_two_targets_never_share_a_key(one: RevocationTarget, other: RevocationTarget) -> None:
    assert (revocation_key(one) == revocation_key(other)) == (one == other)


@pytest.mark.requirement("security 51: no code and no interaction id in Redis keys")
@given(st.text(min_size=4))
def test_a_key_shows_nothing_of_what_opens_something(value: str) -> None:
    for key in (code_key(value), interaction_key(value)):
        assert re.fullmatch(r"vk:(code|interaction):\{[0-9a-f]{64}\}", key)


def test_every_pattern_says_what_it_holds_and_for_how_long() -> None:
    assert all(pattern.holds and pattern.lives for pattern in KEYSPACE)
    assert all(pattern.prefix.startswith("vk:") for pattern in KEYSPACE)
