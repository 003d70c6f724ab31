"""The authorization request in its two stages."""

from dataclasses import replace
from uuid import uuid4

import pytest

from valetkey.core.client.client import AuthenticationMethod, Client, PkcePolicy
from valetkey.core.client.installation_rules import InstallationRules
from valetkey.core.oauth.authorization_request import (
    AuthorizationRequest,
    TrustedRedirect,
    ignored_scope,
    parse_authorization_request,
    trust_redirect,
)
from valetkey.core.oauth.errors import InvalidRequest, OAuthError
from valetkey.core.oauth.params import Params
from valetkey.core.oauth.resource import Catalog, RegisteredScope, ResourceServer

API, OTHER = "https://api.example", "https://other.example"
CATALOG = Catalog(
    scopes={
        "openid": RegisteredScope("openid", "Confirm who you are"),
        "email": RegisteredScope("email", "See your e-mail address"),
        "profile": RegisteredScope("profile", "See your profile"),
        "offline_access": RegisteredScope("offline_access", "Keep this access"),
        "api:read": RegisteredScope("api:read", "Read", API),
        "other:read": RegisteredScope("other:read", "Read", OTHER),
    },
    resources={API: ResourceServer(API, "API"), OTHER: ResourceServer(OTHER, "Other")},
)
CALLBACK = "https://client.example/cb"
CLIENT = Client(
    "web", uuid4(), "Web", AuthenticationMethod.BASIC, frozenset({"authorization_code"}),
    redirect_uris=(CALLBACK,), scope=("openid", "email", "api:read"),
)  # fmt: skip
GOOD = {
    "response_type": "code",
    "client_id": "web",
    "redirect_uri": CALLBACK,
    "scope": "openid api:read",
    "state": "s t=1",
    "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "code_challenge_method": "S256",
    "nonce": "n",
}


def parse(changes: dict[str, str | list[str]], client: Client = CLIENT) -> tuple[TrustedRedirect, AuthorizationRequest]:
    pairs = [
        (name, value)
        for name, values in (GOOD | changes).items()
        for value in (values if isinstance(values, list) else [values])
    ]
    params = Params.parse(pairs)
    redirect = trust_redirect(params, client)
    return redirect, parse_authorization_request(params, redirect, client, CATALOG, InstallationRules())


def error_of(changes: dict[str, str | list[str]], client: Client = CLIENT) -> str:
    with pytest.raises(OAuthError) as refused:
        parse(changes, client)
    return refused.value.error


def test_a_good_request_is_understood() -> None:
    redirect, request = parse({"prompt": "login consent", "max_age": "60"})

    assert redirect == TrustedRedirect(CALLBACK, "query", "s t=1")
    assert (request.scope, request.resources) == (("openid", "api:read"), (API,))
    assert (request.prompt, request.max_age, request.nonce) == (frozenset({"login", "consent"}), 60, "n")


@pytest.mark.requirement("security 3: no redirect where the redirect URI is bad, missing or repeated")
@pytest.mark.parametrize(
    "uri", ["https://evil.example", CALLBACK + "/", [CALLBACK, CALLBACK], [CALLBACK, "https://evil"]]
)
def test_a_redirect_uri_that_is_not_registered_is_not_trusted(uri: str | list[str]) -> None:
    params = Params.parse([("redirect_uri", value) for value in (uri if isinstance(uri, list) else [uri])])

    with pytest.raises(InvalidRequest):
        trust_redirect(params, CLIENT)


@pytest.mark.parametrize(
    ("registered", "trusted"), [((), False), ((CALLBACK,), True), ((CALLBACK, "https://b"), False)]
)
def test_a_missing_redirect_uri_is_trusted_where_exactly_one_is_registered(
    registered: tuple[str, ...], trusted: bool
) -> None:
    client = Client("w", uuid4(), "W", AuthenticationMethod.BASIC, frozenset(), redirect_uris=registered)

    if trusted:
        assert trust_redirect(Params.parse([]), client).redirect_uri == CALLBACK
    else:
        with pytest.raises(InvalidRequest):
            trust_redirect(Params.parse([]), client)


