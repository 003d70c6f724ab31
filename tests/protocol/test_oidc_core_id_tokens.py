"""OIDC Core §2, §3.1.3 and §12: what the client learns about the login."""

import time
from base64 import urlsafe_b64encode
from hashlib import sha256

import pytest

from support.administration import Administration
from support.aging import Aging
from support.relying_party import RelyingParty
from support.systems import MakeParty
from support.tokens import claims_of, header_of, verified_claims

ALWAYS = {"iss", "sub", "aud", "exp", "iat", "auth_time", "acr", "amr", "sid", "at_hash"}
SCOPE = "openid offline_access"


def left_half(token: str) -> str:
    """OIDC Core §3.1.3.6, written a second time on purpose."""
    return urlsafe_b64encode(sha256(token.encode("ascii")).digest()[:16]).rstrip(b"=").decode()


@pytest.mark.requirement("OIDC Core §2: the claims of an ID token")
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
@pytest.mark.parametrize("alg", ["ES256", "RS256"])
async def test_the_id_token_is_signed_as_registered_and_says_who_logged_in_when(
    make_party: MakeParty, administration: Administration, method: str, alg: str
) -> None:
    party = await make_party(await administration.create_web_client(method, id_token_signed_response_alg=alg))
    before = int(time.time())

    tokens = await party.log_in(nonce="n-0S6_WzA2Mj")

    id_token = tokens.body["id_token"]
    claims = await verified_claims(party, id_token, alg=alg, audience=party.client.client_id)
    assert claims.keys() == ALWAYS | {"nonce"}
    assert party.person is not None
    assert (claims["iss"], claims["sub"]) == (party.issuer, party.person.subject)
    assert (claims["aud"], claims["nonce"]) == (party.client.client_id, "n-0S6_WzA2Mj")
    assert (claims["acr"], claims["amr"]) == ("urn:valetkey:acr:password", ["pwd"])
    assert before <= claims["auth_time"] <= claims["iat"] <= int(time.time())
    assert claims["exp"] - claims["iat"] == 600
    assert claims["at_hash"] == left_half(tokens.access_token)
    assert header_of(id_token)["typ"] == "JWT"


@pytest.mark.requirement("OIDC Registration §2: a client that registers no algorithm gets RS256")
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
async def test_without_a_registered_algorithm_it_is_rs256_at_login_and_refresh(
    make_party: MakeParty, method: str
) -> None:
    party = await make_party(method=method)

    first = await party.log_in(scope=SCOPE)
    second = await party.refresh(first.refresh_token)

    for tokens in (first, second):
        claims = await verified_claims(party, tokens.body["id_token"], alg="RS256", audience=party.client.client_id)
        assert claims["at_hash"] == left_half(tokens.access_token)
        assert header_of(tokens.access_token)["alg"] == "ES256"


@pytest.mark.requirement("OIDC Core §3.1.2.1: nonce is passed through unmodified, or left out")
@pytest.mark.parametrize("nonce", [None, "x", "ä ö ü \N{KEY}", "a" * 200, "+/=&%20"])
async def test_the_nonce_is_the_one_that_was_sent(party: RelyingParty, nonce: str | None) -> None:
    tokens = await party.log_in(nonce=nonce)

    assert claims_of(tokens.body["id_token"]).get("nonce") == nonce


@pytest.mark.requirement("OIDC Core §3.1.2.1: without openid there is no ID token")
@pytest.mark.parametrize("scope", ["profile", "email offline_access", "api:read"])
async def test_without_openid_there_is_no_id_token(party: RelyingParty, scope: str) -> None:
    tokens = await party.log_in(scope=scope)

    assert "id_token" not in tokens.body
    assert "id_token" not in (await party.refresh(tokens.refresh_token)).body


