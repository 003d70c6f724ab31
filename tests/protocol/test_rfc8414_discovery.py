"""RFC 8414 and OIDC Discovery: whatever the metadata promises is kept, wherever the issuer lives."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession, DummyCookieJar

from support.administration import Administration
from support.browser import FORM, Answer
from support.relying_party import RelyingParty
from support.system import System
from support.systems import MakeParty, StartSystem
from support.tokens import claims_of, header_of
from support.wire import Wire

DOCUMENTS = ("oauth-authorization-server", "openid-configuration")


@pytest.fixture(scope="module")
def tenant(start_system: StartSystem) -> System:
    """A system whose issuer has a path."""
    return start_system(issuer_path="/tenant/one")


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    """A client that reads public documents."""
    async with ClientSession(cookie_jar=DummyCookieJar()) as session:
        yield session


async def read(http: ClientSession, url: str) -> dict[str, Any]:
    async with http.get(url) as response:
        assert response.status == 200, url
        assert response.content_type == "application/json"
        document: dict[str, Any] = await response.json()
        return document


async def discovered(party: RelyingParty) -> dict[str, Any]:
    return (await party.get_json("/.well-known/oauth-authorization-server")).body


@pytest.mark.requirement("RFC 8414 §3.1: the well-known part inserted and appended; OIDC Discovery §4.1")
@pytest.mark.parametrize("document", DOCUMENTS)
async def test_an_issuer_with_a_path_is_found_wherever_clients_look(
    tenant: System, http: ClientSession, document: str
) -> None:
    inserted = await read(http, f"{tenant.origin}/.well-known/{document}/tenant/one")
    appended = await read(http, f"{tenant.issuer}/.well-known/{document}")

    assert inserted == appended
    assert inserted["issuer"] == tenant.issuer


@pytest.mark.requirement("RFC 8414 §3.3: the issuer is byte for byte the one that was asked")
@pytest.mark.parametrize(
    "place",
    [
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/.well-known/openid-configuration/tenant",
        "/.well-known/openid-configuration/tenant/one/",
        "/.well-known/openid-configuration/tenant/One",
        "/tenant/.well-known/openid-configuration",
        "/tenant/one/.well-known/openid-configuration/",
        "/tenant/one/.well-known/webfinger",
    ],
)
async def test_there_is_no_metadata_where_the_issuer_is_not(tenant: System, http: ClientSession, place: str) -> None:
    async with http.get(f"{tenant.origin}{place}") as response:
        assert response.status == 404


@pytest.mark.requirement("RFC 8414 §3.2: both documents describe the same server")
async def test_both_documents_say_the_same(system: System, http: ClientSession) -> None:
    first, second = [await read(http, f"{system.issuer}/.well-known/{document}") for document in DOCUMENTS]

    assert first == second
    assert first["issuer"] == system.issuer


@pytest.mark.requirement("RFC 8414 §2: every advertised endpoint answers")
@pytest.mark.parametrize("where", ["at the root", "with a path"])
async def test_every_advertised_endpoint_answers(
    system: System, tenant: System, http: ClientSession, where: str
) -> None:
    home = system if where == "at the root" else tenant
    document = await read(http, f"{home.issuer}/.well-known/openid-configuration")

    answers = {}
    for name in sorted(name for name in document if name.endswith(("_endpoint", "_uri"))):
        method = "GET" if name in {"authorization_endpoint", "jwks_uri", "end_session_endpoint"} else "POST"
        headers = {"Content-Type": FORM} if method == "POST" else {}
        async with http.request(method, document[name], headers=headers) as response:
            answers[name] = response.status

    assert all(value.startswith(f"{home.issuer}/") for name, value in document.items() if name in answers)
    assert answers == {
        "authorization_endpoint": 400,
        "end_session_endpoint": 200,
        "introspection_endpoint": 401,
        "jwks_uri": 200,
        "revocation_endpoint": 401,
        "token_endpoint": 401,
        "userinfo_endpoint": 401,
    }


@pytest.mark.requirement("RFC 8414 §3.3: the issuer is byte for byte the one that was asked")
async def test_a_whole_flow_below_a_path_is_of_one_piece(tenant: System, make_party: MakeParty) -> None:
    party = await make_party(at=tenant)
    code = await party.authorize(scope="openid profile offline_access")
    tokens = await party.redeem(code)
    refreshed = await party.refresh(tokens.refresh_token)

    userinfo = await party.userinfo(refreshed.access_token)
    introspected = await party.introspect(refreshed.access_token)
    await party.revoke(refreshed.refresh_token)
    afterwards = await party.introspect(refreshed.access_token)

    assert code.params["iss"] == tenant.issuer
    for token in (tokens.access_token, tokens.body["id_token"], refreshed.body["id_token"]):
        assert claims_of(token)["iss"] == tenant.issuer
    assert claims_of(tokens.access_token)["aud"] == tenant.issuer
    assert introspected.body["iss"] == tenant.issuer
    assert userinfo.body["preferred_username"]
    assert afterwards.body == {"active": False}


@pytest.mark.requirement("RFC 8414 §2: advertised authentication methods work, and only those")
@pytest.mark.parametrize(
    ("endpoint", "pairs"),
    [
        ("token", [("grant_type", "refresh_token"), ("refresh_token", "x")]),
        ("revocation", [("token", "x")]),
        ("introspection", [("token", "x")]),
    ],
)
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
async def test_a_method_is_advertised_exactly_where_it_is_accepted(
    make_party: MakeParty, endpoint: str, pairs: list[tuple[str, str]], method: str
) -> None:
    party = await make_party(method=method)
    document = await discovered(party)

    reply = await party.post(document[f"{endpoint}_endpoint"].removeprefix(party.issuer), pairs)

    advertised = document[f"{endpoint}_endpoint_auth_methods_supported"]
    assert (method in advertised) == (reply.error != "invalid_client")


@pytest.mark.requirement("RFC 8414 §2: advertised grant types are served, and only those")
@pytest.mark.parametrize(
    "grant", ["authorization_code", "refresh_token", "client_credentials", "password", "implicit", ""]
)
async def test_a_grant_is_advertised_exactly_where_it_is_served(
    make_party: MakeParty, administration: Administration, grant: str
) -> None:
    party = await make_party(await administration.create_machine(grants=()))

    reply = await party.token(grant or "urn:ietf:params:oauth:grant-type:device_code")

    advertised = (await discovered(party))["grant_types_supported"]
    assert reply.error == ("unauthorized_client" if grant in advertised else "unsupported_grant_type")


@pytest.mark.requirement("OIDC Discovery §3: advertised algorithms are the ones that sign")
async def test_what_signs_is_advertised_and_published(make_party: MakeParty, administration: Administration) -> None:
    party = await make_party()
    document = await discovered(party)
    published = {(key["alg"], key["kid"]) for key in (await party.get_json("/jwks")).body["keys"]}

    signed = {}
    for alg in document["id_token_signing_alg_values_supported"]:
        client = await administration.create_web_client(id_token_signed_response_alg=alg)
        id_token = (await (await make_party(client)).log_in()).body["id_token"]
        signed[header_of(id_token)["alg"]] = header_of(id_token)["kid"]

    assert signed.keys() == {"ES256", "RS256"}
    assert signed.items() <= published


@pytest.mark.requirement("MCP authorization: what clients look for before they start")
async def test_a_client_finds_what_it_needs_before_it_starts(party: RelyingParty) -> None:
    document = await discovered(party)

    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["authorization_response_iss_parameter_supported"] is True
    assert document["response_types_supported"] == ["code"]
    assert "none" in document["token_endpoint_auth_methods_supported"]
    assert "subject_types_supported" in document


@pytest.mark.requirement("RFC 9110 §13.1.2: a client that has the document is told so")
@pytest.mark.parametrize("path", ["/jwks", *(f"/.well-known/{document}" for document in DOCUMENTS)])
async def test_public_documents_can_be_cached_and_asked_for_again_cheaply(wire: Wire, path: str) -> None:
    first = await wire.send("GET", path)
    tag = first.headers["ETag"]

    asked = {
        known: await wire.send("GET", path, headers=[("If-None-Match", known)])
        for known in (tag, f"W/{tag}", f'"x", {tag}', "*", '"x"', tag.strip('"'), '"', "")
    }
    head = await wire.send("HEAD", path)

    fresh = {known for known, answer in asked.items() if answer.status == 304}
    assert fresh == {tag, f"W/{tag}", f'"x", {tag}', "*"}
    for answer in asked.values():
        assert (answer.headers["ETag"], answer.headers["Cache-Control"]) == (tag, "public, max-age=300")
        assert answer.body == (b"" if answer.status == 304 else first.body)
    assert (head.status, head.body, head.headers["ETag"]) == (200, b"", tag)
    assert head.headers["Content-Length"] == first.headers["Content-Length"]


@pytest.mark.requirement("RFC 7517 §9.2: no private key is published")
async def test_the_key_set_holds_public_keys_only(wire: Wire) -> None:
    answer: Answer = await wire.send("GET", "/jwks")

    assert answer.headers["Content-Type"] == "application/jwk-set+json"
    for key in json.loads(answer.body)["keys"]:
        public = {"EC": {"crv", "x", "y"}, "RSA": {"n", "e"}}[key["kty"]]
        assert key.keys() == {"kty", "kid", "alg", "use"} | public
        assert key["use"] == "sig"