@pytest.mark.requirement("OAuth 2.1 §4.1.2.1: every other error goes to the client with its registered code")
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "id_token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"response_type": "none"}, "unsupported_response_type"),
        ({"response_type": ""}, "invalid_request"),
        ({"response_type": ["code", "code"]}, "invalid_request"),
        ({"response_mode": "fragment.jwt"}, "invalid_request"),
        ({"response_mode": "web_message"}, "invalid_request"),
        ({"state": ["a", "b"]}, "invalid_request"),
        ({"state": "é"}, "invalid_request"),
        ({"state": "a\nb"}, "invalid_request"),
        ({"state": "a" * 5000}, "invalid_request"),
        ({"nonce": "n" * 600}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"scope": "unknown"}, "invalid_scope"),
        ({"scope": "email unknown"}, "invalid_scope"),
        ({"scope": "openid other:read"}, "invalid_scope"),
        ({"scope": "openid\tunknown"}, "invalid_scope"),
        ({"resource": "not a uri"}, "invalid_target"),
        ({"resource": API + "#f"}, "invalid_target"),
        ({"resource": OTHER}, "invalid_target"),
        ({"resource": "https://unknown.example"}, "invalid_target"),
        ({"resource": [API, "https://unknown.example"]}, "invalid_target"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "magic"}, "invalid_request"),
        ({"prompt": "login\tconsent"}, "invalid_request"),
        ({"prompt": "none  login"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "1.5"}, "invalid_request"),
        ({"max_age": "٣"}, "invalid_request"),
        ({"max_age": "99999999999"}, "invalid_request"),
        ({"request": "x.y.z"}, "request_not_supported"),
        ({"request_uri": "urn:x"}, "request_uri_not_supported"),
        ({"claims": "{"}, "invalid_request"),
        ({"claims": "[]"}, "invalid_request"),
        ({"claims": '{"id_token": {"acr": {"essential": true, "value": "x"}}}'}, "unmet_authentication_requirements"),
    ],
)
def test_a_bad_parameter_has_its_registered_error(changes: dict[str, str | list[str]], error: str) -> None:
    assert error_of(changes) == error


@pytest.mark.requirement("OIDC Core §3.1.2.1: scope values that are not understood SHOULD be ignored")
@pytest.mark.parametrize(
    ("scope", "granted", "ignored"),
    [
        ("openid unknown", ("openid",), ("unknown",)),
        ("unknown openid email *", ("openid", "email"), ("unknown", "*")),
        ("openid profile", ("openid",), ("profile",)),
        ("openid offline_access", ("openid",), ("offline_access",)),
        (" openid   api:read ", ("openid", "api:read"), ()),
        (" ", ("openid", "email", "api:read"), ()),
    ],
)
def test_what_is_not_understood_is_ignored_where_openid_is_asked_for(
    scope: str, granted: tuple[str, ...], ignored: tuple[str, ...]
) -> None:
    _, request = parse({"scope": scope})

    assert request.scope == granted
    assert ignored_scope(Params.parse([("scope", scope)]), request) == (ignored if scope.strip() else ())


@pytest.mark.requirement("OIDC Core §11: offline_access is ignored where no refresh token could be given")
@pytest.mark.parametrize("is_refreshing", [True, False])
def test_offline_access_goes_with_the_refresh_grant(is_refreshing: bool) -> None:
    grants = {"authorization_code", *(["refresh_token"] if is_refreshing else [])}
    client = replace(CLIENT, scope=("openid", "offline_access"), grant_types=frozenset(grants))

    _, request = parse({"scope": "openid offline_access"}, client)

    assert ("offline_access" in request.scope) is is_refreshing


def test_openid_itself_is_never_ignored() -> None:
    assert error_of({"scope": "openid"}, replace(CLIENT, scope=("email",))) == "invalid_scope"


