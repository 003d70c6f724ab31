"""A cache that is bounded in entries and bytes, and in which one owner cannot displace the others."""

import random

import pytest

from valetkey.core.bounded_cache import BoundedCache

pytestmark = pytest.mark.requirement("security 52: caches are bounded whatever is sent")


def cache(entries: int = 100, size: int = 1000, share: float = 0.25) -> BoundedCache[str, int]:
    return BoundedCache(entries=entries, size=size, share=share)


def test_what_was_put_is_found_until_it_is_discarded() -> None:
    kept = cache()
    kept.put("a", 1, owner="one", size=10)
    kept.put("a", 2, owner="one", size=20)

    found = kept.find("a")
    size = kept.size
    kept.discard("a")

    assert (found, size) == (2, 20)
    assert (kept.find("a"), kept.size, len(kept)) == (None, 0, 0)


def test_what_was_used_least_recently_makes_room() -> None:
    kept = cache(entries=2)
    kept.put("a", 1, owner="one", size=1)
    kept.put("b", 1, owner="two", size=1)
    kept.find("a")

    dropped = kept.put("c", 1, owner="three", size=1)

    assert dropped == ["b"]
    assert [kept.find(key) for key in "abc"] == [1, None, 1]


def test_an_owner_beyond_its_share_loses_what_it_used_least_recently() -> None:
    kept = cache(entries=3)
    for key in "abc":
        kept.put(key, 1, owner="one", size=1)
    kept.find("a")

    assert kept.put("d", 1, owner="one", size=1) == ["b"]


def test_bytes_are_bounded_as_entries_are() -> None:
    kept = cache(size=100, share=1)
    kept.put("a", 1, owner="one", size=60)
    kept.put("b", 1, owner="two", size=30)

    dropped = kept.put("c", 1, owner="three", size=70)

    assert dropped == ["a"]
    assert kept.size == 100


def test_what_is_larger_than_a_share_is_not_kept() -> None:
    kept = cache()
    kept.put("a", 1, owner="one", size=10)

    assert kept.put("a", 2, owner="one", size=251) == ["a"]
    assert len(kept) == 0


def test_one_owner_may_have_everything_while_no_other_needs_it() -> None:
    kept = cache()
    for number in range(100):
        kept.put(f"{number}", number, owner="one", size=10)

    assert (len(kept), kept.size) == (100, 1000)


@pytest.mark.parametrize("size", [1, 10, 100])
def test_an_owner_that_fills_it_displaces_only_its_own(size: int) -> None:
    kept = cache()
    for number in range(10):
        kept.put(f"polite-{number}", number, owner=f"polite-{number}", size=10)

    dropped = [kept.put(f"{number}", number, owner="greedy", size=size) for number in range(10_000)]

    assert all(kept.find(f"polite-{number}") == number for number in range(10))
    assert not any(key.startswith("polite") for keys in dropped for key in keys)


def test_an_owner_that_holds_more_than_its_share_makes_room_for_another() -> None:
    kept = cache()
    kept.put("old", 1, owner="polite", size=10)
    for number in range(99):
        kept.put(f"{number}", number, owner="greedy", size=10)

    dropped = [key for number in range(70) for key in kept.put(f"new-{number}", 1, owner=f"{number}", size=10)]

    assert kept.find("old") == 1
    assert dropped == [f"{number}" for number in range(70)]


def test_its_books_agree_with_what_it_keeps() -> None:
    chosen, kept = random.Random(20), cache(entries=20, size=500, share=0.2)
    sizes: dict[str, int] = {}
    for _ in range(20_000):
        key, owner, size = f"{chosen.randrange(60)}", f"{chosen.randrange(7)}", chosen.randrange(120)
        if chosen.random() < 0.2:
            kept.discard(key)
            sizes.pop(key, None)
            continue
        sizes[key] = size
        for dropped in kept.put(key, size, owner=owner, size=size):
            sizes.pop(dropped)

        assert (len(kept), kept.size) == (len(sizes), sum(sizes.values()))
        assert len(kept) <= 20
        assert kept.size <= 500

    for key in list(sizes):
        kept.discard(key)
    assert (len(kept), kept.size) == (0, 0)
    assert not vars(kept)["_owners"]
    assert not vars(kept)["_beyond_share"]
