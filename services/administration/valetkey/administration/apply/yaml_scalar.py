"""What one plain word of YAML means. YAML 1.2 §10.3, and the words for true and false of YAML 1.1."""

from __future__ import annotations

import re
from collections.abc import Callable

import yaml

_NUMBER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})", re.ASCII)
_TRUE = frozenset({"true", "yes", "on"})
_TAG = "tag:yaml.org,2002:"
_resolve: Callable[..., str] = yaml.resolver.Resolver().resolve


def read_plain(word: str) -> object:
    """The value of a scalar without quotes: null, true or false, a whole number, or text.

    Raises ``ValueError`` for numbers and dates in any form that parsers read in several ways or at great cost.
    """
    if _NUMBER.fullmatch(word):
        return int(word)
    tag = _resolve(yaml.ScalarNode, word, (True, False)).removeprefix(_TAG)
    match tag:
        case "null":
            return None
        case "bool":
            return word.lower() in _TRUE
        case "int" | "float":
            raise ValueError(
                "a number in a form that is read in several ways; put it in quotes where it is text, or write up to 18 "
                "digits and nothing else"
            )
        case "timestamp":
            raise ValueError("a date, and no field takes one; put it in quotes")
    return word
