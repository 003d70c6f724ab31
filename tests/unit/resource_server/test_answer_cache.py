"""What is remembered of introspection answers."""

from datetime import timedelta

import pytest

from support.rfc9068 import AUDIENCE, NOW, claims
from valetkey.resource_server.answer_cache import AnswerCache
from valetkey.resource_server.claims import read_access_token

ANSWER = read_access_token(claims(), audience=AUDIENCE, now=NOW, leeway=timedelta(0))


@pytest.mark.requirement("RFC 7662 §4: a cached answer is bounded by its age and by the token's expiry")
@pytest.mark.parametrize(
    ("ttl", "after", "found"), [(10, 9, True), (10, 10, False), (900, 299, True), (900, 300, False)]
)
def test_an_answer_is_kept_until_its_time_or_the_tokens_is_over(ttl: int, after: int, *, found: bool) -> None:
    cache = AnswerCache(ttl=timedelta(seconds=ttl), size=10)
    cache.keep("token", ANSWER, NOW)

    kept = cache.find("token", NOW + timedelta(seconds=after))

    assert (kept is ANSWER) is found


def test_nothing_is_kept_unless_asked_for() -> None:
    cache = AnswerCache(ttl=timedelta(0), size=10)
    cache.keep("token", ANSWER, NOW)

    assert cache.find("token", NOW) is None


@pytest.mark.requirement("security 52: caches are bounded whatever a caller sends")
def test_the_oldest_answer_makes_room() -> None:
    cache = AnswerCache(ttl=timedelta(seconds=10), size=2)
    for token in ("a", "b", "c"):
        cache.keep(token, ANSWER, NOW)

    assert [cache.find(token, NOW) is ANSWER for token in ("a", "b", "c")] == [False, True, True]


def test_a_clock_that_was_set_back_does_not_prolong_an_answer() -> None:
    cache = AnswerCache(ttl=timedelta(seconds=10), size=2)
    cache.keep("token", ANSWER, NOW)

    assert cache.find("token", NOW - timedelta(seconds=1)) is None
