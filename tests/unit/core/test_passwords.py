"""Passwords are normalized. NIST SP 800-63B §3.1.1.2."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valetkey.core.authentication.password import normalize_password, password_spellings

NORMALIZED = pytest.mark.requirement("NIST SP 800-63B §3.1.1.2: passwords are normalized before they are hashed")


@NORMALIZED
@pytest.mark.parametrize(
    ("typed", "is_one"),
    [
        ("plain", True),
        ("two words", True),
        ("e\u0301t\u0061\u030a", False),
        ("étå", True),
        ("no\u00a0break", False),
        ("ideographic\u3000space", False),
        ("\uff26\uff35\uff2c\uff2c", True),
        ("ﬁ", True),
        ("Straße", True),
    ],
)
def test_only_what_is_composed_otherwise_has_two_spellings(typed: str, is_one: bool) -> None:
    assert password_spellings(typed) == ((typed,) if is_one else (normalize_password(typed), typed))


@NORMALIZED
def test_two_keyboards_type_the_same_password() -> None:
    assert normalize_password("pa\u0308ss\u00a0wort") == normalize_password("päss wort") == "päss wort"


@NORMALIZED
@given(st.text(max_size=40))
def test_the_one_spelling_of_a_spelling_is_itself(text: str) -> None:
    assert password_spellings(normalize_password(text)) == (normalize_password(text),)
