"""An independent client, and the user behind it."""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import b64encode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, urlencode

from support.browser import FORM, Answer, Browser, query_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def challenge_for(verifier: str) -> str:
    """RFC 7636 §4.2, written a second time on purpose."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class Reply:
    """A JSON answer of an endpoint."""

    status: int
    body: dict[str, Any]
    headers: Mapping[str, str]

    @property
    def error(self) -> str | None:
        """The error code, None on success."""
        return self.body.get("error")

    @property
    def access_token(self) -> str:
        """The access token of a token response."""
        return str(self.body["access_token"])

    @property
    def refresh_token(self) -> str:
        """The refresh token of a token response."""
        return str(self.body["refresh_token"])

    @property
    def active(self) -> bool:
        """Whether an introspection response says active; anything but a boolean is an error."""
        assert self.status == 200, self.body
        assert isinstance(self.body["active"], bool)
        return bool(self.body["active"])


@dataclass(frozen=True, slots=True)
class Person:
    """A user who can sign in."""

    username: str
    password: str = field(repr=False)
    subject: str = ""


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """How a client presents itself. ``method`` is its ``token_endpoint_auth_method``."""

    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    redirect_uri: str = ""
    method: str = "client_secret_basic"


@dataclass(frozen=True, slots=True)
class CodeResponse:
    """What came back at the redirect URI, with the verifier that belongs to it."""

    params: dict[str, str]
    verifier: str

    @property
    def code(self) -> str:
        """The code of a successful response."""
        assert "code" in self.params, self.params
        return self.params["code"]


@dataclass(slots=True)
class RelyingParty:
    """Drives a login in a browser and talks to the endpoints."""

    issuer: str
    client: ClientIdentity
    person: Person | None = None
    browser: Browser = field(default_factory=Browser)

    def request_params(self, verifier: str, **changes: str | None) -> list[tuple[str, str]]:
        """An authorization request; None leaves a parameter out."""
        params: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client.client_id,
            "redirect_uri": self.client.redirect_uri,
            "scope": "openid",
            "state": secrets.token_urlsafe(8),
            "code_challenge": challenge_for(verifier),
            "code_challenge_method": "S256",
        }
        return [(name, value) for name, value in (params | changes).items() if value is not None]

    async def start(self, verifier: str | None = None, **changes: str | None) -> Answer:
        """Open the authorization endpoint and follow our own redirects to the first page, or out to the client."""
        params = self.request_params(verifier or secrets.token_urlsafe(48), **changes)
        return await self.browser.follow(await self.browser.get(f"{self.issuer}/authorize", params), within=self.issuer)

    async def sign_in(
        self, page: Answer, person: Person | None = None, *, fields: Mapping[str, str] | None = None
    ) -> Answer:
        """Fill in the login page; ``fields`` are further ones of it."""
        person = person or self.person
        assert person is not None
        answer = await self.browser.submit(page, username=person.username, password=person.password, **(fields or {}))
        return await self.browser.follow(answer, within=self.issuer)

    async def walk(self, answer: Answer) -> Answer:
        """Do what the pages ask for until the browser is sent to the client: sign in, continue, allow."""
        for _ in range(4):
            if answer.is_redirect or answer.status != 200:
                break
            names = {field.attributes.get("name") for field in answer.page.find_all("input")}
            actions = {button.attributes.get("value") for button in answer.page.find_all("button")}
            if "password" in names:
                answer = await self.sign_in(answer)
            elif "continue" in actions:
                answer = await self.browser.follow(
                    await self.browser.submit(answer, action="continue"), within=self.issuer
                )
            elif "allow" in actions:
                answer = await self.browser.follow(
                    await self.browser.submit(answer, action="allow"), within=self.issuer
                )
            else:
                break
        return answer

    async def authorize(self, **changes: str | None) -> CodeResponse:
        """The whole way through the browser, to what arrives at the redirect URI."""
        verifier = secrets.token_urlsafe(48)
        answer = await self.walk(await self.start(verifier, **changes))
        assert answer.is_redirect, f"{answer.status} at {answer.url}: {answer.text[:300]}"
        return CodeResponse(query_of(answer.location), verifier)

    def credentials(self) -> tuple[dict[str, str], list[tuple[str, str]]]:
        """Headers and form fields that authenticate the client."""
        client = self.client
        if client.method == "client_secret_basic":
            pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret or '')}"
            return {"Authorization": "Basic " + b64encode(pair.encode()).decode()}, []
        fields = [("client_id", client.client_id)]
        if client.method == "client_secret_post":
            fields.append(("client_secret", client.client_secret or ""))
        return {}, fields

    async def post(self, endpoint: str, pairs: Sequence[tuple[str, str]], *, authenticate: bool = True) -> Reply:
        """Ask an endpoint with a form."""
        headers, fields = self.credentials() if authenticate else ({}, [])
        answer = await self.browser.request(
            "POST",
            f"{self.issuer}{endpoint}",
            headers={"Content-Type": FORM, "Cookie": "", **headers},
            body=urlencode([*pairs, *fields]).encode(),
        )
        return reply_of(answer)

    async def post_raw(self, endpoint: str, body: str, headers: Mapping[str, str]) -> Reply:
        """Ask an endpoint with a form and headers that are written by hand."""
        sent = {"Content-Type": FORM, "Cookie": "", **headers}
        return reply_of(
            await self.browser.request("POST", f"{self.issuer}{endpoint}", headers=sent, body=body.encode())
        )

    async def token(self, grant_type: str, **params: str | None) -> Reply:
        """Ask the token endpoint."""
        given = [(name, value) for name, value in params.items() if value is not None]
        return await self.post("/token", [("grant_type", grant_type), *given])

    async def redeem(self, response: CodeResponse, **changes: str | None) -> Reply:
        """Exchange a code."""
        params: dict[str, str | None] = {
            "code": response.code,
            "code_verifier": response.verifier,
            "redirect_uri": self.client.redirect_uri,
        }
        return await self.token("authorization_code", **(params | changes))

    async def log_in(self, **changes: str | None) -> Reply:
        """The whole code flow: the token response."""
        reply = await self.redeem(await self.authorize(**changes))
        assert reply.status == 200, reply.body
        return reply

    async def log_out(self, id_token: str) -> None:
        """End the browser's session, as a client does that knows whose it is."""
        answer = await self.browser.get(f"{self.issuer}/logout", [("id_token_hint", id_token)])
        assert answer.status == 200
        assert not answer.page.find_all("form"), "the hint was not believed"

    async def refresh(self, refresh_token: str, **params: str | None) -> Reply:
        """Refresh."""
        return await self.token("refresh_token", refresh_token=refresh_token, **params)

    async def introspect(self, token: str) -> Reply:
        """Introspect."""
        return await self.post("/introspect", [("token", token)])

    async def revoke(self, token: str) -> Reply:
        """Revoke."""
        return await self.post("/revoke", [("token", token)])

    async def userinfo(self, access_token: str) -> Reply:
        """Ask the UserInfo endpoint."""
        headers = {"Authorization": f"Bearer {access_token}", "Cookie": ""}
        return reply_of(await self.browser.request("GET", f"{self.issuer}/userinfo", headers=headers))

    async def get_json(self, path: str) -> Reply:
        """Read a public document."""
        return reply_of(await self.browser.request("GET", f"{self.issuer}{path}", headers={"Cookie": ""}))


def reply_of(answer: Answer) -> Reply:
    """An answer of an endpoint; one without a body is an empty object."""
    return Reply(answer.status, json.loads(answer.body) if answer.body else {}, answer.headers)
