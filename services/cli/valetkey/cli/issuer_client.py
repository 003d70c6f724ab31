"""Speaks to an issuer over HTTP as any client would: bounded, without redirects, plain http only on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Self
from urllib.parse import urlsplit

import aiohttp
from jwt import PyJWTError

from valetkey.cli.credentials import Credentials
from valetkey.cli.failure import Failure, Unavailable
from valetkey.core.jose.verify_own import KeySet
from valetkey.core.json_text import find_json_object
from valetkey.core.routes import AUTHORIZATION_SERVER, issuer_path
from valetkey.runtime.settings.types import is_loopback

MAX_BODY = 1 << 20
# What `KeySet.parse` raises for a JWK Set that is none.
UNREADABLE_KEYS = (AttributeError, KeyError, TypeError, ValueError, PyJWTError)
_TIMEOUT = aiohttp.ClientTimeout(total=15.0)
_SUCCESS = range(200, 300)


class IssuerClient:
    """One issuer. Raises ``Unavailable`` where it cannot be reached and ``Failure`` where it refuses."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self._metadata: dict[str, object] | None = None
        self._session = aiohttp.ClientSession(timeout=_TIMEOUT, cookie_jar=aiohttp.DummyCookieJar())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def metadata(self) -> Mapping[str, object]:
        """The authorization server metadata, whose ``issuer`` is ours byte for byte. RFC 8414 §3."""
        if self._metadata is None:
            parts = urlsplit(self.issuer)
            path = AUTHORIZATION_SERVER.paths(issuer_path(self.issuer))[0]
            document = await self._get(f"{parts.scheme}://{parts.netloc}{path}")
            if document.get("issuer") != self.issuer:
                raise Failure(
                    f"{self.issuer} calls itself {document.get('issuer')!r}; use that spelling if it is who you mean."
                )
            self._metadata = document
        return self._metadata

    async def endpoint(self, name: str) -> str:
        """The URL of an endpoint, such as ``token_endpoint``."""
        url = (await self.metadata()).get(name)
        if not isinstance(url, str):
            raise Failure(f"{self.issuer} has no {name}.")
        return url

    async def post(
        self, endpoint: str, fields: Sequence[tuple[str, str]], credentials: Credentials
    ) -> dict[str, object]:
        """What an endpoint, such as ``token_endpoint``, answers to a form; empty where it has nothing to say."""
        form, headers = list(fields), {"Accept": "application/json"}
        credentials.apply(form, headers)
        return await self._request("POST", await self.endpoint(endpoint), form, headers)

    async def jwks(self) -> dict[str, object]:
        """The published JWK Set. RFC 7517 §5."""
        return await self._get(await self.endpoint("jwks_uri"))

    async def key_set(self) -> KeySet:
        """The published keys, ready to verify with."""
        try:
            return KeySet.parse(await self.jwks())  # type: ignore[arg-type]
        except UNREADABLE_KEYS as error:
            raise Failure(f"{self.issuer} publishes a JWK Set that cannot be read.") from error

    async def _get(self, url: str) -> dict[str, object]:
        return await self._request("GET", url, None, {"Accept": "application/json"})

    async def _request(
        self, method: str, url: str, form: Sequence[tuple[str, str]] | None, headers: Mapping[str, str]
    ) -> dict[str, object]:
        require_safe(url)
        try:
            async with self._session.request(
                method, url, data=form, headers=headers, allow_redirects=False
            ) as response:
                body = await _read(response)
        except (aiohttp.ClientError, TimeoutError, OSError, asyncio.IncompleteReadError) as error:
            raise Unavailable(f"{url} cannot be reached ({str(error) or type(error).__name__}).") from error
        except ValueError as error:
            raise Failure(f"{url} cannot be asked: {error}.") from error
        return _answer(url, response.status, body)


def require_safe(url: str) -> None:
    """Raise ``Failure`` unless secrets may travel to this URL: https, or http on this very machine."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise Failure(f"{url} is no URL; nothing is sent there.") from error
    is_local = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if parts.scheme != "https" and not is_local:
        raise Failure(f"{url} is neither https nor on this machine; nothing is sent there.")


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY:
            response.close()
            raise Failure(f"{response.url} answers more than {MAX_BODY} bytes.")
    return bytes(body)


def _answer(url: str, status: int, body: bytes) -> dict[str, object]:
    answer = find_json_object(body) if body else {}
    if status in _SUCCESS and answer is not None:
        return answer
    if answer is None or "error" not in answer:
        raise Failure(f"{url} answers with status {status} and no JSON object; is it the issuer?")
    described = f"{answer['error']}: {answer.get('error_description', '')}".rstrip(": ")
    if reference := answer.get("reference"):
        described += f" Its logs know it as {reference}."
    if answer["error"] == "temporarily_unavailable":
        raise Unavailable(f"The issuer is temporarily unavailable: {described}")
    raise Failure(f"The issuer refused ({status}): {described}")
