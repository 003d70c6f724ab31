"""Untrusted text on one line: its content stays, characters that could deceive a reader go."""

from __future__ import annotations

import unicodedata

MAX_LENGTH = 120
_JOINERS = frozenset("\u200c\u200d")  # Persian, Indic scripts and emoji need them; they cannot reorder text.


def plain(text: str, limit: int = MAX_LENGTH) -> str:
    """One line of at most ``limit`` characters, without control, invisible and text-direction characters."""
    if text.isascii() and text.isprintable():
        visible = text
    else:
        spaced = "".join(" " if character.isspace() else character for character in text)
        visible = "".join(character for character in spaced if character in _JOINERS or not is_invisible(character))
    line = " ".join(visible.split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def is_invisible(character: str) -> bool:
    """Whether a person would not see it: controls, formats, surrogates, private use, unassigned."""
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn"}
