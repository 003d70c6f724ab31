"""RFC 6749 §5: what the token endpoint answers, whatever is asked."""

import pytest

from support.administration import Administration
from support.refusal import require_refusal
from support.relying_party import RelyingParty
from support.systems import MakeParty
from support.wire import Wire, credentials_of

ALWAYS = {"access_token", "token_type", "expires_in", "scope"}


@pytest.mark.requirement("RFC 6749 §5.1: the successful response")
@pytest.mark.parametrize(
    ("scope", "beside"),
    [
        ("openid", {"refresh_token", "id_token"}),
        ("openid profile email offline_access api:read api:write", {"refresh_token", "id_token"}),
        ("api:read", {"refresh_token"}),
        ("profile", {"refresh_token"}),
    ],
)
async def test_a_code_gets_a_bearer_token_and_what_belongs_to_its_scope(
    party: RelyingParty, scope: str, beside: set[str]
) -> None:
    reply = await party.log_in(scope=scope)

    assert reply.body.keys() == ALWAYS | beside
    assert (reply.body["token_type"], reply.body["expires_in"], reply.body["scope"]) == ("Bearer", 600, scope)


@pytest.mark.requirement("RFC 6749 §5.1: the successful response")
@pytest.mark.parametrize("beside", ["", "openid"])
async def test_a_refresh_answers_like_the_code_before_it(party: RelyingParty, beside: str) -> None:
    first = await party.log_in(scope=f"{beside} api:read".strip())

    second = await party.refresh(first.refresh_token)

    assert second.status == 200
    assert second.body.keys() == first.body.keys()
    for name in ("token_type", "expires_in", "scope"):
        assert second.body[name] == first.body[name]


@pytest.mark.requirement("RFC 6749 §5.1: the successful response")
async def test_client_credentials_get_an_access_token_and_nothing_else(
    make_party: MakeParty, administration: Administration
) -> None:
    machine = await make_party(await administration.create_machine())

    reply = await machine.token("client_credentials")

    assert reply.body.keys() == ALWAYS
    assert reply.body["scope"] == "api:read api:write"


@pytest.mark.requirement("RFC 6749 §5.1: tokens are never cached")
@pytest.mark.parametrize("grant", ["authorization_code", "refresh_token", "client_credentials"])
async def test_tokens_must_not_be_stored_by_caches(
    make_party: MakeParty, administration: Administration, grant: str
) -> None:
    if grant == "client_credentials":
        reply = await (await make_party(await administration.create_machine())).token(grant)
    else:
        party = await make_party()
        reply = await party.log_in()
        if grant == "refresh_token":
            reply = await party.refresh(reply.refresh_token)

    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.requirement("OAuth 2.1 §4.3: a refresh token only for clients that are registered for it")
async def test_a_client_without_the_refresh_grant_gets_no_refresh_token(
    make_party: MakeParty, administration: Administration
) -> None:
    party = await make_party(await administration.create_web_client(grants=("authorization_code",)))

    reply = await party.log_in(scope="openid offline_access")

    assert reply.body.keys() == ALWAYS | {"id_token"}


@pytest.mark.requirement("RFC 6749 §5.2: errors of the token endpoint")
@pytest.mark.parametrize(
    ("pairs", "error"),
    [
        ([], "invalid_request"),
        ([("grant_type", "")], "invalid_request"),
        ([("grant_type", "authorization_code")], "invalid_request"),
        ([("grant_type", "authorization_code"), ("code", "x")], "invalid_request"),
        ([("grant_type", "authorization_code"), ("code_verifier", "v" * 43)], "invalid_request"),
        ([("grant_type", "authorization_code"), ("code", "x"), ("code_verifier", "v" * 43)], "invalid_grant"),
        ([("grant_type", "refresh_token")], "invalid_request"),
        ([("grant_type", "refresh_token"), ("refresh_token", "")], "invalid_request"),
        ([("grant_type", "refresh_token"), ("refresh_token", "x")], "invalid_grant"),
        ([("grant_type", "client_credentials")], "unauthorized_client"),
        ([("grant_type", "Authorization_Code")], "unsupported_grant_type"),
        ([("grant_type", "authorization_code ")], "unsupported_grant_type"),
        ([("grant_type", "\N{FULLWIDTH LATIN SMALL LETTER P}assword")], "unsupported_grant_type"),
    ],
    ids=lambda value: (
        value
        if isinstance(value, str)
        else "&".join(f"{name}={text}" for name, text in value).encode("ascii", "backslashreplace").decode()
    ),
)
async def test_what_is_missing_or_wrong_gets_its_registered_code(
    party: RelyingParty, wire: Wire, pairs: list[tuple[str, str]], error: str
) -> None:
    headers, fields = credentials_of(party)

    answer = await wire.form("/token", [*pairs, *fields], headers)

    require_refusal(answer, error)


@pytest.mark.requirement("OAuth 2.1 §10: the password and implicit grants are refused")
@pytest.mark.parametrize(
    "grant_type",
    [
        "password",
        "implicit",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:openid:params:grant-type:ciba",
    ],
)
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
async def test_grants_that_are_not_served_are_refused_to_every_kind_of_client(
    make_party: MakeParty, wire: Wire, grant_type: str, method: str
) -> None:
    party = await make_party(method=method)
    assert party.person is not None
    headers, fields = credentials_of(party)
    pairs = [
        ("grant_type", grant_type),
        ("username", party.person.username),
        ("password", party.person.password),
        ("scope", "openid"),
    ]

    answer = await wire.form("/token", [*pairs, *fields], headers)

    require_refusal(answer, "unsupported_grant_type")


GRANTS = ("authorization_code", "refresh_token", "client_credentials")
REQUESTS = {
    "authorization_code": [("code", "vk_ac_" + "c" * 43), ("code_verifier", "v" * 43)],
    "refresh_token": [("refresh_token", "vk_rt_x")],
    "client_credentials": [],
}
REGISTRATIONS = ((), GRANTS[:1], GRANTS[:2], GRANTS[2:], GRANTS)


@pytest.mark.requirement("RFC 6749 §5.2: unauthorized_client for a grant the client is not registered for")
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
@pytest.mark.parametrize("registered", REGISTRATIONS, ids=lambda grants: "+".join(grants) or "nothing")
@pytest.mark.parametrize("grant", GRANTS)
async def test_a_client_may_use_exactly_the_grants_it_is_registered_for(
    make_party: MakeParty,
    administration: Administration,
    wire: Wire,
    grant: str,
    registered: tuple[str, ...],
    method: str,
) -> None:
    party = await make_party(await administration.create_client(method, grants=registered, scope=("api:read",)))
    headers, fields = credentials_of(party)

    answer = await wire.form("/token", [("grant_type", grant), *REQUESTS[grant], *fields], headers)

    if grant not in registered:
        require_refusal(answer, "unauthorized_client")
    elif grant == "client_credentials" and method == "none":
        require_refusal(answer, "invalid_client")
    elif grant == "client_credentials":
        assert answer.status == 200
    else:
        require_refusal(answer, "invalid_grant")
