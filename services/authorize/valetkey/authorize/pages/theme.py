"""What a platform team may set about the pages without touching a template: name, logo, accent colour, language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from valetkey.authorize.pages.color import BLACK, SHAPE_CONTRAST, TEXT_CONTRAST, WHITE, Color, contrast, parse_color

DEFAULT_ACCENT = "#0b6b5d"

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_INK = Color(0x10, 0x14, 0x18)


class ThemeError(ValueError):
    """The theme, the templates or the static files cannot be used; the message tells the operator which."""


@dataclass(frozen=True, slots=True)
class Theme:
    """Brand name, accent colour (``#rrggbb``), logo file (None: a key in the accent colour), language (BCP 47)."""

    name: str = "Valetkey"
    accent: str = DEFAULT_ACCENT
    logo: Path | None = None
    lang: str = "en"

    def __post_init__(self) -> None:
        """Raise ``ThemeError`` for what no page could show."""
        if not self.name.strip():
            raise ThemeError("the theme's name is empty")
        if parse_color(self.accent) is None:
            raise ThemeError(f"the theme's accent colour must be written #rrggbb, not {self.accent!r}")
        if not _LANGUAGE.fullmatch(self.lang):
            raise ThemeError(f"the theme's language must be a BCP 47 tag such as en or pt-BR, not {self.lang!r}")


@dataclass(frozen=True, slots=True)
class Scheme:
    """The grounds of one colour scheme, as static/valetkey.css paints them.

    ``opposite`` is where contrast is found; ``tinge`` is how much accent a tinted ground takes (0 to 1).
    """

    page: Color
    surface: Color
    sunken: Color
    opposite: Color
    tinge: float
    keeps_accent: bool


LIGHT = Scheme(
    page=Color(0xF4, 0xF5, 0xF6),
    surface=WHITE,
    sunken=Color(0xF7, 0xF8, 0xF9),
    opposite=BLACK,
    tinge=0.1,
    keeps_accent=True,
)
DARK = Scheme(
    page=Color(0x0E, 0x11, 0x14),
    surface=Color(0x17, 0x1B, 0x20),
    sunken=Color(0x1D, 0x22, 0x28),
    opposite=WHITE,
    tinge=0.26,
    keeps_accent=False,
)


@dataclass(frozen=True, slots=True)
class Palette:
    """Every colour derived from the accent for one scheme.

    ``accent`` carries ``on_accent`` (4.5:1), ``accent_hover`` too; ``accent_edge`` around it stands out from the
    grounds (3:1). ``accent_text`` is readable on each ground, on ``tint`` and on ``glow`` (4.5:1).
    """

    accent: Color
    accent_edge: Color
    accent_hover: Color
    on_accent: Color
    accent_text: Color
    tint: Color
    glow: Color


def palette(accent: Color, scheme: Scheme) -> Palette:
    """Derive the colours of one scheme so that each pair that meets on a page reaches WCAG AA."""
    grounds = (scheme.page, scheme.surface, scheme.sunken)
    tint = scheme.surface.mix(accent, scheme.tinge)
    glow = scheme.page.mix(accent, scheme.tinge / 2)
    shape = accent.until_contrast(SHAPE_CONTRAST, grounds, toward=scheme.opposite)
    # On white a pale brand colour keeps its face and gets an edge; on black a deep one would be gone, so it is lifted.
    face = accent if scheme.keeps_accent else shape
    on_accent = next(ink for ink in (WHITE, _INK, BLACK) if contrast(face, ink) >= TEXT_CONTRAST)
    return Palette(
        accent=face,
        accent_edge=shape,
        # Away from the text on it, so that hovering never costs contrast.
        accent_hover=face.mix(BLACK if on_accent == WHITE else WHITE, 0.16),
        on_accent=on_accent,
        accent_text=accent.until_contrast(TEXT_CONTRAST, (*grounds, tint, glow), toward=scheme.opposite),
        tint=tint,
        glow=glow,
    )


def theme_css(accent: str) -> str:
    """The stylesheet that gives the pages their accent, for light and dark; ``ThemeError`` unless it is #rrggbb."""
    color = parse_color(accent)
    if color is None:
        raise ThemeError(f"the accent colour must be written #rrggbb, not {accent!r}")
    light, dark = _rule(palette(color, LIGHT)), _rule(palette(color, DARK))
    return f"{light}@media (prefers-color-scheme: dark) {{\n{dark}}}\n"


def _rule(colors: Palette) -> str:
    return (
        ":root {\n"
        f"  --accent: {colors.accent};\n"
        f"  --accent-edge: {colors.accent_edge};\n"
        f"  --accent-hover: {colors.accent_hover};\n"
        f"  --on-accent: {colors.on_accent};\n"
        f"  --accent-text: {colors.accent_text};\n"
        f"  --tint: {colors.tint};\n"
        f"  --glow: {colors.glow};\n"
        "}\n"
    )
