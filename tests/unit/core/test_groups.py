"""How groups may be within each other."""

import pytest

from valetkey.core.authentication.group import MAX_DEPTH, nesting_problems


@pytest.mark.parametrize(
    ("parents", "chain"),
    [
        ({"a": ["b"], "b": ["a"]}, "a in b in a"),
        ({"a": ["b"], "b": ["c", "d"], "c": [], "d": ["b"]}, "b in d in b"),
        ({"x": ["a"], "a": ["a"]}, "a in a"),
    ],
)
def test_a_cycle_is_told_with_its_groups(parents: dict[str, list[str]], chain: str) -> None:
    (problem,) = nesting_problems(parents)

    assert problem.startswith(f"Groups would be within themselves: {chain}.")


def test_a_chain_is_bounded_and_a_diamond_is_none() -> None:
    longest = {f"g{number}": [f"g{number + 1}"] for number in range(MAX_DEPTH - 1)}
    diamond = {"a": ["b", "c"], "b": ["d"], "c": ["d"]}

    assert nesting_problems(longest | diamond) == []
    (problem,) = nesting_problems(longest | {"below": ["g0"]})
    assert problem.startswith(f"below would be at the bottom of {MAX_DEPTH + 1} groups")
