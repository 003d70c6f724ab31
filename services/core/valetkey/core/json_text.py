"""JSON as we write it: compact, UTF-8. RFC 8259."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

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
