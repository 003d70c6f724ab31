"""Envoy itself, from PyPI, with the filter that Envoy Gateway sets up for a ``SecurityPolicy``."""

import secrets
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

import pytest

from support.browser import query_of
from support.peer import PEERS, Installation, listening, visitor_of
from support.tokens import claims_of
from valetkey.demo.free_port import LOOPBACK, free_port

pytestmark = [pytest.mark.peer, pytest.mark.timeout(1200)]


@pytest.mark.requirement("Envoy: code flow with PKCE before a route, the ID token handed on, logout of both")
async def test_envoy_asks_for_a_login_before_a_route(
    python_with_peers: Path, http_installation: Installation, tmp_path: Path
) -> None:
    port = free_port()
    url = f"http://{LOOPBACK}:{port}"
    person, (group,) = await http_installation.create_member("staff")
    client = await http_installation.register(
        f"{url}/oauth2/callback", "--post-logout-redirect-uri", f"{url}/", "--allowed-group", group
    )
    config = tmp_path / "envoy.yaml"
    values = {
        "port": port,
        "url": url,
        "issuer": http_installation.issuer,
        "issuer_port": urlsplit(http_installation.issuer).port,
        "client_id": client.client_id,
        "client_secret": client.client_secret,
        "hmac_secret": secrets.token_hex(32),
    }
    config.write_text(Template((PEERS / "envoy/envoy.yaml").read_text(encoding="utf-8")).substitute(values))
    envoy = python_with_peers.with_name("envoy")

    async with (
        listening(port, envoy, "-c", config, "--concurrency", "1", "--use-dynamic-base-id", log=tmp_path / "log"),
        visitor_of(http_installation, person) as visitor,
    ):
        asked = await visitor.browser.get(f"{url}/behind")
        page = await visitor.visit(f"{url}/behind")
        leaving = await visitor.browser.get(f"{url}/logout")
        left = await visitor.browser.get(leaving.location)

    assert query_of(asked.location)["code_challenge_method"] == "S256"
    assert (page.status, page.url, page.text) == (200, f"{url}/behind", "inside")
    claims = claims_of(page.headers["seen-id-token"])
    assert (claims["sub"], claims["aud"]) == (person.subject, client.client_id)
    assert claims["email"] == f"{person.username}@example.com"
    assert left.location == f"{url}/"
