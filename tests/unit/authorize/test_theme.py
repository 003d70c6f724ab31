"""Colours derived from any accent stay readable."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import valetkey.authorize
from valetkey.authorize.pages.color import BLACK, WHITE, Color, contrast, parse_color
from valetkey.authorize.pages.theme import DARK, LIGHT, Scheme, Theme, ThemeError, palette, theme_css

STYLESHEET = (Path(valetkey.authorize.__file__).parent / "pages" / "static" / "valetkey.css").read_text()
CHANNEL = st.integers(0, 255)
SCHEMES = pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])


def custom_properties(scheme: Scheme) -> dict[str, Color]:
    """The colours that the stylesheet itself sets; dark ones override light ones."""
    light, dark = re.findall(r":root \{(.*?)\}", STYLESHEET, re.DOTALL)[:2]
    text = light if scheme is LIGHT else light + dark
    return {name: color for name, value in re.findall(r"--([\w-]+): (#\w+);", text) if (color := parse_color(value))}


@pytest.mark.requirement("WCAG 2.2 §1.4.3: contrast of text is at least 4.5:1")
@SCHEMES
@given(st.builds(Color, CHANNEL, CHANNEL, CHANNEL))
def test_text_on_and_in_any_accent_is_readable(scheme: Scheme, accent: Color) -> None:
    colors = palette(accent, scheme)

    assert contrast(colors.accent, colors.on_accent) >= 4.5
    assert contrast(colors.accent_hover, colors.on_accent) >= 4.5
    for ground in (scheme.surface, scheme.page, scheme.sunken, colors.tint, colors.glow):
        assert contrast(colors.accent_text, ground) >= 4.5


@pytest.mark.requirement("WCAG 2.2 §1.4.11: contrast of controls is at least 3:1")
@SCHEMES
@given(st.builds(Color, CHANNEL, CHANNEL, CHANNEL))
def test_a_button_in_any_accent_stands_out(scheme: Scheme, accent: Color) -> None:
    colors = palette(accent, scheme)

    assert contrast(colors.accent_edge, scheme.surface) >= 3
    assert contrast(colors.accent_edge, scheme.page) >= 3


@pytest.mark.requirement("WCAG 2.2 §1.4.3: contrast of text is at least 4.5:1")
@SCHEMES
@given(st.builds(Color, CHANNEL, CHANNEL, CHANNEL))
def test_ordinary_text_is_readable_on_grounds_that_the_accent_tints(scheme: Scheme, accent: Color) -> None:
    ours, colors = custom_properties(scheme), palette(accent, scheme)

    assert contrast(ours["text"], colors.tint) >= 4.5
    assert contrast(ours["muted"], colors.glow) >= 4.5


@pytest.mark.requirement("WCAG 2.2 §1.4.3: contrast of text is at least 4.5:1")
@SCHEMES
def test_the_colours_of_the_stylesheet_are_readable(scheme: Scheme) -> None:
    ours = custom_properties(scheme)

    for ink, ground in product(("text", "muted"), ("page", "surface", "sunken")):
        assert contrast(ours[ink], ours[ground]) >= 4.5
    for kind in ("danger", "caution"):
        assert contrast(ours[kind], ours[f"{kind}-ground"]) >= 4.5
    assert contrast(ours["control"], ours["surface"]) >= 3


@SCHEMES
def test_the_stylesheet_paints_the_grounds_that_the_theme_reckons_with(scheme: Scheme) -> None:
    ours = custom_properties(scheme)

    assert (ours["page"], ours["surface"], ours["sunken"]) == (scheme.page, scheme.surface, scheme.sunken)


@pytest.mark.parametrize("accent", ["#0b6b5d", "#FFD400", "#ffffff", "#000000", "#767676"])
def test_the_theme_stylesheet_sets_every_property_that_the_pages_use_for_both_schemes(accent: str) -> None:
    css = theme_css(accent)

    light, dark = css.split("@media (prefers-color-scheme: dark)")
    set_here = set(re.findall(r"(--[\w-]+):", light))
    set_there = set(re.findall(r"(--[\w-]+):", STYLESHEET))
    assert set_here == set(re.findall(r"(--[\w-]+):", dark))
    assert set(re.findall(r"var\((--[\w-]+)\)", STYLESHEET)) <= set_here | set_there


@pytest.mark.requirement("security 10: nothing but a colour reaches the stylesheet")
@pytest.mark.parametrize(
    "accent", ["", "red", "#fff", "#12345", "#1234567", "#12345g", "#123456;}*{display:none", "#123456\n", "url(//x)"]
)
def test_an_accent_that_is_not_a_colour_is_refused(accent: str) -> None:
    with pytest.raises(ThemeError, match="#rrggbb"):
        theme_css(accent)
    with pytest.raises(ThemeError, match="#rrggbb"):
        Theme(accent=accent)


@pytest.mark.parametrize("lang", ["", "en us", 'en"', "e", "en-"])
def test_a_language_that_is_not_a_tag_is_refused(lang: str) -> None:
    with pytest.raises(ThemeError, match="BCP 47"):
        Theme(lang=lang)


def test_a_brand_without_a_name_is_refused() -> None:
    with pytest.raises(ThemeError, match="name"):
        Theme(name=" ")


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [(BLACK, WHITE, 21.0), (WHITE, WHITE, 1.0), (Color(0x76, 0x76, 0x76), WHITE, 4.54), (Color(255, 0, 0), WHITE, 4.0)],
)
def test_contrast_is_that_of_wcag(one: Color, other: Color, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.01)
    assert contrast(other, one) == contrast(one, other)
