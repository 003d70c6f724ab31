"""Sends what is meant for an issuer to where its services listen, with the headers that an ingress would set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any, Self
from urllib.parse import urlencode, urljoin, urlsplit

import aiohttp
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from valetkey.cli.failure import Failure
from valetkey.cli.issuer_client import MAX_BODY, require_safe
from valetkey.core.json_text import find_json_object
from valetkey.core.routes import service_of

ANY_SERVICE = ""
_TIMEOUT = aiohttp.ClientTimeout(total=15.0)
_TRACE_HEADER = "X-Trace-Id"
_REDIRECTS = frozenset({302, 303, 307})
_FORM = "application/x-www-form-urlencoded"

Pairs = Sequence[tuple[str, str]]


class Unreachable(Failure):
    """The server does not answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; ``url`` is what was asked for, as the public spells it."""

    url: str
    status: int
    headers: CIMultiDictProxy[str]
    text: str

    @property
    def trace_id(self) -> str:
        """What the services' logs and traces know the request as."""
        return self.headers.get(_TRACE_HEADER, "")

    @property
    def location(self) -> str:
        """Where it sends the browser, absolute; empty where it stays."""
        if self.status not in _REDIRECTS:
            return ""
        try:
            return urljoin(self.url, self.headers.get("Location", ""))
        except ValueError as error:
            raise Failure(f"{self.url.partition('?')[0]} leads to no URL") from error

    @property
    def body(self) -> Mapping[str, Any]:
        """The JSON object it holds, empty where it holds none."""
        return find_json_object(self.text) or {}


@dataclass(slots=True)
class Connection:
    """One client of ``issuer`` that keeps cookies as a browser does; secure ones too, for the issuer is what counts.

    ``upstreams`` are base URLs by service, or one for ``ANY_SERVICE``; without one the issuer itself is asked.
    """

    issuer: str
    upstreams: Mapping[str, str]
    last: Answer | None = None
    _cookies: dict[str, str] = field(default_factory=dict)
    _session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=_TIMEOUT, cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    def forget(self) -> None:
        """Nothing has been answered yet."""
        self.last = None

    async def browse(self, url: str, form: Pairs | None = None) -> Answer:
        """A request of the browser: with its cookies, and with its origin where a form is sent."""
        headers = {"Accept": "text/html"}
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        if form is not None:
            parts = urlsplit(self.issuer)
            headers["Origin"] = f"{parts.scheme}://{parts.netloc}"
        answer = await self.request(url, form, headers)
        for header in answer.headers.getall("Set-Cookie", ()):
            for name, morsel in _cookies_in(header).items():
                if morsel["max-age"] == "0" or not morsel.value:
                    self._cookies.pop(name, None)
                else:
                    self._cookies[name] = morsel.value
        return answer

    async def request(self, url: str, form: Pairs | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        """The answer to one request; a POST where there is a form. Raises ``Unreachable`` and ``Failure``."""
        self.forget()
        if self._session is None:
            raise RuntimeError("the connection is not open")
        public = urlsplit(url)
        sent = CIMultiDict(headers or {})
        target = f"{public.path or '/'}{f'?{public.query}' if public.query else ''}"
        upstream = self._upstream(target)
        if upstream:
            sent["Host"] = sent["X-Forwarded-Host"] = public.netloc
            sent["X-Forwarded-Proto"] = public.scheme
        else:
            require_safe(url)
        if form is not None:
            sent["Content-Type"] = _FORM
        where = upstream + target if upstream else url
        try:
            async with self._session.request(
                "GET" if form is None else "POST",
                URL(where, encoded=True),
                data=None if form is None else urlencode(form),
                headers=sent,
                allow_redirects=False,
            ) as response:
                text = (await response.content.read(MAX_BODY)).decode(errors="replace")
                self.last = Answer(url, response.status, response.headers, text)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(
                f"{upstream or self.issuer} cannot be reached ({str(error) or type(error).__name__})"
            ) from error
        except ValueError as error:
            raise Failure(f"{where.partition('?')[0]} cannot be asked: {error}") from error
        return self.last

    def _upstream(self, target: str) -> str:
        service = service_of(target, urlsplit(self.issuer).path)
        return self.upstreams.get(service, self.upstreams.get(ANY_SERVICE, "")).rstrip("/")


def _cookies_in(header: str) -> SimpleCookie:
    try:
        return SimpleCookie(header)
    except CookieError as error:
        raise Failure(f"a cookie cannot be read ({error})") from error