@pytest.mark.parametrize("prompt", [" login", "login ", "login  consent", "  consent login  "])
def test_spaces_around_and_between_prompts_are_no_reason_to_refuse(prompt: str) -> None:
    _, request = parse({"prompt": prompt})

    assert request.prompt == frozenset(prompt.split())


@pytest.mark.requirement("OAuth 2.1 §7.5.1: an installation can require PKCE of every client")
@pytest.mark.parametrize("exceptions", [True, False])
def test_an_installation_can_forbid_exceptions_from_pkce(exceptions: bool) -> None:
    client = replace(CLIENT, pkce=PkcePolicy.OPTIONAL)
    params = Params.parse((GOOD | {"code_challenge": "", "code_challenge_method": ""}).items())
    redirect, installation = trust_redirect(params, client), InstallationRules(pkce_exceptions=exceptions)

    if exceptions:
        assert parse_authorization_request(params, redirect, client, CATALOG, installation).code_challenge == ""
    else:
        with pytest.raises(InvalidRequest, match="code_challenge is missing"):
            parse_authorization_request(params, redirect, client, CATALOG, installation)


def test_a_client_without_the_code_grant_is_unauthorized() -> None:
    machine = Client(
        "m", uuid4(), "M", AuthenticationMethod.BASIC, frozenset({"client_credentials"}), redirect_uris=(CALLBACK,)
    )

    assert error_of({}, machine) == "unauthorized_client"


@pytest.mark.requirement("security 5: state and iss are echoed exactly once, on success and on error")
def test_the_answer_carries_state_and_issuer() -> None:
    redirect, _ = parse({})

    success = redirect.success("c", "https://id.example")
    failure = redirect.failure(InvalidRequest("private"), "https://id.example")

    assert success == [("code", "c"), ("state", "s t=1"), ("iss", "https://id.example")]
    assert [name for name, _ in failure] == ["error", "error_description", "state", "iss"]
    assert "private" not in str(failure)


@pytest.mark.parametrize(
    ("mode", "used"),
    [("query", "query"), ("fragment", "fragment"), ("form_post", "form_post"), ("fragment.jwt", "query")],
)
def test_an_unknown_response_mode_still_has_a_way_to_answer(mode: str, used: str) -> None:
    assert trust_redirect(Params.parse([("response_mode", mode)]), CLIENT).response_mode == used


@pytest.mark.requirement(
    "OAuth 2.0 Multiple Response Types §2.1: the answer in the fragment, a registered query in its place"
)
@pytest.mark.parametrize(
    ("redirect_uri", "location"),
    [
        ("https://a.example/cb", "https://a.example/cb#code=c&state=s+t%231&iss=https%3A%2F%2Fid.example"),
        ("https://a.example/cb?x=1", "https://a.example/cb?x=1#code=c&state=s+t%231&iss=https%3A%2F%2Fid.example"),
        ("com.example.app:/cb", "com.example.app:/cb#code=c&state=s+t%231&iss=https%3A%2F%2Fid.example"),
    ],
)
def test_an_answer_in_the_fragment(redirect_uri: str, location: str) -> None:
    redirect = TrustedRedirect(redirect_uri, "fragment", "s t#1")

    assert redirect.location(redirect.success("c", "https://id.example")) == location


@pytest.mark.requirement("RFC 6749 §3.3: an omitted scope has a default; offline access must be asked for")
def test_an_omitted_scope_means_what_the_client_registered_but_for_offline_access() -> None:
    client = replace(CLIENT, scope=(*CLIENT.scope, "offline_access"))

    _, request = parse({"scope": ""}, client)

    assert request.scope == CLIENT.scope


@pytest.mark.requirement("RFC 8707 §2: the resources are those asked for, otherwise those of the scopes")
@pytest.mark.parametrize(
    ("scope", "resource", "resources"),
    [("openid", "", ()), ("openid", API, (API,)), ("openid api:read", "", (API,)), ("openid", [API, API], (API,))],
)
def test_what_the_tokens_will_be_for(scope: str, resource: str | list[str], resources: tuple[str, ...]) -> None:
    _, request = parse({"scope": scope, "resource": resource})

    assert request.resources == resources
