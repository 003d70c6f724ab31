"""How long each parameter of an authorization request may be, and that what is kept of one is bounded as a whole."""

import json
from dataclasses import replace
from uuid import uuid4

import pytest

from support.repository import ROOT
from valetkey.core.client.client import AuthenticationMethod, Client
from valetkey.core.client.installation_rules import InstallationRules
from valetkey.core.oauth.authorization_request import AuthorizationRequest, parse_authorization_request, trust_redirect
from valetkey.core.oauth.errors import InvalidRequest, InvalidScope, InvalidTarget, OAuthError
from valetkey.core.oauth.parameter_limits import LIMITS, MAX_KEPT, kept_bytes, kept_kilobytes
from valetkey.core.oauth.params import Params
from valetkey.core.oauth.resource import Catalog, RegisteredScope, ResourceServer
from valetkey.core.oidc.claims.table import STANDARD_CLAIMS

SCOPES = tuple(f"scope-{number:03}-with-a-long-name" for number in range(64))
APIS = tuple(f"https://api-{number}.example/{'p' * 480}" for number in range(8))
CALLBACK = f"https://client.example/{'p' * 1900}"
CATALOG = Catalog(
    scopes={name: RegisteredScope(name, "Something") for name in ("openid", *SCOPES)},
    resources={uri: ResourceServer(uri, "API") for uri in APIS},
)
CLIENT = Client(
    "web", uuid4(), "Web", AuthenticationMethod.BASIC, frozenset({"authorization_code"}),
    redirect_uris=("https://client.example/cb", CALLBACK), scope=("openid", *SCOPES), resources=frozenset(APIS),
)  # fmt: skip
GOOD = {
    "response_type": "code",
    "redirect_uri": "https://client.example/cb",
    "scope": "openid",
    "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "code_challenge_method": "S256",
}
# Of those whose grammar leaves room for any length: something that is exactly as long as it may be.
LONGEST = {
    "state": "s" * LIMITS["state"].most,
    "nonce": "\u00e9" * (LIMITS["nonce"].most // 2),
    "login_hint": "a" * LIMITS["login_hint"].most,
    "id_token_hint": "x" * LIMITS["id_token_hint"].most,
    "claims": json.dumps({"userinfo": {"name": None}}).ljust(LIMITS["claims"].most),
    "prompt": " ".join(["login"] * 10),
    "max_age": "0000000060",
}
pytestmark = pytest.mark.requirement("security 55c: parameters that are kept have limits")


def parse(changes: dict[str, str | list[str]], client: Client = CLIENT) -> AuthorizationRequest:
    pairs = [
        (name, value)
        for name, values in (GOOD | changes).items()
        for value in (values if isinstance(values, list) else [values])
    ]
    params = Params.parse(pairs)
    return parse_authorization_request(params, trust_redirect(params, client), client, CATALOG, InstallationRules())


@pytest.mark.parametrize("name", LONGEST)
def test_a_parameter_may_be_as_long_as_the_table_says(name: str) -> None:
    request = parse({name: LONGEST[name]})

    assert len(LONGEST[name].encode()) <= LIMITS[name].most
    assert request.client_id == CLIENT.client_id


@pytest.mark.parametrize("name", sorted(LIMITS.keys() - {"client_id", "redirect_uri"}))
@pytest.mark.parametrize("filling", ["x", "\u00e9", " "])
def test_a_parameter_that_is_longer_is_refused_with_its_registered_code(name: str, filling: str) -> None:
    limit = LIMITS[name]
    value = filling * (limit.most // len(filling.encode()) + 1)

    with pytest.raises(OAuthError) as refused:
        parse({name: value})

    assert refused.value.error == {"scope": "invalid_scope", "resource": "invalid_target"}.get(name, "invalid_request")
    assert str(refused.value) == f"{name} is longer than {limit.most} bytes"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scope": " ".join(f"s{number}" for number in range(65))}, InvalidScope),
        ({"resource": [f"https://api-{number}.example/" for number in range(9)]}, InvalidTarget),
        ({"claims": json.dumps({"id_token": {"sub": {"value": "s" * 256}}})}, InvalidRequest),
    ],
)
def test_more_than_a_few_values_are_refused(changes: dict[str, str | list[str]], error: type[OAuthError]) -> None:
    with pytest.raises(error):
        parse(changes)


