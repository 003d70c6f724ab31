"""OIDC Core §5.3 and RFC 6750: who is behind this token, told to a client that presents it properly."""

from urllib.parse import quote

import pytest

from support.administration import Administration
from support.legacy import put_legacy_client
from support.relying_party import RelyingParty, Reply, reply_of
from support.systems import MakeParty
from support.wire import Wire

PROFILE = {"name": "Ada Lovelace", "given_name": "Ada"}
CHALLENGE = 'Bearer realm="valetkey"'
FORM = ("Content-Type", "application/x-www-form-urlencoded")


def require_challenge(reply: Reply, status: int, error: str | None, scope: str = "") -> None:
    """RFC 6750 §3: one challenge, with an error only where a token was presented."""
    assert reply.status == status
    (challenge,) = [value for name, value in reply.headers.items() if name == "WWW-Authenticate"]
    assert reply.headers["Cache-Control"] == "no-store"
    if error is None:
        assert (challenge, reply.body) == (CHALLENGE, {})
        return
    assert reply.error == error
    description = reply.body["error_description"]
    needed = f', scope="{scope}"' if scope else ""
    assert challenge == f'{CHALLENGE}, error="{error}", error_description="{description}"{needed}'


async def ask(
    wire: Wire,
    method: str = "GET",
    *headers: tuple[str, str],
    query: str = "",
    body: bytes | None = None,
) -> Reply:
    return reply_of(await wire.send(method, f"/userinfo{query}", headers=headers, body=body))


@pytest.mark.requirement("OIDC Core §5.4: which scope opens which claims")
@pytest.mark.parametrize("profile", [False, True], ids=["", "profile"])
@pytest.mark.parametrize("email", [False, True], ids=["", "email"])
@pytest.mark.parametrize("api_read", [False, True], ids=["", "api:read"])
async def test_the_scope_opens_its_claims_and_no_others(
    party: RelyingParty, profile: bool, email: bool, api_read: bool
) -> None:
    chosen = {"profile": profile, "email": email, "api:read": api_read}
    scope = " ".join(["openid", *(name for name, is_chosen in chosen.items() if is_chosen)])
    tokens = await party.log_in(scope=scope)

    reply = await party.userinfo(tokens.access_token)

    assert party.person is not None
    username = party.person.username
    expected: dict[str, object] = {"sub": party.person.subject}
    if profile:
        expected |= PROFILE | {"preferred_username": username, "updated_at": reply.body["updated_at"]}
        assert isinstance(reply.body["updated_at"], int)
    if email:
        expected |= {"email": f"{username}@example.com", "email_verified": True}
    assert (reply.status, reply.body) == (200, expected)
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["Cache-Control"] == "no-store"


@pytest.mark.requirement("OIDC Core §5.3.2: sub is that of the ID token")
async def test_the_subject_is_the_one_of_the_id_token(party: RelyingParty, api: RelyingParty) -> None:
    tokens = await party.log_in(scope="openid api:read")

    assert party.person is not None
    introspected = await api.introspect(tokens.access_token)
    userinfo = await party.userinfo(tokens.access_token)
    assert userinfo.body["sub"] == introspected.body["sub"] == party.person.subject


@pytest.mark.requirement("RFC 6750 §3.1: insufficient_scope")
@pytest.mark.parametrize("scope", ["profile", "email", "api:read", "profile email offline_access api:read"])
async def test_without_openid_there_is_no_user_info(party: RelyingParty, scope: str) -> None:
    tokens = await party.log_in(scope=scope)

    reply = await party.userinfo(tokens.access_token)

    require_challenge(reply, 403, "insufficient_scope", "openid")


@pytest.mark.requirement("RFC 9068 §5: the sub of a client is no user's")
async def test_a_machine_has_no_user_even_if_it_is_named_like_one(
    make_party: MakeParty, administration: Administration, party: RelyingParty
) -> None:
    assert party.person is not None
    dsn = administration.settings.postgres_dsn.reveal()
    namesake = await make_party(await put_legacy_client(dsn, party.person.subject, scope=["api:read"]))
    tokens = await namesake.token("client_credentials")

    reply = await namesake.userinfo(tokens.access_token)

    require_challenge(reply, 401, "invalid_token")


