"""The SDK of the Model Context Protocol for Python: a server as an API, and a client that is registered."""

from pathlib import Path

import pytest

from support.peer import PEERS, Installation, sign_in_for, visitor_of
from valetkey.demo.free_port import LOOPBACK, free_port

pytestmark = [pytest.mark.peer, pytest.mark.timeout(600)]

REDIRECT_URI = "http://127.0.0.1:3030/callback"


@pytest.mark.requirement("MCP: protected resource metadata, code with PKCE and resource, a tool called with the token")
@pytest.mark.parametrize("public", [True, False])
async def test_a_tool_of_an_mcp_server_knows_who_calls_it(
    python_with_peers: Path, http_installation: Installation, public: bool
) -> None:
    port = free_port()
    scope = f"mcp{port}:use"
    person = await http_installation.system.administration.create_user()
    await http_installation.create_api(f"http://{LOOPBACK}:{port}/mcp", scope)
    options = ("--auth-method", "none") if public else ()
    # The client asks for offline_access wherever an issuer has it.
    client = await http_installation.register(REDIRECT_URI, *options, scope=f"{scope} offline_access")
    arguments = (client.client_id, client.client_secret or "", str(port), REDIRECT_URI, scope)

    async with visitor_of(http_installation, person) as visitor:
        caller = await sign_in_for(
            visitor, REDIRECT_URI,
            python_with_peers, PEERS / "python/mcp_client_and_server.py", http_installation.issuer, *arguments,
        )  # fmt: skip

    assert caller == {"sub": person.subject, "client_id": client.client_id, "scopes": [scope, "offline_access"]}
