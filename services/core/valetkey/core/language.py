"""Languages of what people read: which are wanted, and which of those on offer that is. BCP 47, RFC 4647 §3.4."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# The language that the texts in the code are written in, and those that they are translated into.
SOURCE = "en"
SHIPPED = ("ar", "de", "en", "es", "fr", "ja")

TAG_PATTERN = r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*"
MAX_TAG_LENGTH = 35  # RFC 5646 §4.4.1
MAX_WANTED = 8
# What is read of a parameter or header: more says nothing about a reader, and costs us.
MAX_LENGTH = 320
_TAG = re.compile(TAG_PATTERN)
_QUALITY = re.compile(r"[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")
_RIGHT_TO_LEFT = frozenset({"ar", "ckb", "dv", "fa", "he", "ks", "ps", "sd", "ug", "ur", "yi"})
_RIGHT_TO_LEFT_SCRIPTS = frozenset({"adlm", "arab", "hebr", "nkoo", "rohg", "syrc", "thaa"})
_SCRIPT_LENGTH = 4


def is_tag(text: str) -> bool:
    """Whether this has the form of a language tag. RFC 5646 §2.1."""
    return len(text) <= MAX_TAG_LENGTH and _TAG.fullmatch(text) is not None


def parse_ui_locales(text: str) -> tuple[str, ...]:
    """The first tags of ``ui_locales``; what is no tag is left out, for no error may come of it. OIDC Core §3.1.2.1."""
    if not text:
        return ()
    read = text if len(text) <= MAX_LENGTH else text[:MAX_LENGTH].rpartition(" ")[0]
    return tuple(dict.fromkeys(tag for tag in read.split(" ") if is_tag(tag)))[:MAX_WANTED]


def parse_accept_language(header: str) -> tuple[str, ...]:
    """The first tags of ``Accept-Language``, the most wanted first; what is refused is left out. RFC 9110 §12.5.4."""
    read = header if len(header) <= MAX_LENGTH else header[:MAX_LENGTH].rpartition(",")[0]
    weighed = []
    for element in read.split(","):
        tag, separator, parameter = (part.strip() for part in element.partition(";"))
        quality = _QUALITY.fullmatch(parameter) if separator else None
        weight = 1.0 if not separator else float(quality[1]) if quality is not None else 0.0
        if weight > 0 and is_tag(tag):
            weighed.append((weight, tag))
    weighed.sort(key=lambda each: -each[0])
    return tuple(dict.fromkeys(tag for _, tag in weighed))[:MAX_WANTED]


def offered(tags: Iterable[str]) -> Mapping[str, str]:
    """The languages on offer, as ``look_up`` wants them."""
    return {tag.lower(): tag for tag in tags}


def look_up(wanted: Iterable[str], on_offer: Mapping[str, str]) -> str | None:
    """The first wanted language that is on offer, itself or a more general one; None where none is. RFC 4647 §3.4."""
    for tag in wanted:
        subtags = tag.lower().split("-")
        while subtags:
            found = on_offer.get("-".join(subtags))
            if found is not None:
                return found
            subtags.pop()
            if subtags and len(subtags[-1]) == 1:
                subtags.pop()
    return None


def direction(tag: str) -> str:
    """``rtl`` where the script of a language runs from right to left, otherwise ``ltr``."""
    language, *others = tag.lower().split("-")
    script = next((each for each in others if len(each) == _SCRIPT_LENGTH and each.isalpha()), None)
    if script is not None:
        return "rtl" if script in _RIGHT_TO_LEFT_SCRIPTS else "ltr"
    return "rtl" if language in _RIGHT_TO_LEFT else "ltr"
