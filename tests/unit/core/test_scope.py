"""Scope strings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valetkey.core.oauth.errors import InvalidScope
from valetkey.core.oauth.scope import MAX_LENGTH, MAX_NAMES, format_scope, narrow_scope, parse_scope


@pytest.mark.requirement("security 34: scopes are deduplicated and keep the client's order")
def test_names_are_distinct_and_in_the_order_sent() -> None:
    assert parse_scope("openid api:read openid email") == ("openid", "api:read", "email")


@pytest.mark.requirement("security 34: scope strings are bounded and grammar-checked")
@pytest.mark.parametrize(
    "text",
    [
        "a\tb", "a \tb", "a\u00a0b", " \n", "a\nb", 'a"b', "a\\b", "é", "a\x00", "\x7f",
        "a" * (MAX_LENGTH + 1), " ".join(f"s{n}" for n in range(MAX_NAMES + 1)),
    ],
)  # fmt: skip
def test_a_scope_outside_the_grammar_or_bounds_is_refused(text: str) -> None:
    with pytest.raises(InvalidScope):
        parse_scope(text)


@pytest.mark.parametrize(
    ("text", "names"),
    [(" a", ("a",)), ("a ", ("a",)), ("a  b", ("a", "b")), ("   b   a   ", ("b", "a")), (" ", ()), ("a a  a", ("a",))],
)
def test_spaces_around_and_between_names_are_no_reason_to_refuse(text: str, names: tuple[str, ...]) -> None:
    assert parse_scope(text) == names


@pytest.mark.requirement("security 19: scope is never widened, and omitted means all that was granted")
@pytest.mark.parametrize(
    ("requested", "expected"),
    [(None, ("a", "b")), ("a", ("a",)), ("b a", ("b", "a")), ("a c", None), ("c", None), ("A", None)],
)
def test_a_refresh_may_narrow_but_not_widen(requested: str | None, expected: tuple[str, ...] | None) -> None:
    if expected is None:
        with pytest.raises(InvalidScope):
            narrow_scope(("a", "b"), requested)
    else:
        assert narrow_scope(("a", "b"), requested) == expected


@given(st.text(max_size=300))
def test_whatever_parses_comes_back_the_same(text: str) -> None:
    try:
        scope = parse_scope(text)
    except InvalidScope:
        return
    assert parse_scope(format_scope(scope)) == scope
