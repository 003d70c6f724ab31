"""OAuth 2.1 §4.2 and security item 34: a client for itself, within what it is registered for."""

import time

import pytest

from support.administration import API, OTHER_API, Administration
from support.refusal import require_refusal
from support.relying_party import RelyingParty
from support.systems import MakeParty
from support.tokens import claims_of

GRANT = "client_credentials"


@pytest.fixture
async def machine(make_party: MakeParty, administration: Administration) -> RelyingParty:
    """A client of both resource servers."""
    return await make_party(await administration.create_machine(scope=("api:read", "api:write", "other:read")))


@pytest.mark.requirement("OAuth 2.1 §4.2: confidential clients")
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_a_confidential_client_gets_a_token_for_itself(
    make_party: MakeParty, administration: Administration, api: RelyingParty, method: str
) -> None:
    machine = await make_party(await administration.create_machine(method))

    reply = await machine.token(GRANT, scope="api:read")

    assert (reply.status, reply.body["scope"]) == (200, "api:read")
    assert (await api.introspect(reply.access_token)).body["sub"] == machine.client.client_id


@pytest.mark.requirement("security 26: client_id alone does not authenticate")
async def test_a_public_client_gets_nothing_even_if_it_was_registered_for_it(
    make_party: MakeParty, administration: Administration
) -> None:
    public = await make_party(await administration.create_machine("none"))

    require_refusal(await public.token(GRANT), "invalid_client")


@pytest.mark.requirement("OAuth 2.1 §4.2.3: no refresh token")
async def test_neither_a_refresh_token_nor_an_id_token_comes_with_it(
    make_party: MakeParty, administration: Administration
) -> None:
    client = await administration.create_web_client(
        grants=("authorization_code", "refresh_token", "client_credentials")
    )
    party = await make_party(client)

    reply = await party.token(GRANT)

    assert reply.body.keys() == {"access_token", "token_type", "expires_in", "scope"}
    assert reply.body["scope"] == "api:read api:write"


@pytest.mark.requirement("RFC 6749 §3.3: the scope of the answer")
@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (None, "api:read api:write other:read"),
        ("", "api:read api:write other:read"),
        ("api:read", "api:read"),
        ("api:write api:read", "api:write api:read"),
        ("api:read api:read", "api:read"),
        (" api:write   api:read ", "api:write api:read"),
        (" ", "api:read api:write other:read"),
    ],
)
async def test_the_scope_is_what_was_asked_for_or_all_there_is(
    machine: RelyingParty, asked: str | None, given: str
) -> None:
    reply = await machine.token(GRANT, scope=asked)

    assert reply.body["scope"] == claims_of(reply.access_token)["scope"] == given


@pytest.mark.requirement("security 34: unregistered scopes refused for every grant")
@pytest.mark.parametrize(
    "scope",
    [
        "nothing",
        "api:read nothing",
        "API:READ",
        "other:write",
        "openid",
        "api:read openid",
        "profile",
        "email",
        "offline_access",
        "*",
        "api:*",
    ],
)
async def test_what_the_client_is_not_registered_for_is_refused(machine: RelyingParty, scope: str) -> None:
    require_refusal(await machine.token(GRANT, scope=scope), "invalid_scope")


@pytest.mark.requirement("OAuth 2.1 §4.2: what belongs to a user is no client's own")
@pytest.mark.parametrize("scope", ["openid", "profile", "email", "offline_access", "openid api:read"])
async def test_scopes_about_a_user_are_refused_even_where_they_are_registered(
    make_party: MakeParty, administration: Administration, scope: str
) -> None:
    party = await make_party(await administration.create_web_client(grants=("authorization_code", GRANT)))

    require_refusal(await party.token(GRANT, scope=scope), "invalid_scope")


@pytest.mark.requirement("OAuth 2.1 §4.2: what belongs to a user is no client's own")
@pytest.mark.parametrize("scope", [(), ("openid", "profile")], ids=["none", "a user's only"])
async def test_a_client_without_scopes_of_its_own_gets_no_token_by_default(
    make_party: MakeParty, administration: Administration, scope: tuple[str, ...]
) -> None:
    machine = await make_party(await administration.create_machine(scope=scope))

    require_refusal(await machine.token(GRANT), "invalid_scope")


@pytest.mark.requirement("security 34: scope strings are bounded and grammar-checked")
@pytest.mark.parametrize(
    "scope",
    [
        "api:read\tapi:write",
        "api:read\nother:read",
        'api"read',
        "api\\read",
        "api:réad",
        "\x7f",
        " ".join(f"s{number}" for number in range(65)),
        "a" * 2049,
    ],
    ids=[
        "tab", "line feed", "quote", "backslash", "not ASCII",
        "delete", "65 names", "2049 characters",
    ],
)  # fmt: skip
async def test_a_scope_outside_the_grammar_or_the_bounds_is_refused(machine: RelyingParty, scope: str) -> None:
    require_refusal(await machine.token(GRANT, scope=scope), "invalid_scope")


@pytest.mark.requirement("security 34: grammar-checked in linear time")
@pytest.mark.parametrize(
    "scope", ["a" * 60_000, "a " * 30_000, " " * 60_000, '"' * 60_000, "a:" * 30_000 + '"'], ids=lambda text: text[:4]
)
async def test_a_huge_scope_is_refused_quickly(machine: RelyingParty, scope: str) -> None:
    started = time.monotonic()

    reply = await machine.token(GRANT, scope=scope)

    assert reply.error in {"invalid_scope", "invalid_request"}
    assert time.monotonic() - started < 2


@pytest.mark.requirement("RFC 8707 §2: resources of a client's own token")
@pytest.mark.parametrize(
    ("scope", "resource", "audience", "given"),
    [
        (None, None, [API, OTHER_API], "api:read api:write other:read"),
        (None, API, API, "api:read api:write"),
        (None, OTHER_API, OTHER_API, "other:read"),
        ("api:read", None, API, "api:read"),
        ("api:read", API, API, "api:read"),
        ("api:read other:read", OTHER_API, OTHER_API, "other:read"),
    ],
)
async def test_the_token_is_for_the_resource_and_carries_its_scopes_only(
    machine: RelyingParty, scope: str | None, resource: str | None, audience: object, given: str
) -> None:
    reply = await machine.token(GRANT, scope=scope, resource=resource)

    claims = claims_of(reply.access_token)
    assert (claims["aud"], claims["scope"], reply.body["scope"]) == (audience, given, given)


@pytest.mark.requirement("RFC 8707 §2: invalid_target")
@pytest.mark.parametrize("resource", ["https://third.example/", API[:-2], "x", f"{API}#f", "a" * 600])
async def test_a_resource_the_client_has_no_business_with_is_refused(machine: RelyingParty, resource: str) -> None:
    require_refusal(await machine.token(GRANT, resource=resource), "invalid_target")


@pytest.mark.requirement("RFC 8707 §2: invalid_target")
async def test_a_resource_of_other_clients_is_refused(make_party: MakeParty, administration: Administration) -> None:
    machine = await make_party(await administration.create_machine())

    require_refusal(await machine.token(GRANT, resource=OTHER_API), "invalid_target")
