"""Authlib, from PyPI, against the demo."""

from typing import Any

import pytest
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.jwk import KeySet

pytestmark = pytest.mark.peer

VERIFIER = "a-verifier-of-the-demo-that-is-long-enough-0123456789"


def client_of(demo: dict[str, Any], name: str) -> AsyncOAuth2Client:
    registration = demo["clients"][name]
    return AsyncOAuth2Client(
        registration["client_id"],
        registration.get("client_secret"),
        token_endpoint_auth_method="client_secret_basic" if "client_secret" in registration else "none",
        scope=registration.get("scope"),
        redirect_uri=next(iter(registration.get("redirect_uris", ())), None),
        code_challenge_method="S256",
    )


@pytest.mark.requirement(
    "Authlib: code + PKCE, refresh, client credentials, introspection, revocation, userinfo, logout"
)
@pytest.mark.parametrize("name", ["web", "spa"])
async def test_authlib_walks_through_everything(visitor: Any, name: str) -> None:  # noqa: ANN401
    demo = visitor.demo
    async with client_of(demo, name) as client, client_of(demo, "api") as api:
        metadata = (
            await client.request("GET", f"{demo['issuer']}/.well-known/openid-configuration", withhold_token=True)
        ).json()
        url, state = client.create_authorization_url(
            metadata["authorization_endpoint"],
            code_verifier=VERIFIER,
            nonce="n",
            resource=demo["clients"]["api"]["resource"],
        )
        callback = await visitor.answer(url)

        token = await client.fetch_token(
            metadata["token_endpoint"], authorization_response=callback, code_verifier=VERIFIER, state=state
        )
        keys = KeySet.import_key_set((await client.request("GET", metadata["jwks_uri"], withhold_token=True)).json())
        claims = jwt.decode(token["id_token"], keys, algorithms=["RS256"]).claims
        user = (await client.get(metadata["userinfo_endpoint"])).json()
        fresh = await client.refresh_token(metadata["token_endpoint"], refresh_token=token["refresh_token"])
        endpoint = metadata["introspection_endpoint"]
        before = (await api.introspect_token(endpoint, token=fresh["access_token"])).json()
        revoked = await client.revoke_token(metadata["revocation_endpoint"], token=fresh["refresh_token"])  # type: ignore[no-untyped-call]
        after = (await api.introspect_token(endpoint, token=fresh["access_token"])).json()
        end = await visitor.browser.get(
            metadata["end_session_endpoint"], [("id_token_hint", token["id_token"]), ("client_id", name)]
        )
        silent = await visitor.browser.get(f"{url}&prompt=none")

    assert (claims["iss"], claims["aud"], claims["nonce"]) == (demo["issuer"], name, "n")
    assert user["sub"] == claims["sub"]
    assert fresh["refresh_token"] != token["refresh_token"]
    assert before["active"] is True
    assert revoked.status_code == 200
    assert after == {"active": False}
    assert end.status == 200
    assert "error=login_required" in silent.location


@pytest.mark.requirement("Authlib: client credentials, introspected and revoked")
async def test_authlib_acts_for_itself(visitor: Any) -> None:  # noqa: ANN401
    demo = visitor.demo
    issuer = demo["issuer"]
    async with client_of(demo, "machine") as machine, client_of(demo, "api") as api:
        token = await machine.fetch_token(f"{issuer}/token", grant_type="client_credentials")
        before = (await api.introspect_token(f"{issuer}/introspect", token=token["access_token"])).json()
        await machine.revoke_token(f"{issuer}/revoke", token=token["access_token"])  # type: ignore[no-untyped-call]
        after = (await api.introspect_token(f"{issuer}/introspect", token=token["access_token"])).json()

    assert before["active"] is True
    assert before["aud"] == demo["clients"]["api"]["resource"]
    assert after == {"active": False}
