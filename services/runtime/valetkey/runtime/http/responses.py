"""Answers that carry tokens or errors: JSON with ``Cache-Control: no-store``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from valetkey.core.json_text import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

_NO_STORE = {"Content-Type": "application/json", "Cache-Control": "no-store"}


def no_store_json(
    payload: Mapping[str, object], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """JSON with ``Cache-Control: no-store``. RFC 6749 §5.1, RFC 7662 §2.2."""
    return web.Response(
        body=to_json(payload), status=status, headers={**_NO_STORE, **headers} if headers else _NO_STORE
    )
