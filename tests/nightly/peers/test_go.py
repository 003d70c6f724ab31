"""What programs in Go verify tokens with, from the Go module proxy, over cleartext and with the defaults."""

from pathlib import Path

import pytest

from support.peer import Installation, sign_in_for, visitor_of

pytestmark = [pytest.mark.peer, pytest.mark.timeout(1200)]

REDIRECT_URI = "http://127.0.0.1:5556/callback"
SCOPE = "openid profile email groups"


@pytest.mark.requirement("coreos/go-oidc: code flow with PKCE, ID token with groups, at_hash, UserInfo, refresh")
async def test_go_oidc_signs_in(go_programs: Path, http_installation: Installation) -> None:
    person, groups = await http_installation.create_member("admins", "developers")
    client = await http_installation.register(REDIRECT_URI, scope=SCOPE)
    arguments = (http_installation.issuer, client.client_id, client.client_secret or "", REDIRECT_URI, SCOPE)

    async with visitor_of(http_installation, person) as visitor:
        answer = await sign_in_for(visitor, REDIRECT_URI, go_programs / "goidc", *arguments)

    assert answer["nonce"] == "the nonce"
    assert answer["claims"]["sub"] == answer["userinfo"]["sub"] == person.subject
    assert answer["claims"]["groups"] == answer["userinfo"]["groups"] == sorted(groups)
    assert answer["claims"]["email"] == f"{person.username}@example.com"
    assert answer["renewed"]


@pytest.mark.requirement("HashiCorp cap: code flow, ID token with groups, UserInfo")
@pytest.mark.parametrize("pkce", [True, False])
async def test_cap_signs_in(go_programs: Path, http_installation: Installation, pkce: bool) -> None:
    person, groups = await http_installation.create_member("admins", "developers")
    client = await http_installation.register(REDIRECT_URI, *(() if pkce else ("--pkce", "optional")), scope=SCOPE)
    arguments = (http_installation.issuer, client.client_id, client.client_secret or "", REDIRECT_URI, SCOPE)

    async with visitor_of(http_installation, person) as visitor:
        answer = await sign_in_for(visitor, REDIRECT_URI, go_programs / "cap", *arguments, *(("pkce",) if pkce else ()))

    assert answer["claims"]["sub"] == answer["userinfo"]["sub"] == person.subject
    assert answer["claims"]["groups"] == sorted(groups)


@pytest.mark.requirement("goth: code flow with neither code_challenge nor nonce, ID token and UserInfo with groups")
async def test_goth_signs_in(go_programs: Path, http_installation: Installation) -> None:
    person, groups = await http_installation.create_member("admins", "developers")
    client = await http_installation.register(REDIRECT_URI, "--pkce", "optional_without_nonce", scope=SCOPE)
    arguments = (http_installation.issuer, client.client_id, client.client_secret or "", REDIRECT_URI, SCOPE)

    async with visitor_of(http_installation, person) as visitor:
        answer = await sign_in_for(visitor, REDIRECT_URI, go_programs / "goth", *arguments)

    assert (answer["sub"], answer["nickname"]) == (person.subject, person.username)
    assert answer["email"] == f"{person.username}@example.com"
    assert answer["groups"] == sorted(groups)