def test_a_redirect_uri_that_is_too_long_is_never_trusted() -> None:
    uri = f"https://client.example/{'p' * 2000}"
    client = replace(CLIENT, redirect_uris=("http://127.0.0.1/" + "p" * 1980,))

    for presented, registered in ((uri, CLIENT), (f"http://127.0.0.1:8000/{'p' * 1980}", client)):
        with pytest.raises(InvalidRequest):
            parse({"redirect_uri": presented}, registered)


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "s" * 4096, "redirect_uri": CALLBACK},
        {"resource": list(APIS), "scope": " ".join(SCOPES)},
        {"state": "s" * 4096, "scope": " ".join(SCOPES)},
    ],
)
def test_a_request_whose_parts_are_allowed_is_refused_where_the_whole_is_too_much(
    changes: dict[str, str | list[str]],
) -> None:
    with pytest.raises(InvalidRequest, match=f"longer than {MAX_KEPT} bytes"):
        parse(changes)


def test_of_what_is_kept_a_usual_request_weighs_one_kilobyte_and_the_largest_six() -> None:
    usual = parse({"state": "s" * 44, "nonce": "n" * 44, "scope": "openid", "login_hint": "ada@example.com"})
    largest = parse({"state": "s" * 4096, "nonce": "n" * 512, "scope": " ".join(SCOPES[:20])})

    assert kept_kilobytes(usual) == 1
    assert kept_bytes(largest) > MAX_KEPT - 512
    assert kept_kilobytes(largest) == 6


@pytest.mark.parametrize("hint", ["two words", "a" * 255, "eyJhbGciOiJSUzI1NiJ9." + "x" * 1000, "a\tb"])
def test_a_login_hint_that_is_no_login_name_is_not_kept(hint: str) -> None:
    assert parse({"login_hint": hint}).login_hint is None


@pytest.mark.parametrize("hint", ["ada", "Ada@Example.COM", "\u00e9" * 254])
def test_a_login_hint_that_may_be_a_login_name_is_kept(hint: str) -> None:
    assert parse({"login_hint": hint}).login_hint == hint


def test_of_claims_only_names_and_values_that_mean_something_are_kept() -> None:
    unknown = {f"unknown-{number}": None for number in range(50)}
    acr = {"essential": True, "values": ["urn:valetkey:acr:password", "urn:other", "urn:valetkey:acr:password"]}
    document = {"userinfo": {"name": None, **unknown}, "id_token": {"acr": acr, "email": None, **unknown}}

    claims = parse({"claims": json.dumps(document)}).claims

    assert (claims.userinfo, claims.id_token) == (("name",), ("email",))
    assert claims.essential_acr == ("urn:valetkey:acr:password",)
    assert len(STANDARD_CLAIMS.names) <= 20


@pytest.mark.parametrize("name", ["acr_values", "ui_locales", "claims_locales", "display", "registration", "unknown"])
def test_what_is_not_read_may_be_of_any_length_and_leaves_nothing(name: str) -> None:
    assert parse({name: "x" * 8000}) == parse({})


def test_the_readme_of_the_room_has_the_table() -> None:
    readme = (ROOT / "services" / "authorize" / "README.md").read_text(encoding="utf-8")

    rows = [
        f"| `{limit.name}` | {limit.most:,}{f', {limit.values} times' if limit.values > 1 else ''} | {limit.kept} |"
        for limit in LIMITS.values()
    ]

    assert "\n".join(rows) in readme
    assert f"{MAX_KEPT:,} bytes" in readme
