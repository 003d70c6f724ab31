"""Answers that carry tokens or errors: JSON that nobody may store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping

_NO_STORE = {"Content-Type": "application/json", "Cache-Control": "no-store"}
_encode = json.JSONEncoder(separators=(",", ":")).encode


def no_store_json(
    payload: Mapping[str, object], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """ASCII JSON with ``Cache-Control: no-store``. RFC 6749 §5.1, RFC 7662 §2.2."""
    return web.Response(
        body=_encode(payload).encode("ascii"), status=status, headers={**_NO_STORE, **headers} if headers else _NO_STORE
    )
