"""The SDK of the Model Context Protocol for TypeScript: a server as an API, and a client that is registered."""

from pathlib import Path

import pytest

from support.peer import Installation, sign_in_for, visitor_of
from valetkey.demo.free_port import LOOPBACK, free_port

pytestmark = [pytest.mark.peer, pytest.mark.timeout(600)]

REDIRECT_URI = "http://127.0.0.1:3030/callback"


@pytest.mark.requirement("MCP: protected resource metadata, code with PKCE and resource, a tool called with the token")
@pytest.mark.parametrize("public", [True, False])
async def test_a_tool_of_an_mcp_server_in_typescript_knows_who_calls_it(
    node_modules: Path, http_installation: Installation, public: bool
) -> None:
    port = free_port()
    scope = f"mcp{port}:use"
    person = await http_installation.system.administration.create_user()
    await http_installation.create_api(f"http://{LOOPBACK}:{port}/mcp", scope)
    options = ("--auth-method", "none") if public else ()
    client = await http_installation.register(REDIRECT_URI, *options, scope=scope)
    arguments = (client.client_id, client.client_secret or "", str(port), REDIRECT_URI, scope)

    async with visitor_of(http_installation, person) as visitor:
        caller = await sign_in_for(
            visitor, REDIRECT_URI, "node", node_modules / "mcp.mjs", http_installation.issuer, *arguments
        )

    assert caller == {"sub": person.subject, "client_id": client.client_id, "scopes": [scope]}
