"""A whole login without a browser, through the real pages and endpoints, each answer checked. OAuth 2.1 §4.1."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from valetkey.cli.check.connection import Answer, Connection
from valetkey.cli.check.html_form import HtmlForm, read_page
from valetkey.cli.check.step import Steps
from valetkey.cli.credentials import Credentials
from valetkey.cli.failure import Failure
from valetkey.cli.issuer_client import UNREADABLE_KEYS
from valetkey.core.client.client import AuthenticationMethod
from valetkey.core.encoding import b64url_encode
from valetkey.core.jose.verify_own import KeySet, require_issued_by, require_unexpired, verify_signature
from valetkey.core.oauth.errors import InvalidToken
from valetkey.core.oauth.pkce import S256, challenge_of
from valetkey.core.oidc import id_token
from valetkey.core.ports.clock import Clock
from valetkey.core.routes import OPENID_CONFIGURATION, issuer_path

_MOST_PAGES = 12
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
_ROTATE = "Run `valetkey rotate-keys`, and see that token and introspection are ready"


@dataclass(frozen=True, slots=True)
class Account:
    """Who signs in, and for which client."""

    credentials: Credentials
    redirect_uri: str
    scope: tuple[str, ...]
    username: str
    password: str = field(repr=False)


def _random() -> str:
    return b64url_encode(secrets.token_bytes(32))


@dataclass(slots=True)
class LoginCheck:
    """One login. Raises ``Failure`` at the first step that fails."""

    connection: Connection
    steps: Steps
    account: Account
    clock: Clock
    _metadata: dict[str, Any] = field(default_factory=dict)
    _keys: KeySet | None = None

    async def run(self) -> None:
        """Every step, in the order in which a client does them."""
        await self._discover()
        verifier, nonce = _random(), _random()
        code = await self._authorize("sign in", verifier, nonce)
        tokens = await self._redeem(code, verifier)
        subject = await self._check_id_token(tokens, nonce)
        await self._userinfo(str(tokens.get("access_token", "")), subject)
        await self._require_pkce()
        tokens = await self._refresh(tokens)
        await self._revoke(tokens)

    async def _discover(self) -> None:
        issuer = self.connection.issuer
        async with self.steps.step("discovery", "Give services and --issuer the same VALETKEY_ISSUER") as step:
            parts = urlsplit(issuer)
            path = OPENID_CONFIGURATION.paths(issuer_path(issuer))[-1]
            answer = await self.connection.request(f"{parts.scheme}://{parts.netloc}{path}")
            document = _object(answer)
            if document.get("issuer") != issuer:
                raise Failure(f"the issuer calls itself {document.get('issuer')!r} and not {issuer!r}")
            for name in _ENDPOINTS:
                if not str(document.get(name, "")).startswith(f"{issuer}/"):
                    raise Failure(f"{name} is {document.get(name)!r}, which is not below {issuer}")
            methods = document.get("code_challenge_methods_supported")
            if not isinstance(methods, list) or S256 not in methods:
                raise Failure("the issuer does not offer PKCE with S256")
            self._metadata = dict(document)
            step.detail = issuer
        async with self.steps.step("keys", _ROTATE) as step:
            answer = await self.connection.request(self._metadata["jwks_uri"])
            try:
                self._keys = KeySet.parse(_object(answer))
            except UNREADABLE_KEYS as error:
                raise Failure("the JWK Set cannot be read") from error
            if not self._keys.keys:
                raise Failure("no key is published")
            step.detail = f"{len(self._keys.keys)} published"

    async def _authorize(self, name: str, verifier: str, nonce: str) -> str:
        """From the authorization request to the code, through whatever pages are shown."""
        state = _random()
        parameters = {
            "response_type": "code",
            "client_id": self.account.credentials.client_id,
            "redirect_uri": self.account.redirect_uri,
            "scope": " ".join(self.account.scope),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": S256,
        }
        advice = "See that the client has this redirect URI and these scopes (`valetkey client get`)"
        async with self.steps.step("authorize", advice):
            url = f"{self._metadata['authorization_endpoint']}?{urlencode(parameters)}"
            answer = await self._follow(await self.connection.browse(url))
        walked: set[str] = set()
        while not self._is_back(answer):
            answer = await self._next_page(name, answer, walked)
        async with self.steps.step("answer", "Start again; if it stays, something on the way changes answers"):
            return self._code(answer.location, state)

    async def _next_page(self, name: str, answer: Answer, walked: set[str]) -> Answer:
        page = read_page(answer.text)
        form = page.form
        if form is not None and form.asks_for_password and "login" not in walked:
            walked.add("login")
            typed = {"username": self.account.username, "password": self.account.password}
            advice = "See that this user exists, is enabled and has this password (`valetkey user set-password`)"
            async with self.steps.step(name, advice):
                shown = await self._submit(answer, form, typed)
                refused = None if self._is_back(shown) else read_page(shown.text)
                if refused is not None and (refused.alert or (refused.form and refused.form.asks_for_password)):
                    raise Failure(f"the sign-in was not accepted: {refused.alert or refused.heading}")
                return shown
        if form is not None and form.asks_for_consent and "consent" not in walked:
            walked.add("consent")
            async with self.steps.step("consent", "See the authorize service's log"):
                return await self._submit(answer, form, {"action": "allow"})
        async with self.steps.step("pages", "See the authorize service's log, and `valetkey client get`"):
            raise Failure(f"{answer.url.partition('?')[0]} shows {page.heading!r} with status {answer.status}")

    async def _submit(self, answer: Answer, form: HtmlForm, typed: dict[str, str]) -> Answer:
        try:
            url = urljoin(answer.url, form.action or answer.url)
        except ValueError:
            url = form.action
        if not self._is_ours(url):
            raise Failure(f"the form goes to {url}, which is not below the issuer")
        return await self._follow(await self.connection.browse(url, [*form.hidden.items(), *typed.items()]))

    async def _follow(self, answer: Answer) -> Answer:
        for _ in range(_MOST_PAGES):
            if not answer.location or self._is_back(answer):
                return answer
            if not self._is_ours(answer.location):
                raise Failure(f"{answer.url.partition('?')[0]} leads to {answer.location.partition('?')[0]}")
            answer = await self.connection.browse(answer.location)
        raise Failure("the pages lead in a circle")

    def _is_ours(self, url: str) -> bool:
        return url.startswith(f"{self.connection.issuer}/")

    def _is_back(self, answer: Answer) -> bool:
        return answer.location.partition("?")[0] == self.account.redirect_uri.partition("?")[0]

    def _code(self, location: str, state: str) -> str:
        given = dict(parse_qsl(urlsplit(location).query))
        if not hmac.compare_digest(given.get("state", "").encode(), state.encode()):
            raise Failure("the answer carries another state than the one sent")
        if given.get("iss") != self.connection.issuer:
            raise Failure(f"the answer names the issuer {given.get('iss')!r} (RFC 9207)")
        if "error" in given:
            raise Failure(f"the request was refused: {given['error']}: {given.get('error_description', '')}")
        if not given.get("code"):
            raise Failure("the answer carries no code")
        return given["code"]

    async def _redeem(self, code: str, verifier: str) -> dict[str, Any]:
        async with self.steps.step("token", "See that token is ready, and the client's secret and grant types") as step:
            tokens = _object(await self._post("token_endpoint", self._code_grant(code, verifier)))
            if not tokens.get("access_token"):
                raise Failure("the answer holds no access token")
            step.detail = " ".join(sorted(name for name in tokens if name.endswith("_token")))
            return tokens

    def _code_grant(self, code: str, verifier: str) -> list[tuple[str, str]]:
        return [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.account.redirect_uri),
            ("code_verifier", verifier),
        ]

    async def _check_id_token(self, tokens: dict[str, Any], nonce: str) -> str:
        async with self.steps.step("id token", f"{_ROTATE}; replicas may hold different keys") as step:
            if self._keys is None:
                raise Failure("the keys are not known")
            try:
                claims = verify_signature(str(tokens.get("id_token", "")), self._keys, id_token.TYP)
                require_issued_by(claims, self.connection.issuer)
                require_unexpired(claims, self.clock())
            except InvalidToken as error:
                raise Failure(f"the ID token does not hold: {error.reason}") from error
            if claims.get("aud") != self.account.credentials.client_id or claims.get("nonce") != nonce:
                raise Failure("the ID token is for another client or another login")
            if claims.get("at_hash") != id_token.token_hash(str(tokens.get("access_token", ""))):
                raise Failure("the ID token belongs to another access token")
            step.detail = f"sub {claims.get('sub')}"
            return str(claims.get("sub"))

    async def _userinfo(self, access_token: str, subject: str) -> None:
        async with self.steps.step("userinfo", "See that introspection is ready"):
            headers = {"Authorization": f"Bearer {access_token}"}
            answer = await self.connection.request(self._metadata["userinfo_endpoint"], headers=headers)
            if _object(answer).get("sub") != subject:
                raise Failure("userinfo speaks of another user than the ID token")

    async def _require_pkce(self) -> None:
        code = await self._authorize("sign in again", _random(), _random())
        async with self.steps.step("pkce", "Report this: a code was redeemed without its verifier"):
            answer = await self._post("token_endpoint", self._code_grant(code, _random()))
            if answer.body.get("error") != "invalid_grant":
                raise Failure(f"a code with another verifier is answered with status {answer.status}")

    async def _refresh(self, tokens: dict[str, Any]) -> dict[str, Any]:
        refresh_token = tokens.get("refresh_token")
        if not refresh_token:
            self.steps.skip("refresh", "the client is given no refresh token")
            return tokens
        async with self.steps.step("refresh", "See the token service's log"):
            fields = [("grant_type", "refresh_token"), ("refresh_token", str(refresh_token))]
            fresh = _object(await self._post("token_endpoint", fields))
            if not fresh.get("access_token") or fresh.get("refresh_token") == refresh_token:
                raise Failure("the refresh token was not replaced")
            return fresh

    async def _revoke(self, tokens: dict[str, Any]) -> None:
        access_token = str(tokens.get("access_token", ""))
        can_ask = self.account.credentials.method is not AuthenticationMethod.NONE
        if can_ask:
            await self._introspect("introspect", access_token, active=True)
        else:
            self.steps.skip("introspect", "a public client may not introspect")
        async with self.steps.step("revoke", "See that token reaches Redis"):
            token = str(tokens.get("refresh_token") or access_token)
            answer = await self._post("revocation_endpoint", [("token", token)])
            if answer.status != HTTPStatus.OK:
                raise _refused(answer)
        if can_ask:
            await self._introspect("introspect again", access_token, active=False)

    async def _introspect(self, name: str, token: str, *, active: bool) -> None:
        async with self.steps.step(name, "See that token and introspection use the same Redis and PostgreSQL") as step:
            answer = _object(await self._post("introspection_endpoint", [("token", token)]))
            if answer.get("active") is not active:
                raise Failure(f"the access token is {'not ' if active else 'still '}active")
            step.detail = "active" if active else "not active any more"

    async def _post(self, endpoint: str, fields: list[tuple[str, str]]) -> Answer:
        form, headers = list(fields), {"Accept": "application/json"}
        self.account.credentials.apply(form, headers)
        return await self.connection.request(str(self._metadata[endpoint]), form, headers)


def _object(answer: Answer) -> dict[str, Any]:
    if answer.status != HTTPStatus.OK or not answer.body:
        raise _refused(answer)
    return dict(answer.body)


def _refused(answer: Answer) -> Failure:
    body = answer.body
    said = f"{body['error']}: {body.get('error_description', '')}" if "error" in body else "nothing that can be read"
    return Failure(f"{answer.url.partition('?')[0]} answers {answer.status}, {said}".rstrip(": ."))
