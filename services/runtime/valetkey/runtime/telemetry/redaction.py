"""Takes out of text what must never be kept: the last net under the rule not to log secrets at all."""

from __future__ import annotations

import re

MASK = "***"
MAX_LENGTH = 4096
_LAST_OF_FOUR_DIGITS = 0xFFFF
_NAMES = (
    "password|passwd|secret|client_secret|code|code_verifier|access_token|refresh_token|id_token|id_token_hint"
    "|token|assertion|client_assertion|csrf|cookie|authorization"
)
_FIELD = re.compile(rf"{_NAMES}|\w+_(?:password|secret|token|cookie)", re.IGNORECASE)
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"eyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?", re.ASCII), MASK),
    (re.compile(r"\bvk_[a-z]+_[\w-]{8,}", re.ASCII), MASK),
    (re.compile(r"\b(Basic|Bearer|DPoP)\s+[\w.~+/=-]{6,}", re.IGNORECASE | re.ASCII), rf"\1 {MASK}"),
    (re.compile(r"(://[^\s/:@]*):[^\s/@]+@"), rf"\1:{MASK}@"),
    (re.compile(rf"\b((?:{_NAMES})[\"']?\s*[=:]\s*)(?:\"[^\"]*\"|'[^']*'|[^\s&,;)}}]+)", re.IGNORECASE), rf"\1{MASK}"),
)


def redact(text: str) -> str:
    """The text without tokens, credentials and passwords, cut at 4096 characters."""
    text = text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]}..."
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def is_sensitive(name: str) -> bool:
    """Whether a field of this name holds something that is masked whole."""
    return _FIELD.fullmatch(name) is not None


def one_line(text: str) -> str:
    """The text with everything unprintable escaped, so that it can neither end a line nor look like other text.

    Unicode categories Cc, Cf, Cs, Co, Cn, Zl, Zp and Zs but for the ASCII space: controls, bidirectional and zero-width
    marks, halves of characters, line separators.
    """
    return text if text.isprintable() else "".join(map(_visible, text))


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= _LAST_OF_FOUR_DIGITS else f"\\U{code:08x}"
