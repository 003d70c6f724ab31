"""JSON from elsewhere, read without a surprise."""

from __future__ import annotations

import json
from typing import Any, NoReturn


def find_json_object(text: bytes | str) -> dict[str, Any] | None:
    """The JSON object in a text; None for anything else, however it is malformed. RFC 8259."""
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _refuse(_constant: str) -> NoReturn:
    raise ValueError("not a JSON number")
