"""Untrusted text, made safe to show."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valetkey.authorize.consent.claim_words import claim_words
from valetkey.authorize.pages.display import initial, web_link
from valetkey.core.oidc.claims.table import STANDARD_CLAIMS
from valetkey.core.plain_text import MAX_LENGTH, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Fleet  Planner\n", "Fleet Planner"),
        ("a\r\nb\tc", "a b c"),
        ("exe.\u202egpj\x00\ufeff", "exe.gpj"),
        ("\u0646\u200c\u0646", "\u0646\u200c\u0646"),
        ("x" * 200, "x" * 119 + "…"),
        ("", ""),
    ],
)
def test_text_becomes_one_plain_line(text: str, shown: str) -> None:
    assert plain(text) == shown


@pytest.mark.requirement("security 10: a name cannot reorder or break the text around it")
@given(st.text())
def test_no_text_breaks_the_line_or_its_direction(text: str) -> None:
    line = plain(text)

    assert len(line) <= MAX_LENGTH
    assert all(
        unicodedata.category(character) not in {"Cc", "Cs"}
        and unicodedata.bidirectional(character) not in {"RLO", "LRO", "RLE", "LRE", "PDF", "RLI", "LRI", "FSI", "PDI"}
        for character in line
    )
    assert plain(line) == line


@pytest.mark.parametrize(
    ("text", "letter"), [("ada", "A"), (" (élan)", "É"), ("…", "•"), ("", "•"), ("ßen", "S"), ("李", "李")]
)
def test_the_initial_is_the_first_letter_of_a_name(text: str, letter: str) -> None:
    assert initial(text) == letter


@pytest.mark.requirement("security 2: no javascript:, data: or vbscript: in any letter case")
@pytest.mark.parametrize(
    "uri",
    [
        "javascript:x",
        "JAVASCRIPT:x",
        " javascript:x",
        "java\nscript:x",
        "data:,x",
        "ftp://x",
        "//x",
        "/x",
        "https:",
        "",
        "http://[",
    ],
)
def test_only_a_web_address_becomes_a_link(uri: str) -> None:
    assert web_link(uri) is None


@pytest.mark.parametrize("uri", ["https://a.example/x?y=1&z=2", "http://127.0.0.1:9000/"])
def test_a_web_address_is_left_as_it_is(uri: str) -> None:
    assert web_link(uri) == uri


@pytest.mark.parametrize("name", sorted(STANDARD_CLAIMS.names))
def test_every_claim_that_we_support_has_words(name: str) -> None:
    assert claim_words(name) != claim_words("unknown").replace("unknown", name)
