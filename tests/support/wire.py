"""Requests written out by hand: whatever headers, whatever body, straight to one replica of one service."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote_plus, urlencode

from aiohttp import ClientSession
from multidict import CIMultiDict
from yarl import URL

from support.browser import FORM, Answer
from support.relying_party import RelyingParty
from valetkey.core.routes import routes_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Headers = list[tuple[str, str]]
Pairs = list[tuple[str, str]]
_SERVED_BY_TOKEN = tuple(route.path for route in routes_of("token"))
_NOT_ADDED = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


@dataclass(frozen=True, slots=True)
class Wire:
    """Sends exactly what it is told, past the front door. Paths are those below the issuer."""

    http: ClientSession
    urls: Mapping[str, Sequence[str]]

    async def send(
        self, method: str, path: str, *, headers: Sequence[tuple[str, str]] = (), body: bytes | None = None
    ) -> Answer:
        """One request; a header may be repeated."""
        service = "token" if path.startswith(_SERVED_BY_TOKEN) else "introspection"
        url = f"{self.urls[service][0]}{path}"
        async with self.http.request(
            method,
            URL(url, encoded=True),
            headers=CIMultiDict(headers),
            data=body,
            allow_redirects=False,
            skip_auto_headers=_NOT_ADDED,
        ) as response:
            return Answer(response.status, url, response.headers, await response.read())

    async def form(
        self, path: str, pairs: Sequence[tuple[str, str]], headers: Sequence[tuple[str, str]] = ()
    ) -> Answer:
        """Post a form."""
        return await self.send(
            "POST", path, headers=[("Content-Type", FORM), *headers], body=urlencode(list(pairs)).encode()
        )


def credentials_of(party: RelyingParty) -> tuple[Headers, Pairs]:
    """What authenticates the party's client, as headers and as fields."""
    headers, fields = party.credentials()
    return list(headers.items()), fields


def basic(client_id: str, client_secret: str) -> tuple[str, str]:
    """The Authorization header that RFC 6749 §2.3.1 describes."""
    pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
    return "Authorization", "Basic " + b64encode(pair.encode()).decode()
