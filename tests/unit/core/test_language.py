"""Which language a reader gets: what was asked for is bounded, and looked up as RFC 4647 says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valetkey.core.language import (
    MAX_LENGTH,
    MAX_WANTED,
    SHIPPED,
    direction,
    is_tag,
    look_up,
    offered,
    parse_accept_language,
    parse_ui_locales,
)


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("", ()),
        ("de", ("de",)),
        ("fr-CA fr en", ("fr-CA", "fr", "en")),
        ("de  de", ("de",)),
        ("de_DE de", ("de",)),
        ("<script> ../../etc fr", ("fr",)),
        ("d e-- -de de-abcdefghi ja", ("ja",)),
        (" ".join(f"aa-{number}" for number in range(40)), tuple(f"aa-{number}" for number in range(MAX_WANTED))),
        ("x" * 5000, ()),
        ("de " + "fr-" + "a" * 5000, ("de",)),
        ("\x00 \r\nSet-Cookie: de", ("de",)),
        ("\u0434\u0435 \u202ede", ()),
    ],
)
@pytest.mark.requirement("OIDC Core §3.1.2.1: an error SHOULD NOT result from ui_locales that are not supported")
def test_ui_locales_are_the_first_tags_and_never_an_error(text: str, tags: tuple[str, ...]) -> None:
    assert parse_ui_locales(text) == tags


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ("", ()),
        ("*", ()),
        ("de", ("de",)),
        ("de-CH, de;q=0.9, en;q=0.8, *;q=0.5", ("de-CH", "de", "en")),
        ("en;q=0.2,fr;q=0.9", ("fr", "en")),
        ("fr;q=0, ja", ("ja",)),
        ("fr;q=0.000 , ja;q=1.000", ("ja",)),
        ("fr;q=2, ja;q=abc, es;level=1, ar;Q=0.1", ("ar",)),
        ("de;q=0.5;q=1, fr;q=0.4", ("fr",)),
        (",,; ,de ;q=0.3", ("de",)),
        ("a" * 9000, ()),
        ("de," * 9000, ("de",)),
    ],
)
@pytest.mark.requirement("RFC 9110 §12.5.4: Accept-Language, by weight")
def test_accept_language_is_read_by_weight_and_bounded(header: str, tags: tuple[str, ...]) -> None:
    assert parse_accept_language(header) == tags


@given(st.text(max_size=4 * MAX_LENGTH))
def test_whatever_is_sent_leaves_a_few_tags(text: str) -> None:
    for tags in (parse_ui_locales(text), parse_accept_language(text)):
        assert len(tags) <= MAX_WANTED
        assert all(is_tag(tag) for tag in tags)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (["de"], "de"),
        (["DE-ch-1996"], "de"),
        (["zh-Hant-TW", "pt"], None),
        (["zh", "pt-BR"], "pt-BR"),
        (["pt"], None),
        (["pt-br-x-any"], "pt-BR"),
        (["sr-x-de", "fr"], "fr"),
        (["it", "es-419", "de"], "es"),
        ([], None),
    ],
)
@pytest.mark.requirement("RFC 4647 §3.4: look-up takes the first range, made more general step by step")
def test_look_up_finds_the_first_wanted_or_a_more_general_one(wanted: list[str], found: str | None) -> None:
    assert look_up(wanted, offered((*SHIPPED, "pt-BR"))) == found


@pytest.mark.parametrize(
    ("tag", "way"),
    [
        ("ar", "rtl"),
        ("ar-Latn", "ltr"),
        ("he-IL", "rtl"),
        ("fa", "rtl"),
        ("uz-Arab-AF", "rtl"),
        ("de", "ltr"),
        ("ja", "ltr"),
        ("az-1994", "ltr"),
    ],
)
def test_the_direction_of_a_script(tag: str, way: str) -> None:
    assert direction(tag) == way
