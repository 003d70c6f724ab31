"""The authorization request, parsed in two stages: trust the redirect, then the rest.

OAuth 2.1 §4.1.1, OIDC Core §3.1.2.1.

Until the first stage has succeeded an error can only be shown as a page; after it, every error goes to the client.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from valetkey.core.authentication.acr import known
from valetkey.core.authentication.user import normalize_login_name
from valetkey.core.client.client import Client, GrantType, PkcePolicy
from valetkey.core.language import parse_ui_locales
from valetkey.core.oauth import causes
from valetkey.core.oauth.errors import (
    InvalidRequest,
    InvalidScope,
    OAuthError,
    RequestNotSupported,
    RequestUriNotSupported,
    UnmetAuthenticationRequirements,
    UnsupportedResponseType,
)
from valetkey.core.oauth.parameter_limits import is_too_long, require_compact, require_within_limits
from valetkey.core.oauth.pkce import NO_CHALLENGE, challenge_or_none, require_challenge
from valetkey.core.oauth.redirect_uri import append_response, match_redirect_uri, response_target
from valetkey.core.oauth.resource import Catalog, requested_resources
from valetkey.core.oauth.scope import OFFLINE_ACCESS, OPENID, Scope, parse_scope
from valetkey.core.oauth.server_metadata import PROMPTS, RESPONSE_MODES
from valetkey.core.oidc.claims.request import NO_CLAIMS, ClaimsRequest, parse_claims_request

if TYPE_CHECKING:
    from valetkey.core.client.installation_rules import InstallationRules
    from valetkey.core.oauth.params import Params

MAX_AGE_SECONDS = 10 * 365 * 86400
_PRINTABLE = re.compile(r"[\x20-\x7e]+")  # RFC 6749 Appendix A.5: state is VSCHAR
_FRONT_CHANNEL_TOKENS = frozenset({"token", "id_token"})
_DIGITS = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class TrustedRedirect:
    """A place that an answer may be sent to, and how. ``response_mode`` is one of ``RESPONSE_MODES``."""

    redirect_uri: str
    response_mode: str
    state: str | None

    def success(self, code: str, issuer: str) -> list[tuple[str, str]]:
        """The parameters of a successful response. OAuth 2.1 §4.1.2, RFC 9207 §2."""
        return [("code", code), *self._state(), ("iss", issuer)]

    def failure(self, error: OAuthError, issuer: str, reference: str = "") -> list[tuple[str, str]]:
        """The parameters of an error response. OAuth 2.1 §4.1.2.1, RFC 9207 §2.

        ``reference`` is that by which an operator finds the rest; a redirect has no other place for it.
        """
        description = f"{error.description} Reference: {reference}" if reference else error.description
        return [("error", error.error), ("error_description", description), *self._state(), ("iss", issuer)]

    @property
    def target(self) -> str:
        """Where the parameters of a response are added: none of them is there already."""
        return response_target(self.redirect_uri)

    def location(self, pairs: list[tuple[str, str]]) -> str:
        """Where response modes ``query`` and ``fragment`` redirect to. OAuth 2.0 Multiple Response Types §2.1."""
        if self.response_mode == "fragment":
            # A registered URI has no fragment of its own.
            return f"{self.target}#{urlencode(pairs)}"
        return append_response(self.target, pairs)

    def _state(self) -> list[tuple[str, str]]:
        return [] if self.state is None else [("state", self.state)]


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A valid authorization request. ``max_age`` is in seconds; a ``login_hint`` that is no login name is left out.

    ``code_challenge`` is ``NO_CHALLENGE`` where a client that may do without PKCE has sent none. ``acr_values`` are the
    levels asked for without being demanded, the weakest first. ``ui_locales`` are well-formed language tags.
    """

    client_id: str
    redirect: TrustedRedirect
    scope: Scope
    resources: tuple[str, ...]
    code_challenge: str
    nonce: str | None = None
    prompt: frozenset[str] = frozenset()
    max_age: int | None = None
    login_hint: str | None = None
    id_token_hint: str | None = None
    claims: ClaimsRequest = NO_CLAIMS
    acr_values: tuple[str, ...] = ()
    ui_locales: tuple[str, ...] = ()


