"""A login as a native application does one: authorization code and PKCE. OAuth 2.1 §4.1, RFC 8252."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlencode

from valetkey.cli.credentials import Credentials
from valetkey.cli.failure import Failure
from valetkey.cli.issuer_client import IssuerClient, require_safe
from valetkey.cli.loopback_redirect import LoopbackRedirect
from valetkey.core.client.client import GrantType
from valetkey.core.encoding import b64url_encode
from valetkey.core.jose.verify_own import require_issued_by, require_unexpired, verify_signature
from valetkey.core.oauth.errors import InvalidToken
from valetkey.core.oauth.pkce import S256, challenge_of
from valetkey.core.oauth.scope import OPENID, Scope, format_scope
from valetkey.core.oidc import id_token
from valetkey.core.ports.clock import Clock


def _random() -> str:
    return b64url_encode(secrets.token_bytes(32))


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """What to ask for."""

    scope: Scope
    resources: tuple[str, ...] = ()
    prompt: str | None = None
    login_hint: str | None = None


@dataclass(frozen=True, slots=True)
class _Proof:
    """What ties the answer to this request. RFC 9700 §2.1."""

    state: str = field(default_factory=_random)
    nonce: str = field(default_factory=_random)
    code_verifier: str = field(default_factory=_random)


async def log_in(
    issuer: IssuerClient,
    credentials: Credentials,
    request: LoginRequest,
    redirect: LoopbackRedirect,
    show: Callable[[str], None],
    limit: timedelta,
    clock: Clock,
) -> dict[str, object]:
    """The token response of a login that the user completes in a browser at the URL passed to ``show``.

    Everything in it has been checked: ``iss``, and the ID token's signature, audience, times and ``nonce``; an answer
    with another ``state`` is none to ``redirect``.
    Raises ``Failure``.
    """
    proof = _Proof()
    endpoint = await issuer.endpoint("authorization_endpoint")
    require_safe(endpoint)
    redirect.expect(proof.state)
    show(f"{endpoint}?{urlencode(_parameters(credentials, request, redirect, proof))}")
    answer = await redirect.answer(limit)
    code = _code(answer, issuer.issuer)
    fields = [
        ("grant_type", GrantType.AUTHORIZATION_CODE.value),
        ("code", code),
        ("redirect_uri", redirect.redirect_uri),
        ("code_verifier", proof.code_verifier),
    ]
    tokens = await issuer.post("token_endpoint", fields, credentials)
    if OPENID in request.scope:
        await _check_id_token(tokens, issuer, credentials, proof, clock)
    return tokens


def _parameters(
    credentials: Credentials, request: LoginRequest, redirect: LoopbackRedirect, proof: _Proof
) -> list[tuple[str, str]]:
    parameters = [
        ("response_type", "code"),
        ("client_id", credentials.client_id),
        ("redirect_uri", redirect.redirect_uri),
        ("state", proof.state),
        ("code_challenge", challenge_of(proof.code_verifier)),
        ("code_challenge_method", S256),
    ]
    if request.scope:
        parameters.append(("scope", format_scope(request.scope)))
    if OPENID in request.scope:
        parameters.append(("nonce", proof.nonce))
    parameters += (("resource", uri) for uri in request.resources)
    parameters += (
        (name, value)
        for name, value in (("prompt", request.prompt), ("login_hint", request.login_hint))
        if value is not None
    )
    return parameters


def _code(answer: Mapping[str, str], issuer: str) -> str:
    if answer.get("iss") != issuer:
        raise Failure("The answer comes from another issuer (RFC 9207); start again.")
    if "error" in answer:
        described = f"{answer['error']}: {answer.get('error_description', '')}".rstrip(": ")
        raise Failure(f"The login was refused: {described}")
    return answer["code"]


async def _check_id_token(
    tokens: Mapping[str, object], issuer: IssuerClient, credentials: Credentials, proof: _Proof, clock: Clock
) -> None:
    """OIDC Core §3.1.3.7."""
    try:
        claims = verify_signature(str(tokens.get("id_token", "")), await issuer.key_set(), id_token.TYP)
        require_issued_by(claims, issuer.issuer)
        require_unexpired(claims, clock())
    except InvalidToken as error:
        raise Failure(f"The ID token does not hold: {error.reason}.") from error
    if claims.get("aud") != credentials.client_id or claims.get("nonce") != proof.nonce:
        raise Failure("The ID token is for another client or another login.")
    if claims.get("at_hash") != id_token.token_hash(str(tokens.get("access_token", ""))):
        raise Failure("The ID token belongs to another access token.")
