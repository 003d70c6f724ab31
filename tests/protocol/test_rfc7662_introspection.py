"""RFC 7662: what a resource server may learn about a token, and what other callers do not."""

import pytest

from support.administration import API, OTHER_API, Administration
from support.aging import Aging
from support.eventually import eventually
from support.refusal import require_refusal
from support.relying_party import ClientIdentity, Person, RelyingParty, Reply
from support.systems import MakeParty
from support.tokens import altered, claims_of
from support.wire import Wire, credentials_of

SCOPE = "openid offline_access api:read"
TOKEN_CLAIMS = {"scope", "client_id", "exp", "iat", "sub", "aud", "iss", "jti"}
LOGIN_CLAIMS = {"auth_time", "acr", "amr"}


@pytest.fixture
async def other(make_party: MakeParty, resource_servers: dict[str, ClientIdentity]) -> RelyingParty:
    """The resource server that the tokens here are not for."""
    return await make_party(resource_servers["other"], Person("unused", ""))


@pytest.fixture
async def machine(make_party: MakeParty, administration: Administration) -> RelyingParty:
    """A client that acts for itself."""
    return await make_party(await administration.create_machine())


def require_inactive(reply: Reply) -> None:
    """``{"active": false}`` and nothing more."""
    assert (reply.status, reply.body) == (200, {"active": False})
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["Cache-Control"] == "no-store"


@pytest.mark.requirement("RFC 7662 §2.2: what an active token is described by")
async def test_the_resource_server_learns_what_the_token_says(party: RelyingParty, api: RelyingParty) -> None:
    tokens = await party.log_in(scope=SCOPE)

    reply = await api.introspect(tokens.access_token)

    claims = claims_of(tokens.access_token)
    assert reply.body == {"active": True, "token_type": "Bearer"} | {
        name: claims[name] for name in TOKEN_CLAIMS | LOGIN_CLAIMS
    }
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["Cache-Control"] == "no-store"


@pytest.mark.requirement("RFC 7662 §2.2: what an active token is described by")
async def test_the_token_of_a_machine_says_nothing_of_a_login(machine: RelyingParty, api: RelyingParty) -> None:
    tokens = await machine.token("client_credentials")

    reply = await api.introspect(tokens.access_token)

    assert reply.body.keys() == {"active", "token_type"} | TOKEN_CLAIMS
    assert reply.body["sub"] == reply.body["client_id"] == machine.client.client_id


@pytest.mark.requirement("security 32: only resource servers, or the client the token belongs to")
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_only_the_audience_and_the_owner_are_told(
    make_party: MakeParty, api: RelyingParty, other: RelyingParty, machine: RelyingParty, method: str
) -> None:
    party, another = await make_party(method=method), await make_party(method=method)
    tokens = await party.log_in(scope=SCOPE)

    assert (await party.introspect(tokens.access_token)).active
    assert (await api.introspect(tokens.access_token)).active
    for caller in (other, another, machine):
        require_inactive(await caller.introspect(tokens.access_token))


@pytest.mark.requirement("security 32: a token for another audience is inactive")
@pytest.mark.parametrize(
    ("scope", "resource", "audience"),
    [
        ("openid", None, set()),
        ("openid api:read", None, {API}),
        ("other:read", None, {OTHER_API}),
        ("api:read other:read", None, {API, OTHER_API}),
        ("api:read other:read", API, {API}),
        ("api:read other:read", OTHER_API, {OTHER_API}),
    ],
)
async def test_exactly_the_audience_of_a_token_is_told(
    make_party: MakeParty,
    administration: Administration,
    api: RelyingParty,
    other: RelyingParty,
    scope: str,
    resource: str | None,
    audience: set[str],
) -> None:
    client = await administration.create_web_client(scope=("openid", "api:read", "other:read"))
    party = await make_party(client)
    tokens = await party.redeem(await party.authorize(scope=scope), resource=resource)

    told = {
        identifier
        for identifier, server in {API: api, OTHER_API: other}.items()
        if (await server.introspect(tokens.access_token)).active
    }

    assert told == audience


@pytest.mark.requirement("security 26: public clients get no introspection")
async def test_a_public_client_cannot_even_ask_about_its_own_token(make_party: MakeParty) -> None:
    party = await make_party(method="none")
    tokens = await party.log_in(scope=SCOPE)

    require_refusal(await party.introspect(tokens.access_token), "invalid_client")


@pytest.mark.requirement("security 32: only resource servers, or the client the token belongs to")
async def test_introspection_requires_authentication(party: RelyingParty, wire: Wire) -> None:
    tokens = await party.log_in(scope=SCOPE)
    bearer = ("Authorization", f"Bearer {tokens.access_token}")

    for headers in ([], [bearer]):
        answer = await wire.form("/introspect", [("token", tokens.access_token)], headers)

        require_refusal(answer, "invalid_client")


@pytest.mark.requirement("security 21: a disabled client is refused everywhere")
async def test_a_disabled_resource_server_is_told_nothing(
    make_party: MakeParty, administration: Administration, party: RelyingParty
) -> None:
    server = await administration.create_client(name="archive", resource=f"https://{party.client.client_id}.example/")
    archive = await make_party(server)
    tokens = await party.log_in(scope=SCOPE)
    require_inactive(await archive.introspect(tokens.access_token))

    await administration.disable_client(server)

    async def is_refused() -> bool:
        return (await archive.introspect(tokens.access_token)).error == "invalid_client"

    await eventually(is_refused)