def trust_redirect(params: Params, client: Client) -> TrustedRedirect:
    """Stage one: the redirect URI, which must be registered exactly. OAuth 2.1 §4.1.1, RFC 9700 §2.1.

    Raises ``InvalidRequest``, to be shown as a page. A client with one registered URI may omit it. A ``state`` or
    ``response_mode`` that cannot be used does not stop the answer: stage two refuses it.
    """
    presented = params.get("redirect_uri")
    if presented is None:
        if len(client.redirect_uris) != 1:
            raise InvalidRequest.of(causes.REDIRECT_URI_NEEDED)
        presented = client.redirect_uris[0]
    elif not match_redirect_uri(presented, client.redirect_uris, is_native=client.is_native):
        raise InvalidRequest.of(causes.REDIRECT_URI_NOT_REGISTERED)
    response_mode = _single(params, "response_mode")
    return TrustedRedirect(
        redirect_uri=presented,
        response_mode=response_mode if response_mode in RESPONSE_MODES else _default_mode(params),
        state=_usable_state(_single(params, "state")),
    )


def parse_authorization_request(
    params: Params,
    redirect: TrustedRedirect,
    client: Client,
    catalog: Catalog,
    installation: InstallationRules,
) -> AuthorizationRequest:
    """Stage two: everything else. Raises an ``OAuthError`` to be sent to the trusted redirect. OAuth 2.1 §4.1.2.1."""
    params.reject_repeats()
    if "request" in params:
        raise RequestNotSupported.of(causes.REQUEST_BY_VALUE)
    if "request_uri" in params:
        raise RequestUriNotSupported.of(causes.REQUEST_BY_REFERENCE)
    if params.required("response_type") != "code":
        raise UnsupportedResponseType.of(causes.RESPONSE_TYPE_NOT_CODE)
    client.require_grant(GrantType.AUTHORIZATION_CODE)
    require_within_limits(params)
    _require_usable_answer(params)
    challenge = _challenge(params, client.pkce_policy(installation))
    scope = _understood(parse_scope(params.get("scope")), client, catalog) or tuple(
        name for name in client.scope if name != OFFLINE_ACCESS
    )
    if not scope:
        raise InvalidScope.of(causes.NO_SCOPE)
    catalog.require_scopes(scope, frozenset(client.scope))
    resources = catalog.registered(requested_resources(params, client, installation))
    catalog.require_resources(resources, catalog.resources_for(client))
    claims = NO_CLAIMS
    if OPENID in scope:
        claims = _reachable(parse_claims_request(params.get("claims"), catalog.claim_table.names))
    max_age = _max_age(params.get("max_age"))
    if challenge == NO_CHALLENGE:
        _require_nonce(params, scope, client)
    request = AuthorizationRequest(
        client_id=client.client_id,
        redirect=redirect,
        scope=scope,
        resources=catalog.targets(scope, resources),
        code_challenge=challenge,
        nonce=params.get("nonce"),
        prompt=_prompt(params.get("prompt")),
        max_age=client.default_max_age if max_age is None else max_age,
        login_hint=_login_name(params.get("login_hint")),
        id_token_hint=params.get("id_token_hint"),
        claims=claims._replace(voluntary_acr=()) if claims.voluntary_acr else claims,
        ui_locales=parse_ui_locales(params.get("ui_locales") or ""),
        acr_values=_wanted_acr(params.get("acr_values"), claims),
    )
    require_compact(request)
    return request


def _wanted_acr(acr_values: str | None, claims: ClaimsRequest) -> tuple[str, ...]:
    """The levels that are asked for without being demanded, by either way to ask. OIDC Core §3.1.2.1, §5.5.1.1."""
    if acr_values is None:
        return known(claims.voluntary_acr)
    return known((*acr_values.split(" "), *claims.voluntary_acr))


def _challenge(params: Params, policy: PkcePolicy) -> str:
    challenge, method = params.get("code_challenge"), params.get("code_challenge_method")
    if policy is PkcePolicy.REQUIRED:
        return require_challenge(challenge, method)
    return challenge_or_none(challenge, method)


