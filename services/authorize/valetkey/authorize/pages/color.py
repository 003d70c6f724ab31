"""sRGB colours and their contrast. WCAG 2.2 §1.4.3, §1.4.11."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

TEXT_CONTRAST = 4.5
SHAPE_CONTRAST = 3.0

_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_STEPS = 64
_LINEAR_BELOW = 0.04045  # IEC 61966-2-1: under this share of a channel, sRGB is a straight line.


@dataclass(frozen=True, slots=True)
class Color:
    """An opaque sRGB colour; channels are 0 to 255."""

    red: int
    green: int
    blue: int

    def __str__(self) -> str:
        """The colour as CSS writes it: ``#rrggbb``."""
        return f"#{self.red:02x}{self.green:02x}{self.blue:02x}"

    @property
    def luminance(self) -> float:
        """Relative luminance, 0 (black) to 1 (white). WCAG 2.2, Definitions."""
        return 0.2126 * _linear(self.red) + 0.7152 * _linear(self.green) + 0.0722 * _linear(self.blue)

    def mix(self, other: Color, share: float) -> Color:
        """This colour with ``share`` (0 to 1) of another one in it."""
        return Color(
            round(self.red + (other.red - self.red) * share),
            round(self.green + (other.green - self.green) * share),
            round(self.blue + (other.blue - self.blue) * share),
        )

    def until_contrast(self, ratio: float, backgrounds: Iterable[Color], *, toward: Color) -> Color:
        """The colour nearest to this one, on the way ``toward`` another, that reaches ``ratio`` on every background.

        Where none does, it is ``toward`` itself.
        """
        grounds = tuple(backgrounds)
        for step in range(_STEPS):
            candidate = self.mix(toward, step / _STEPS)
            if all(contrast(candidate, ground) >= ratio for ground in grounds):
                return candidate
        return toward


BLACK = Color(0, 0, 0)
WHITE = Color(255, 255, 255)


def parse_color(text: str) -> Color | None:
    """Read ``#rrggbb``; None for anything else, so that nothing but a colour can reach a stylesheet."""
    if not _HEX.fullmatch(text):
        return None
    return Color(int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16))


def contrast(one: Color, other: Color) -> float:
    """The contrast ratio, 1 to 21. WCAG 2.2, Definitions."""
    lighter, darker = sorted((one.luminance, other.luminance), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _linear(channel: int) -> float:
    share = channel / 255
    return share / 12.92 if share <= _LINEAR_BELOW else ((share + 0.055) / 1.055) ** 2.4