@pytest.mark.requirement("security 35: reserved claims cannot be overridden by user attributes")
async def test_attributes_cannot_take_the_place_of_what_the_server_says(
    make_party: MakeParty, administration: Administration
) -> None:
    claims = {
        "sub": "admin",
        "email": "root@example.com",
        "email_verified": True,
        "preferred_username": "root",
        "updated_at": 1,
        "iss": "x",
        "aud": "x",
        "role": "admin",
        "nickname": "Ada",
    }
    person = await administration.create_user(claims=claims, email_verified=False)
    party = await make_party(person=person)
    tokens = await party.log_in(scope="openid profile email")

    reply = await party.userinfo(tokens.access_token)

    assert reply.body == {
        "sub": person.subject,
        "nickname": "Ada",
        "preferred_username": person.username,
        "updated_at": reply.body["updated_at"],
        "email": f"{person.username}@example.com",
        "email_verified": False,
    }
    assert reply.body["updated_at"] > 1


@pytest.mark.requirement("OIDC Core §5.3.2: claims without a value are left out")
@pytest.mark.requirement("security 35: reserved claims cannot be overridden by user attributes")
async def test_a_user_without_an_address_has_no_email_claims_whatever_the_attributes_say(
    make_party: MakeParty, administration: Administration
) -> None:
    claims = {"email": "root@example.com", "email_verified": True, "sub": "admin"}
    party = await make_party(person=await administration.create_user(email=None, claims=claims))
    tokens = await party.log_in(scope="openid email")

    assert (await party.userinfo(tokens.access_token)).body.keys() == {"sub"}


@pytest.mark.requirement("OIDC Core §5.5: claims asked for one by one")
async def test_claims_that_were_asked_for_by_name_are_told_here_and_not_in_the_id_token(party: RelyingParty) -> None:
    tokens = await party.log_in(
        scope="openid", claims='{"userinfo": {"email": null, "given_name": {"essential": true}}}'
    )

    reply = await party.userinfo(tokens.access_token)

    assert reply.body.keys() == {"sub", "email", "given_name"}


@pytest.mark.requirement("OIDC Core §5.3.1: GET and POST; RFC 6750 §2: header or form body")
@pytest.mark.parametrize("way", ["GET", "POST without a body", "POST with another form", "POST with JSON", "POST form"])
async def test_the_token_may_come_in_the_header_or_in_a_form(party: RelyingParty, wire: Wire, way: str) -> None:
    token = (await party.log_in()).access_token
    header = ("Authorization", f"Bearer {token}")
    json_body = ("Content-Type", "application/json")
    method, headers, body = {
        "GET": ("GET", [header], None),
        "POST without a body": ("POST", [header], None),
        "POST with another form": ("POST", [header, FORM], b"a=b"),
        "POST with JSON": ("POST", [header, json_body], b"{}"),
        "POST form": ("POST", [FORM], f"access_token={token}".encode()),
    }[way]

    reply = await ask(wire, method, *headers, body=body)

    assert party.person is not None
    assert (reply.status, reply.body) == (200, {"sub": party.person.subject})


@pytest.mark.requirement("RFC 6750 §2.1: the scheme is case-insensitive")
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_scheme_is_not_case_sensitive(party: RelyingParty, wire: Wire, scheme: str) -> None:
    token = (await party.log_in()).access_token

    assert (await ask(wire, "GET", ("Authorization", f"{scheme} {token}"))).status == 200


