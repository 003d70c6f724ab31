"""Untrusted JSON. Refuses what two parsers could read in two ways."""

import json
from typing import Any, NoReturn


def parse_object(text: bytes) -> dict[str, Any]:
    """The JSON object in UTF-8 `text`. RFC 8259 §4: repeated names are refused; so are NaN and Infinity.

    Raises ValueError.
    """
    try:
        value = json.loads(text.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one exception type for every malformed document
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name is repeated")
    return members


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError("not a JSON number")
