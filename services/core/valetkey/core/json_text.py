"""JSON as we write it, compact and in UTF-8, and as others write it. RFC 8259."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

_encode = json.JSONEncoder(separators=(",", ":")).encode


def to_json(value: Mapping[str, object]) -> bytes:
    """The object as text, its members in their order."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        # An attribute of a user may be a number of any size, or half a character.
        return _encode(value).encode()


def find_json_object(text: bytes | str) -> dict[str, Any] | None:
    """The JSON object in a text; None for anything else, however it is malformed. RFC 8259."""
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _refuse(_constant: str) -> NoReturn:
    raise ValueError("not a JSON number")
