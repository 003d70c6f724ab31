"""oauth2-proxy itself, from the Go module proxy."""

import json
import secrets
from pathlib import Path

import pytest

from peers.matrix import OAUTH2_PROXY
from support.peer import Installation, listening, prepare, require, visitor_of
from valetkey.demo.free_port import LOOPBACK, free_port

pytestmark = [pytest.mark.peer, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def oauth2_proxy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program."""
    require("go")
    folder = tmp_path_factory.mktemp("oauth2-proxy")
    prepare(
        ["env", f"GOBIN={folder}", "go", "install", f"github.com/oauth2-proxy/oauth2-proxy/v7@{OAUTH2_PROXY}"], folder
    )
    return folder / "oauth2-proxy"


@pytest.mark.requirement("oauth2-proxy: provider oidc with PKCE; only members of a group get through")
@pytest.mark.parametrize("member", [True, False])
async def test_oauth2_proxy_lets_members_of_a_group_through(
    oauth2_proxy: Path, http_installation: Installation, tmp_path: Path, member: bool
) -> None:
    port = free_port()
    url = f"http://{LOOPBACK}:{port}"
    person, groups = await http_installation.create_member("staff")
    client = await http_installation.register(f"{url}/oauth2/callback", scope="openid email profile groups")
    command = (
        *(oauth2_proxy, "--provider=oidc", f"--oidc-issuer-url={http_installation.issuer}"),
        *(f"--client-id={client.client_id}", f"--client-secret={client.client_secret}", "--code-challenge-method=S256"),
        *("--scope=openid email profile groups", f"--allowed-group={groups[0] if member else 'others'}"),
        *(f"--http-address={LOOPBACK}:{port}", f"--redirect-url={url}/oauth2/callback", "--email-domain=*"),
        *(f"--cookie-secret={secrets.token_hex(16)}", "--cookie-secure=false", "--skip-provider-button"),
        "--upstream=static://202",
    )

    async with (
        listening(port, *command, log=tmp_path / "log"),
        visitor_of(http_installation, person) as visitor,
    ):
        page = await visitor.visit(f"{url}/behind")
        user = await visitor.browser.get(f"{url}/oauth2/userinfo")

    if member:
        assert (page.status, page.url) == (202, f"{url}/behind"), page.text
        assert json.loads(user.text) == {
            "user": person.subject,
            "email": f"{person.username}@example.com",
            "groups": list(groups),
            "preferredUsername": person.username,
        }
    else:
        assert page.status == 403
        assert user.status == 401
