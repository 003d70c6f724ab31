"""One HTTP request and its answer, kept so that the page can show both."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import quote_plus

from aiohttp import ClientError, ClientSession

TRACE_HEADER = "X-Trace-Id"
NO_ANSWER = 0

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request as it was sent, and what came back; ``status`` is 0 where nothing did.

    ``note`` is a sentence for the page. ``body`` is empty where the answer was not a JSON object.
    """

    method: str
    url: str
    headers: Pairs = field(default=(), repr=False)
    form: Pairs = field(default=(), repr=False)
    content: Mapping[str, Any] | None = field(default=None, repr=False)
    status: int = NO_ANSWER
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    answer_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    trace_id: str = ""
    note: str = ""

    @property
    def is_ok(self) -> bool:
        """Whether the answer is a success."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    def text(self, name: str) -> str:
        """A string member of the answer, or an empty string."""
        value = self.body.get(name)
        return value if isinstance(value, str) else ""

    def noted(self, note: str) -> Exchange:
        """The same with a sentence for the page."""
        return replace(self, note=note)


async def perform(session: ClientSession, request: Exchange) -> Exchange:
    """Send the request and return it with its answer; an unreachable server is an answer too."""
    try:
        async with session.request(
            request.method,
            request.url,
            headers=list(request.headers),
            data=list(request.form) or None,
            json=request.content,
            allow_redirects=False,
        ) as response:
            body = await response.read()
            return replace(
                request,
                status=response.status,
                body=_json_object(body),
                answer_headers=response.headers.copy(),
                trace_id=response.headers.get(TRACE_HEADER, ""),
            )
    except (ClientError, TimeoutError):
        return request


def basic(client_id: str, client_secret: str) -> tuple[str, str]:
    """The header of ``client_secret_basic``; both parts are form-urlencoded first. RFC 6749 §2.3.1."""
    credentials = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
    return "Authorization", f"Basic {b64encode(credentials.encode()).decode()}"


def bearer(access_token: str) -> tuple[str, str]:
    """The header that presents an access token. RFC 6750 §2.1."""
    return "Authorization", f"Bearer {access_token}"


def _json_object(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