def _require_nonce(params: Params, scope: Scope, client: Client) -> None:
    """Without a challenge, a nonce of OpenID Connect binds the code to its client. OAuth 2.1 §7.5.1."""
    if client.pkce is PkcePolicy.OPTIONAL and (OPENID not in scope or params.get("nonce") is None):
        raise InvalidRequest.of(causes.CHALLENGE_AND_NONCE_MISSING)


def ignored_scope(params: Params, asked: AuthorizationRequest) -> Scope:
    """The names that a valid request has and that were ignored, in the order sent. OIDC Core §3.1.2.1."""
    return tuple(name for name in parse_scope(params.get("scope")) if name not in asked.scope)


def _understood(scope: Scope, client: Client, catalog: Catalog) -> Scope:
    """The scope without what an OpenID Connect request may ask for in vain. OIDC Core §3.1.2.1, §11.

    Ignored are names that are not registered here, those about the user that the client has not, and ``offline_access``
    without the refresh grant. A scope of a registered API is a right that the client has or has not: it stays, to be
    refused. Without ``openid`` everything stays. RFC 6749 §3.3.
    """
    if OPENID not in scope:
        return scope
    return tuple(name for name in scope if name == OPENID or _is_understood(name, client, catalog))


def _is_understood(name: str, client: Client, catalog: Catalog) -> bool:
    registered = catalog.scopes.get(name)
    if registered is None:
        return False
    if registered.resource is not None:
        return True
    if name == OFFLINE_ACCESS and GrantType.REFRESH_TOKEN not in client.grant_types:
        return False
    return name in client.scope


def _single(params: Params, name: str) -> str | None:
    values = params.all(name)
    return values[0] if len(values) == 1 else None


def _default_mode(params: Params) -> str:
    """Where a client looks that names no mode that we have. OAuth 2.0 Multiple Response Types §5, §3.

    Response types that bring tokens through the browser are refused, and clients that ask for one look in the fragment.
    """
    words = (_single(params, "response_type") or "").split(" ")
    return "query" if _FRONT_CHANNEL_TOKENS.isdisjoint(words) else "fragment"


def _usable_state(state: str | None) -> str | None:
    # One that is too long is not repeated: cut short it would be another one, and whole it may not arrive.
    return state if state is not None and not is_too_long("state", state) and _PRINTABLE.fullmatch(state) else None


def _require_usable_answer(params: Params) -> None:
    state, response_mode = params.get("state"), params.get("response_mode")
    if state is not None and _usable_state(state) is None:
        raise InvalidRequest.of(causes.STATE_MALFORMED)
    if response_mode is not None and response_mode not in RESPONSE_MODES:
        raise InvalidRequest.of(causes.RESPONSE_MODE_UNKNOWN)


def _login_name(hint: str | None) -> str | None:
    """What the login page can be filled in with; any other hint is of no use. OIDC Core §3.1.2.1."""
    return hint if hint is not None and normalize_login_name(hint) is not None else None


def _reachable(claims: ClaimsRequest) -> ClaimsRequest:
    """The same with those essential ``acr`` values that a login here reaches; it must be one of them."""
    if not claims.essential_acr:
        return claims
    reached = known(claims.essential_acr)
    if not reached:
        raise UnmetAuthenticationRequirements("no login here reaches the essential acr")
    return claims._replace(essential_acr=reached)


def _prompt(text: str | None) -> frozenset[str]:
    if text is None:
        return frozenset()
    prompts = frozenset(text.split(" ")) - {""}
    if not prompts <= set(PROMPTS):
        raise InvalidRequest.of(causes.PROMPT_UNKNOWN)
    if "none" in prompts and len(prompts) > 1:
        raise InvalidRequest.of(causes.PROMPT_NONE_AND_MORE)
    return prompts


def _max_age(text: str | None) -> int | None:
    if text is None:
        return None
    if not _DIGITS.fullmatch(text) or int(text) > MAX_AGE_SECONDS:
        raise InvalidRequest.of(causes.MAX_AGE_MALFORMED)
    return int(text)
