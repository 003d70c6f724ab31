"""The only HTTP client of this room: bounded in time and size, no redirects, no plain http beyond loopback."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp

from valetkey.resource_server import strict_json
from valetkey.resource_server.error import IssuerUnavailable
from valetkey.resource_server.url import require_url

MAX_BODY = 256 * 1024
"""Bytes; a longer answer is not read to its end."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint of the issuer answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The JSON object in the body. Raises IssuerUnavailable."""
        media_type = self.headers.get("Content-Type", "").split(";")[0].strip().lower()
        if media_type != "application/json" and not media_type.endswith("+json"):
            raise IssuerUnavailable("answer is not JSON by its Content-Type")
        try:
            return strict_json.parse_object(self.body)
        except ValueError as error:
            raise IssuerUnavailable(f"answer is not well-formed JSON: {error}") from error


class Outbound:
    """Requests to one issuer."""

    def __init__(self, *, plain_loopback: bool, timeout: timedelta, session: aiohttp.ClientSession | None) -> None:
        self._plain_loopback = plain_loopback
        self._timeout = aiohttp.ClientTimeout(total=timeout.total_seconds())
        self._session = session
        self._owns_session = session is None

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """The answer to GET `url`. Raises IssuerUnavailable."""
        return await self._request("GET", url, headers or {}, None)

    async def post_form(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """The answer to POST `url` with a form-urlencoded body. Raises IssuerUnavailable."""
        return await self._request("POST", url, headers, form)

    async def close(self) -> None:
        """Close the connections, unless they belong to the session that was handed in."""
        if self._owns_session and self._session is not None:
            await self._session.close()
            self._session = None

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None
    ) -> Answer:
        try:
            require_url(url, plain_loopback=self._plain_loopback)
            async with self._open_session().request(
                method,
                url,
                data=form,
                # A compressed answer could grow beyond every bound.
                headers={"Accept": "application/json", "Accept-Encoding": "identity", **headers},
                allow_redirects=False,
                raise_for_status=False,
                timeout=self._timeout,
            ) as response:
                return Answer(response.status, response.headers, await _read(response))
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError, OSError, ValueError) as error:
            raise IssuerUnavailable(f"{method} to the issuer failed: {type(error).__name__}") from error

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False)
        return self._session


async def _read(response: aiohttp.ClientResponse) -> bytes:
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise IssuerUnavailable("answer is compressed although that was refused")
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY:
            response.close()
            raise IssuerUnavailable("answer is too long")
    return bytes(body)