@pytest.mark.requirement("OIDC Core §12.2: what a refreshed ID token keeps, and that it has no nonce")
@pytest.mark.parametrize("alg", ["ES256", "RS256"])
async def test_a_refreshed_id_token_speaks_of_the_same_login_without_its_nonce(
    make_party: MakeParty, aging: Aging, alg: str
) -> None:
    client = await aging.system.administration.create_web_client(id_token_signed_response_alg=alg)
    party = await make_party(client, at=aging.system)
    first = await party.log_in(scope=SCOPE, nonce="n-1")
    aging.clock.advance(hours=2)

    second = await party.refresh(first.refresh_token)

    before, after = claims_of(first.body["id_token"]), claims_of(second.body["id_token"])
    assert header_of(second.body["id_token"])["alg"] == alg
    assert after.keys() == ALWAYS
    for name in ("iss", "sub", "aud", "auth_time", "acr", "amr", "sid"):
        assert after[name] == before[name]
    assert after["iat"] - before["iat"] >= 7200
    assert after["exp"] - after["iat"] == 600
    assert after["at_hash"] == left_half(second.access_token)


@pytest.mark.requirement("OIDC Core §2: auth_time is when the user logged in, not when the token was made")
async def test_single_sign_on_keeps_the_time_and_the_session_of_the_login(make_party: MakeParty, aging: Aging) -> None:
    party = await make_party(at=aging.system)
    first = claims_of((await party.log_in()).body["id_token"])
    aging.clock.advance(minutes=30)

    second = claims_of((await party.log_in()).body["id_token"])

    assert (second["auth_time"], second["sid"]) == (first["auth_time"], first["sid"])
    assert second["iat"] - first["iat"] >= 1800


@pytest.mark.requirement("OIDC Front-Channel Logout §3: sid names the session")
async def test_another_browser_has_another_session(make_party: MakeParty) -> None:
    here = await make_party()
    there = await make_party(here.client, here.person)

    sids = {claims_of((await party.log_in()).body["id_token"])["sid"] for party in (here, there)}

    assert len(sids) == 2
    assert not sids & {value for party in (here, there) for value in party.browser.cookies.values()}


@pytest.mark.requirement("OIDC Core §5.4: claims of scopes are at UserInfo, because an access token is issued")
async def test_scopes_put_no_claims_about_the_user_into_the_id_token(party: RelyingParty) -> None:
    tokens = await party.log_in(scope="openid profile email")

    assert claims_of(tokens.body["id_token"]).keys() == ALWAYS


@pytest.mark.requirement("OIDC Core §5.5: claims asked for one by one")
async def test_claims_that_were_asked_for_by_name_are_in_the_id_token(party: RelyingParty) -> None:
    tokens = await party.log_in(scope=SCOPE, claims='{"id_token": {"email": null, "name": null, "phone_number": null}}')

    claims = claims_of(tokens.body["id_token"])

    assert party.person is not None
    assert claims.keys() == ALWAYS | {"email", "name"}
    assert (claims["email"], claims["name"]) == (f"{party.person.username}@example.com", "Ada Lovelace")
    assert claims_of((await party.refresh(tokens.refresh_token)).body["id_token"]).keys() == claims.keys()


@pytest.mark.requirement("security 35: reserved claims cannot be overridden by user attributes")
async def test_attributes_cannot_take_the_place_of_what_the_protocol_says(
    make_party: MakeParty, administration: Administration
) -> None:
    reserved = dict.fromkeys(ALWAYS | {"nonce", "azp"}, "forged")
    party = await make_party(person=await administration.create_user(claims=reserved | {"nickname": "Ada"}))
    asked = ", ".join(f'"{name}": null' for name in sorted(reserved | {"nickname": ""}))

    tokens = await party.log_in(nonce="n-1", claims=f'{{"id_token": {{{asked}}}}}')

    claims = claims_of(tokens.body["id_token"])
    assert claims.keys() == ALWAYS | {"nonce", "nickname"}
    assert "forged" not in str(claims)