@pytest.mark.requirement("security 33: malformed, huge, foreign, expired, revoked tokens look alike")
async def test_whatever_is_wrong_with_a_token_looks_the_same(party: RelyingParty, api: RelyingParty) -> None:
    tokens = await party.log_in(scope=SCOPE)
    revoked = await party.log_in(scope=SCOPE)
    await party.revoke(revoked.access_token)
    code = await party.authorize(scope=SCOPE)
    header, claims, signature = tokens.access_token.split(".")
    useless = {
        "refresh token": tokens.refresh_token,
        "ID token": tokens.body["id_token"],
        "code": code.code,
        "revoked": revoked.access_token,
        "truncated": tokens.access_token[:-1],
        "extended": tokens.access_token + "A",
        "padded": tokens.access_token + "=",
        "without signature": f"{header}.{claims}.",
        "two parts": f"{header}.{claims}",
        "four parts": tokens.access_token + ".x",
        "another scope": altered(tokens.access_token, claims={"scope": "api:write"}),
        "another subject": altered(tokens.access_token, claims={"sub": "x"}),
        "another expiry": altered(tokens.access_token, claims={"exp": 9_999_999_999}),
        "swapped signature": f"{header}.{claims}.{revoked.access_token.split('.')[2]}",
        "space before": " " + tokens.access_token,
        "space after": tokens.access_token + " ",
        "line feed": tokens.access_token + "\n",
        "word": "x",
        "dots": "..",
        "not ASCII": "é.é.é",
        "emoji": "\N{KEY}",
        "escapes": "%00",
        "JSON": '{"active":true}',
        "huge": "x" * 60_000,
        "huge JWT": f"{header}.{'A' * 50_000}.{signature}",
        "deep JSON": "W1tb" * 4000 + ".e30.x",
    }

    replies = {name: await api.introspect(token) for name, token in useless.items()}

    for reply in replies.values():
        require_inactive(reply)
    names = {tuple(sorted(reply.headers)) for reply in replies.values()}
    assert len(names) == 1
    assert (await api.introspect(tokens.access_token)).active


@pytest.mark.requirement("RFC 7662 §2.2: an expired token is inactive")
async def test_a_token_is_inactive_from_the_second_it_expires(make_party: MakeParty, aging: Aging) -> None:
    party = await make_party(at=aging.system)
    api = await make_party(aging.resource_servers["api"], party.person, at=aging.system)
    tokens = await party.log_in(scope=SCOPE)
    aging.clock.advance(seconds=500)
    assert (await api.introspect(tokens.access_token)).active

    aging.clock.advance(seconds=100)

    require_inactive(await api.introspect(tokens.access_token))
    require_inactive(await party.introspect(tokens.access_token))
    assert (await party.userinfo(tokens.access_token)).status == 401


@pytest.mark.requirement("RFC 7662 §2.1: the token parameter is required")
@pytest.mark.parametrize(
    "pairs", [[], [("token", "")], [("token", "x"), ("token", "x")], [("access_token", "x")]], ids=str
)
async def test_a_question_without_one_token_is_malformed(
    api: RelyingParty, wire: Wire, pairs: list[tuple[str, str]]
) -> None:
    headers, fields = credentials_of(api)

    require_refusal(await wire.form("/introspect", [*pairs, *fields], headers), "invalid_request")


@pytest.mark.requirement("RFC 7662 §2.1: the hint is only a hint")
@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "nonsense", ""])
async def test_a_hint_changes_nothing(party: RelyingParty, api: RelyingParty, hint: str) -> None:
    tokens = await party.log_in(scope=SCOPE)

    about_access = await api.post("/introspect", [("token", tokens.access_token), ("token_type_hint", hint)])
    about_refresh = await api.post("/introspect", [("token", tokens.refresh_token), ("token_type_hint", hint)])

    assert about_access.active
    require_inactive(about_refresh)


@pytest.mark.requirement("RFC 7662 §2.2: refresh tokens are answered by the token endpoint only")
async def test_not_even_the_owner_is_told_about_a_refresh_token(party: RelyingParty) -> None:
    tokens = await party.log_in(scope=SCOPE)

    require_inactive(await party.introspect(tokens.refresh_token))


@pytest.mark.requirement("security 32: inactive and nothing more, in every response format")
@pytest.mark.parametrize(
    "accept",
    ["application/token-introspection+jwt", "text/html", "application/xml", "*/*", "application/jwt", "nonsense"],
)
async def test_no_accept_header_gets_more_out_of_it(
    party: RelyingParty, other: RelyingParty, wire: Wire, accept: str
) -> None:
    tokens = await party.log_in(scope=SCOPE)
    headers, fields = credentials_of(other)

    answer = await wire.form("/introspect", [("token", tokens.access_token), *fields], [*headers, ("Accept", accept)])

    assert (answer.status, answer.body) == (200, b'{"active":false}')
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.requirement("security 33: GET refused")
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
async def test_questions_are_only_taken_by_post(
    party: RelyingParty, api: RelyingParty, wire: Wire, method: str
) -> None:
    tokens = await party.log_in(scope=SCOPE)
    headers, _ = credentials_of(api)

    answer = await wire.send(method, f"/introspect?token={tokens.access_token}", headers=headers)

    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert b"active" not in answer.body
