"""A client and a user who recognise whatever is meant for them, and know at once what is not."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

from support.aborted_request import RawRequest, raw_request
from support.document import parse_document
from support.relying_party import challenge_for
from support.tokens import claims_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support.planted_codes import PlantedCodes
    from support.relying_party import RelyingParty, Reply

VERIFIER = "v" * 48


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """An answer as it came over a bare socket."""

    status: int
    head: bytes
    body: bytes

    @property
    def location(self) -> str:
        """Where it redirects to."""
        found = re.search(rb"^Location: (.*?)\r?$", self.head, re.MULTILINE)
        assert found, self.head
        return found[1].decode()


@dataclass(frozen=True, slots=True)
class Canary:
    """``name`` is in the state, the nonce and the login hint of whatever it asks. It has signed in once."""

    name: str
    party: RelyingParty
    codes: PlantedCodes
    tokens: Reply
    revoked: Reply

    @property
    def _subject(self) -> str:
        assert self.party.person is not None
        return self.party.person.subject

    async def redemption(self, url: str) -> RawRequest:
        """Redeems a new code."""
        code = await self.codes.plant(nonce=self.name)
        return self._form(f"{url}/token", grant_type="authorization_code", code=code.code, code_verifier=code.verifier)

    def introspection(self, url: str, *, revoked: bool = False) -> RawRequest:
        """Introspects an access token of its own."""
        token = (self.revoked if revoked else self.tokens).access_token
        return self._form(f"{url}/introspect", token=token)

    def userinfo(self, url: str) -> RawRequest:
        """Asks who its user is."""
        return raw_request("GET", f"{url}/userinfo", {"Authorization": f"Bearer {self.tokens.access_token}"})

    def authorization(self, url: str) -> RawRequest:
        """Asks for a code by the session that the browser has, and the consent that is remembered."""
        return self._authorization(url, cookies=self.party.browser.cookies, prompt="none")

    def login_request(self, url: str) -> RawRequest:
        """Asks for a login."""
        cookies = {name: value for name, value in self.party.browser.cookies.items() if "session" not in name}
        return self._authorization(url, cookies=cookies, login_hint=self.name)

    def login_page(self, url: str, location: str) -> RawRequest:
        """Opens the login page that it was redirected to."""
        parts = urlsplit(location)
        headers = {"Cookie": _cookie({k: v for k, v in self.party.browser.cookies.items() if "session" not in k})}
        return raw_request("GET", f"{url}{parts.path}?{parts.query}", headers)

    def require_tokens(self, answer: RawAnswer) -> None:
        """The answer to its redemption."""
        assert answer.status == 200, answer.body
        body = json.loads(answer.body)
        access, identity = claims_of(body["access_token"]), claims_of(body["id_token"])
        assert (access["sub"], access["client_id"]) == (self._subject, self.party.client.client_id)
        assert (identity["sub"], identity["aud"], identity["nonce"]) == (
            self._subject,
            self.party.client.client_id,
            self.name,
        )

    def require_introspection(self, answer: RawAnswer, *, revoked: bool = False) -> None:
        """The answer to its introspection."""
        assert answer.status == 200, answer.body
        body = json.loads(answer.body)
        if revoked:
            assert body == {"active": False}
        else:
            claims = claims_of(self.tokens.access_token)
            assert (body["active"], body["jti"], body["sub"]) == (True, claims["jti"], self._subject)

    def require_userinfo(self, answer: RawAnswer) -> None:
        """What is said of its user."""
        assert answer.status == 200, answer.body
        assert json.loads(answer.body)["sub"] == self._subject

    def require_code(self, answer: RawAnswer) -> str:
        """The code in the answer to its authorization request."""
        assert answer.status == 303, answer.body
        assert answer.location.startswith(f"{self.party.client.redirect_uri}?")
        query = parse_qs(urlsplit(answer.location).query)
        assert query["state"] == [self.name], query
        return query["code"][0]

    def require_login_page(self, answer: RawAnswer) -> None:
        """The page of the login that it asked for."""
        assert answer.status == 200, answer.body
        page = parse_document(answer.body.decode())
        (field,) = page.find_all("input", name="username")
        assert field.attributes["value"] == self.name

    def _authorization(self, url: str, cookies: Mapping[str, str], **changes: str) -> RawRequest:
        params = {
            **dict(self.party.request_params(VERIFIER, state=self.name, scope="openid api:read")),
            "code_challenge": challenge_for(VERIFIER),
            **changes,
        }
        return raw_request("GET", f"{url}/authorize?{urlencode(params)}", {"Cookie": _cookie(cookies)})

    def _form(self, url: str, **params: str) -> RawRequest:
        headers, fields = self.party.credentials()
        return raw_request("POST", url, headers, [*params.items(), *fields])


def _cookie(cookies: Mapping[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())