@pytest.mark.requirement("security 36: no error code when no credentials were sent")
@pytest.mark.parametrize(
    ("method", "headers", "body"),
    [
        ("GET", [], None),
        ("POST", [], None),
        ("POST", [FORM], b""),
        ("POST", [FORM], b"access_token="),
        ("POST", [FORM], b"token=x"),
        ("POST", [("Content-Type", "application/json")], b'{"access_token":"x"}'),
        ("GET", [("Authorization", "Basic YTpi")], None),
        ("GET", [("Authorization", "DPoP x")], None),
        ("GET", [("Authorization", "")], None),
        ("GET", [("Cookie", "access_token=x")], None),
        ("GET", [("X-Access-Token", "x")], None),
    ],
    ids=str,
)
async def test_who_presents_no_token_is_only_told_how(
    wire: Wire, method: str, headers: list[tuple[str, str]], body: bytes | None
) -> None:
    require_challenge(await ask(wire, method, *headers, body=body), 401, None)


@pytest.mark.requirement("security 36: N accept tokens in query strings")
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("name", ["access_token", "access%5Ftoken"])
@pytest.mark.parametrize("with_header", [False, True], ids=["alone", "with the header"])
async def test_a_token_in_the_query_is_refused_even_beside_a_good_one(
    party: RelyingParty, wire: Wire, method: str, name: str, with_header: bool
) -> None:
    token = (await party.log_in()).access_token
    headers = [("Authorization", f"Bearer {token}")] if with_header else []

    reply = await ask(wire, method, *headers, query=f"?{name}={token}")

    require_challenge(reply, 400, "invalid_request")
    assert token not in str(reply.body) + str(reply.headers)


@pytest.mark.requirement("RFC 6750 §3.1: invalid_request for a malformed or doubled presentation")
@pytest.mark.parametrize("what", ["twice", "two schemes", "header and form", "form twice", "illegal", "huge", "NUL"])
async def test_a_token_that_is_presented_badly_is_refused(party: RelyingParty, wire: Wire, what: str) -> None:
    token = (await party.log_in()).access_token
    header = ("Authorization", f"Bearer {token}")
    field = f"access_token={token}".encode()
    method, headers, body = {
        "twice": ("GET", [header, header], None),
        "two schemes": ("GET", [header, ("Authorization", "Basic YTpi")], None),
        "header and form": ("POST", [header, FORM], field),
        "form twice": ("POST", [FORM], field + b"&" + field),
        "illegal": ("GET", [("Authorization", f'Bearer "{token}"')], None),
        "huge": ("POST", [FORM], b"access_token=" + b"x" * 9000),
        "NUL": ("POST", [FORM], field + b"%00"),
    }[what]

    reply = await ask(wire, method, *headers, body=body)

    require_challenge(reply, 400, "invalid_request")


@pytest.mark.requirement("RFC 6750 §3.1: invalid_token")
@pytest.mark.parametrize("mutate", ["x", "truncated", "extended", "refresh token", "code", "revoked", "upper case"])
async def test_a_token_that_is_not_good_is_challenged_with_invalid_token(party: RelyingParty, mutate: str) -> None:
    tokens = await party.log_in(scope="openid offline_access")
    token = tokens.access_token
    if mutate == "revoked":
        await party.revoke(token)
    value = {
        "x": "x",
        "truncated": token[:-1],
        "extended": token + "AA",
        "refresh token": tokens.refresh_token,
        "code": "vk_ac_" + "c" * 43,
        "revoked": token,
        "upper case": token.upper(),
    }[mutate]

    require_challenge(await party.userinfo(value), 401, "invalid_token")


@pytest.mark.requirement("OIDC Core §5.3: any access token of ours that carries openid")
@pytest.mark.parametrize("scope", ["openid", "openid api:read"])
async def test_the_audience_does_not_matter_here(party: RelyingParty, scope: str) -> None:
    tokens = await party.log_in(scope=scope)

    assert (await party.userinfo(tokens.access_token)).status == 200


@pytest.mark.requirement("security 36: N accept tokens in query strings")
async def test_the_path_holds_no_token_either(party: RelyingParty, wire: Wire) -> None:
    token = (await party.log_in()).access_token

    assert (await wire.send("GET", f"/userinfo/{quote(token)}")).status == 404
