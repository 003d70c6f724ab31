"""A browser without JavaScript: keeps cookies, follows redirects one at a time, fills in forms as a person does."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from socket import AF_INET, AddressFamily
from ssl import create_default_context
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from support.document import Element, parse_document

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from multidict import CIMultiDictProxy

_OF_ISSUER_OR_TAB = re.compile(r"(?:-[0-9a-f]{8})?(?:_[0-9a-f]{8})?$")
FORM = "application/x-www-form-urlencoded"
Pairs = list[tuple[str, str]]


def common_name(name: str) -> str:
    """The name of a cookie, without what tells it from that of another issuer or tab."""
    return _OF_ISSUER_OR_TAB.sub("", name)


@dataclass(frozen=True, slots=True)
class Answer:
    """One response, read to its end. ``url`` is where it was asked for."""

    status: int
    url: str
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def location(self) -> str:
        """Where it redirects to, absolute."""
        return urljoin(self.url, self.headers["Location"])

    @property
    def page(self) -> Element:
        """The page it shows."""
        return parse_document(self.text)

    @property
    def is_redirect(self) -> bool:
        """Whether it sends the browser elsewhere."""
        return self.status in {301, 302, 303, 307, 308}


@dataclass(frozen=True, slots=True)
class Form:
    """A form as it was shown."""

    action: str
    method: str
    fields: Pairs

    def filled(self, values: Mapping[str, str]) -> Pairs:
        """The fields with these values in place of, or beside, those shown."""
        kept = [(name, value) for name, value in self.fields if name not in values]
        return [*kept, *values.items()]


class KnownHosts(AbstractResolver):
    """Names with one address each, and no others."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self._addresses = addresses

    async def resolve(self, host: str, port: int = 0, family: AddressFamily = AF_INET) -> list[ResolveResult]:
        """The address of a host that is known."""
        if host not in self._addresses:
            raise OSError(f"no address of {host} is known")
        known = self._addresses[host]
        return [ResolveResult(hostname=host, host=known, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing is kept."""


@dataclass(slots=True)
class Browser:
    """One browser profile. Every POST carries an ``Origin``, as in browsers: that of the address unless told.

    ``headers`` go with every request, as what a proxy adds does. ``cookies`` have the names of one issuer, without
    what tells them from those of another issuer or tab; each is sent under the name that it was set with. One that a
    test has put there is sent under the name it has there, as the previous release would have set it.

    ``keeps_names``: ``cookies`` have the names that they were set with, as where several issuers share the host.
    """

    _session: ClientSession = field(
        default_factory=lambda: ClientSession(
            cookie_jar=DummyCookieJar(), timeout=ClientTimeout(total=30), auto_decompress=False
        )
    )
    cookies: dict[str, str] = field(default_factory=dict)
    origin: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    keeps_names: bool = False
    _names: dict[tuple[str, str], str] = field(default_factory=dict)
    _lasting: set[str] = field(default_factory=set)

    @classmethod
    def trusting(cls, authority: Path, addresses: Mapping[str, str] | None = None) -> Self:
        """One that knows another authority for certificates, and ``addresses`` of hosts that no name server knows."""
        resolver = KnownHosts(addresses) if addresses else None
        connector = TCPConnector(ssl=create_default_context(cafile=authority), resolver=resolver)
        return cls(
            ClientSession(
                cookie_jar=DummyCookieJar(), timeout=ClientTimeout(total=30), auto_decompress=False, connector=connector
            )
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def close(self) -> None:
        """Close the window; ``cookies`` stay readable."""
        await self._session.close()

    def reopen(self) -> None:
        """Close every window and begin anew: cookies that were set without ``Max-Age`` are gone. RFC 6265 §5.3."""
        self.cookies = {name: value for name, value in self.cookies.items() if name in self._lasting}

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """One request with this profile's cookies; redirects are not followed."""
        pairs = [f"{self._names.get((name, value), name)}={value}" for name, value in self.cookies.items()]
        sent = {"Cookie": "; ".join(pairs)} if pairs else {}
        async with self._session.request(
            method,
            URL(url, encoded=True),
            headers={**self.headers, **sent, **(headers or {})},
            data=body,
            allow_redirects=False,
        ) as response:
            for header in response.headers.getall("Set-Cookie", ()):
                self._store(header)
            return Answer(response.status, url, response.headers, await response.read())

    def _store(self, header: str) -> None:
        for name, morsel in SimpleCookie(header).items():
            short = name if self.keeps_names else common_name(name)
            if morsel["max-age"] == "0" or not morsel.value:
                self.cookies.pop(short, None)
            else:
                self.cookies[short] = morsel.value
                (self._lasting.add if morsel["max-age"] else self._lasting.discard)(short)
                if short != name:
                    self._names[short, morsel.value] = name

    async def get(self, url: str, params: Sequence[tuple[str, str]] = ()) -> Answer:
        """Open an address."""
        return await self.request("GET", f"{url}?{urlencode(params)}" if params else url)

    async def post(self, url: str, pairs: Sequence[tuple[str, str]], *, origin: str | None = None) -> Answer:
        """Submit a form."""
        parts = urlsplit(url)
        headers = {"Content-Type": FORM, "Origin": origin or self.origin or f"{parts.scheme}://{parts.netloc}"}
        return await self.request("POST", url, headers=headers, body=urlencode(pairs).encode())

    async def follow(self, answer: Answer, *, within: str) -> Answer:
        """Follow redirects as long as they stay below ``within``; the last answer is the first that does not."""
        for _ in range(10):
            if not answer.is_redirect or not answer.location.startswith(within):
                return answer
            answer = await self.get(answer.location)
        raise AssertionError("redirected in a circle")

    async def submit(self, answer: Answer, **values: str) -> Answer:
        """Fill in the page's one form and submit it."""
        form = form_of(answer)
        return await self.post(form.action, form.filled(values))


def form_of(answer: Answer) -> Form:
    """The one form of a page that needs no script, with the fields a browser would send without a button."""
    (element,) = (form for form in answer.page.find_all("form") if "data-passkey" not in form.attributes)
    fields = [
        (field.attributes["name"], field.attributes.get("value", ""))
        for field in element.find_all("input")
        if "name" in field.attributes and (field.attributes.get("type") != "checkbox" or "checked" in field.attributes)
    ]
    action = urljoin(answer.url, element.attributes.get("action", answer.url))
    return Form(action, element.attributes.get("method", "get").upper(), fields)


def query_of(location: str) -> dict[str, str]:
    """The query parameters of an address, each of which must be there once."""
    pairs = parse_qsl(urlsplit(location).query, keep_blank_values=True, strict_parsing=True)
    assert len(pairs) == len(dict(pairs)), f"a parameter is repeated in {location}"
    return dict(pairs)
