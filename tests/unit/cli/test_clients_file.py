from datetime import timedelta
from pathlib import Path

import pytest

from valetkey.administration.apply.clients_file import CLIENT_FIELDS, read_declaration
from valetkey.administration.apply.declaration import DEFAULT_OVERLAP, Declaration
from valetkey.administration.client_record import FIELDS
from valetkey.core.client.client import AuthenticationMethod

HERE = Path("/etc/valetkey")
HOW_TO_WRITE_ONE = "write it like 90, 90s, 15m, 12h or 14d"

WHOLE = """
scopes:
  - name: orders:read
    description: Read your orders
    resource: https://orders.example
clients:
  - client_id: web
    client_name: The shop
    token_endpoint_auth_method: client_secret_post
    grant_types: [authorization_code, refresh_token]
    redirect_uris: [https://shop.example/callback]
    post_logout_redirect_uris: [https://shop.example/]
    scope: openid orders:read
    resources: [https://orders.example]
    id_token_signed_response_alg: RS256
    default_max_age: 3600
    client_uri: https://shop.example
    policy_uri: https://shop.example/privacy
    tos_uri: https://shop.example/terms
    enabled: false
    secret_file: secrets/web
    secret_overlap: 2d
  - client_id: orders
    resource: https://orders.example
"""


def problems_of(text: str) -> list[str]:
    return read_declaration(text, HERE)[1]


def test_every_field_arrives() -> None:
    declaration, problems = read_declaration(WHOLE, HERE)

    assert not problems
    web, orders = declaration.clients
    assert web.client.client_name == "The shop"
    assert web.client.token_endpoint_auth_method is AuthenticationMethod.POST
    assert web.client.grant_types == {"authorization_code", "refresh_token"}
    assert web.client.redirect_uris == ("https://shop.example/callback",)
    assert web.client.post_logout_redirect_uris == ("https://shop.example/",)
    assert web.client.scope == ("openid", "orders:read")
    assert web.client.resources == {"https://orders.example"}
    assert web.client.id_token_signed_response_alg == "RS256"
    assert web.client.default_max_age == 3600
    assert web.client.client_uri == "https://shop.example"
    assert web.client.policy_uri == "https://shop.example/privacy"
    assert web.client.tos_uri == "https://shop.example/terms"
    assert web.client.enabled is False
    assert web.secret_file == HERE / "secrets/web"
    assert web.secret_overlap == timedelta(days=2)
    assert orders.client.resource == "https://orders.example"
    assert [scope.name for scope in declaration.scopes] == ["orders:read"]


def test_a_file_can_say_everything_that_a_registration_has() -> None:
    assert set(FIELDS) | {"client_id", "secret_file", "secret_overlap"} == set(CLIENT_FIELDS)


@pytest.mark.requirement("RFC 7591 §2: client_secret_basic and the name of the client where nothing is said")
def test_what_is_not_said_is_as_registration_has_it() -> None:
    text = (
        "clients: [{client_id: web, redirect_uris: ['https://a.example/cb']}, {client_id: api, resource: 'https://a'}]"
    )

    (web, api) = read_declaration(text, HERE)[0].clients

    assert web.client.token_endpoint_auth_method is None
    assert web.client.client_name == "web"
    assert web.client.grant_types == {"authorization_code"}
    assert api.client.grant_types == frozenset()
    assert web.secret_overlap == DEFAULT_OVERLAP
    assert web.client.enabled


def test_scope_may_be_a_list_too() -> None:
    (declared,) = read_declaration("clients: [{client_id: web, scope: [openid, email]}]", HERE)[0].clients

    assert declared.client.scope == ("openid", "email")


def test_an_empty_file_asks_for_nothing() -> None:
    assert read_declaration("", HERE) == (Declaration(), [])


def test_every_problem_is_reported_at_once() -> None:
    problems = problems_of(
        """
clientz: []
scopes:
  - {name: 'bad scope', description: x}
  - {description: y}
clients:
  - {client_id: web, redirect_uri: x, enabled: maybe, default_max_age: -1}
  - {client_id: 7}
  - just text
  - {client_id: app, token_endpoint_auth_method: private_key_jwt, grant_types: authorization_code}
  - {client_id: spa, token_endpoint_auth_method: none, secret_file: x}
  - {client_id: late, secret_overlap: forever}
"""
    )

    assert problems == [
        "the file: clientz is not a field; did you mean clients?",
        "scopes[1] (bad scope): name: use printable ASCII without spaces, quotes and backslashes",
        "scopes[2]: name is missing",
        "clients[1] (web): redirect_uri is not a field; did you mean redirect_uris?",
        "clients[1] (web): default_max_age must be a whole number from 0 to 2147483647",
        "clients[1] (web): enabled must be true or false",
        "clients[2]: client_id must be text; put it in quotes",
        "clients[3]: must be a mapping with a name before each value",
        "clients[3]: client_id is missing",
        "clients[4] (app): token_endpoint_auth_method must be one of client_secret_basic, client_secret_post, none",
        "clients[4] (app): grant_types must be a list",
        "clients[5] (spa): a public client has no secret; remove secret_file and secret_overlap",
        f"clients[6] (late): secret_overlap must be a duration from 0 s to 7776000 s; {HOW_TO_WRITE_ONE}",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("clients: [{client_id: a}, {client_id: a}]", "client_id a is there 2 times"),
        (
            "clients: [{client_id: a, resource: 'https://r'}, {client_id: b, resource: 'https://r'}]",
            "resource https://r is there 2 times",
        ),
        ("scopes: [{name: s, description: d}, {name: s, description: d}]", "scope s is there 2 times"),
        ("clients: [{client_id: a, redirect_uris: [x, x]}]", "clients[1] (a): redirect_uris has something twice"),
        ("[]", "the file: must be a mapping with a name before each value"),
        ("clients: {}", "the file: clients must be a list"),
        ("clients: [{client_id: a, scope: 3}]", "clients[1] (a): scope must be a list"),
        ("clients: [{client_id: a, redirect_uris: [1]}]", "clients[1] (a): redirect_uris must be a list of texts; "),
        ("scopes: [{name: openid, description: d, resource: 'https://r'}]", "scopes[1] (openid): resource: openid is"),
        (
            "scopes: [{name: s, description: d, translations: {de: 1}}]",
            "scopes[1] (s): translations must have a",
        ),
        (
            "scopes: [{name: s, description: d, translations: {de: ' '}}]",
            "scopes[1] (s): translations: de: use 1",
        ),
        (
            "scopes: [{name: s, description: d, translations: {d_e: x}}]",
            "scopes[1] (s): translations: 'd_e' is no",
        ),
        (
            "scopes: [{name: s, description: d, translations: {de: x, DE: y}}]",
            "scopes[1] (s): translations: a language is there twice",
        ),
        ("a: &a [*a]", "the file: line 1: an alias inside of what it stands for; write it out"),
    ],
)
def test_what_cannot_be_meant_is_a_problem(text: str, problem: str) -> None:
    assert any(found.startswith(problem) for found in problems_of(text)), problems_of(text)
