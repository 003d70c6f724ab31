"""RFC 9068: what stands in an access token, for every grant."""

import time
from uuid import UUID

import pytest

from support.administration import API, OTHER_API, Administration
from support.relying_party import RelyingParty
from support.systems import MakeParty
from support.tokens import claims_of, header_of, verified_claims

ALWAYS = {"iss", "sub", "aud", "client_id", "exp", "iat", "jti", "scope", "epochs"}
LOGIN = {"auth_time", "acr", "amr"}


@pytest.mark.requirement("RFC 9068 §2.1: the header says at+jwt and names a published key")
@pytest.mark.parametrize("alg", ["ES256", "RS256"])
async def test_access_tokens_are_signed_with_the_default_algorithm_whatever_the_client_registered(
    make_party: MakeParty, administration: Administration, alg: str
) -> None:
    party = await make_party(await administration.create_web_client(id_token_signed_response_alg=alg))

    token = (await party.log_in(scope="openid api:read")).access_token

    assert header_of(token)["typ"] == "at+jwt"
    assert (await verified_claims(party, token, alg="ES256", audience=API))["iss"] == party.issuer


@pytest.mark.requirement("RFC 9068 §2.2: the claims of a token that a user stands behind")
@pytest.mark.parametrize("method", ["client_secret_basic", "none"])
async def test_the_token_of_a_login_names_user_client_audience_and_login(make_party: MakeParty, method: str) -> None:
    party = await make_party(method=method)
    before = int(time.time())

    token = (await party.log_in(scope="openid api:read")).access_token

    claims = await verified_claims(party, token, alg="ES256", audience=API)
    assert claims.keys() == ALWAYS | LOGIN
    assert party.person is not None
    assert (claims["sub"], claims["client_id"]) == (party.person.subject, party.client.client_id)
    assert (claims["aud"], claims["scope"]) == (API, "openid api:read")
    assert (claims["acr"], claims["amr"]) == ("urn:valetkey:acr:password", ["pwd"])
    assert before <= claims["auth_time"] <= claims["iat"] <= int(time.time())
    assert claims["exp"] - claims["iat"] == 600


@pytest.mark.requirement("RFC 9068 §2.2: sub is the client where it acts for itself")
async def test_the_token_of_a_machine_names_the_client_twice_and_no_login(
    make_party: MakeParty, administration: Administration
) -> None:
    machine = await make_party(await administration.create_machine())

    token = (await machine.token("client_credentials", scope="api:read")).access_token

    claims = await verified_claims(machine, token, alg="ES256", audience=API)
    assert claims.keys() == ALWAYS
    assert claims["sub"] == claims["client_id"] == machine.client.client_id


@pytest.mark.requirement("RFC 9068 §2.2.1: a refreshed token speaks of the login at the beginning")
async def test_a_refreshed_token_keeps_the_login_and_gets_times_and_a_name_of_its_own(party: RelyingParty) -> None:
    first = await party.log_in(scope="openid offline_access api:read")

    second = await party.refresh(first.refresh_token)

    before, after = claims_of(first.access_token), claims_of(second.access_token)
    for name in ("sub", "client_id", "aud", "scope", "auth_time", "acr", "amr", "iss"):
        assert after[name] == before[name]
    assert after["jti"] != before["jti"]
    assert after["iat"] >= before["iat"]


@pytest.mark.requirement("RFC 9068 §2.2: jti is unique")
async def test_no_two_tokens_have_the_same_name(make_party: MakeParty, administration: Administration) -> None:
    machine = await make_party(await administration.create_machine())

    names = {claims_of((await machine.token("client_credentials")).access_token)["jti"] for _ in range(20)}

    assert len(names) == 20


@pytest.mark.requirement("RFC 9068 §3: aud is the resource, one as a string and several as a list")
@pytest.mark.parametrize(
    ("scope", "audience"),
    [
        ("openid", "issuer"),
        ("api:read", API),
        ("openid other:read", OTHER_API),
        ("other:read api:read", [OTHER_API, API]),
    ],
)
async def test_the_audience_is_what_the_scope_belongs_to(
    make_party: MakeParty, administration: Administration, scope: str, audience: str | list[str]
) -> None:
    party = await make_party(
        await administration.create_web_client(scope=("openid", "api:read", "other:read", "other:write"))
    )

    claims = claims_of((await party.log_in(scope=scope)).access_token)

    assert claims["aud"] == (party.issuer if audience == "issuer" else audience)


@pytest.mark.requirement("RFC 9068 §2.2: no claim about the user that was not requested")
async def test_the_token_tells_nothing_about_the_user_but_the_subject(party: RelyingParty) -> None:
    tokens = await party.log_in(scope="openid profile email api:read")

    claims = claims_of(tokens.access_token)

    assert claims.keys() == ALWAYS | LOGIN
    assert str(UUID(claims["sub"])) == claims["sub"]
    assert party.person is not None
    assert party.person.username not in str(claims)
