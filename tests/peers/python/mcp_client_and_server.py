"""An MCP server that takes tokens of an issuer, and a client that is registered there, both of the SDK for Python.

Arguments: issuer, client_id, client_secret, port of the server, redirect URI, scope. Prints the address to sign in at,
reads the address that the browser is sent back to, and prints whom a tool of the server believes it serves.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import httpx2
import jwt
import uvicorn
from mcp import ClientSession
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

ISSUER, CLIENT_ID, CLIENT_SECRET, PORT, REDIRECT_URI, SCOPE = sys.argv[1:]
SERVER = f"http://127.0.0.1:{PORT}/mcp"


class Verifier:
    """Reads access tokens with the keys of the issuer. RFC 9068 §4."""

    def __init__(self) -> None:
        self._keys = jwt.PyJWKClient(f"{ISSUER}/jwks")

    async def verify_token(self, token: str) -> AccessToken | None:
        """What the token says, or None."""
        try:
            key = await asyncio.to_thread(self._keys.get_signing_key_from_jwt, token)
            claims = jwt.decode(token, key, algorithms=["ES256"], audience=SERVER, issuer=ISSUER)
        except jwt.PyJWTError:
            return None
        return AccessToken(
            token=token,
            client_id=claims["client_id"],
            scopes=claims["scope"].split(),
            expires_at=claims["exp"],
            resource=SERVER,
            subject=claims["sub"],
            claims=claims,
        )


class Storage:
    """The client is registered; its tokens are kept in memory."""

    def __init__(self) -> None:
        self._tokens: OAuthToken | None = None
        self._client = OAuthClientInformationFull(
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET or None,
            redirect_uris=[REDIRECT_URI],
            token_endpoint_auth_method="client_secret_post" if CLIENT_SECRET else "none",
            issuer=ISSUER,
        )

    async def get_tokens(self) -> OAuthToken | None:
        """The tokens, once there are any."""
        return self._tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        """Keep tokens."""
        self._tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        """Who it is at the issuer."""
        return self._client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        """It never registers itself."""
        raise AssertionError(client_info)


def create_server() -> MCPServer:
    """A server with one tool."""
    server = MCPServer(
        "peer",
        token_verifier=Verifier(),
        auth=AuthSettings(
            issuer_url=ISSUER, resource_server_url=SERVER, required_scopes=[SCOPE], validate_token_resource=True
        ),
    )

    @server.tool()
    def whoami() -> str:
        """Whom it serves."""
        token = get_access_token()
        assert token is not None
        return json.dumps({"sub": token.subject, "client_id": token.client_id, "scopes": token.scopes})

    return server


@asynccontextmanager
async def serving(server: MCPServer) -> AsyncIterator[None]:
    """The server listens inside of the block."""
    config = uvicorn.Config(server.streamable_http_app(), host="127.0.0.1", port=int(PORT), log_level="warning")
    running = uvicorn.Server(config)
    task = asyncio.create_task(running.serve())
    while not running.started:
        await asyncio.sleep(0)
    try:
        yield
    finally:
        running.should_exit = True
        await task


async def show(url: str) -> None:
    """Say where to sign in."""
    print(url, flush=True)


async def read() -> AuthorizationCodeResult:
    """Read where the browser was sent to."""
    line = await asyncio.to_thread(sys.stdin.readline)
    query = parse_qs(urlsplit(line.strip()).query)
    assert "code" in query, line
    return AuthorizationCodeResult(code=query["code"][0], state=query["state"][0], iss=query["iss"][0])


async def main() -> None:
    """Call the tool, signing in on the way."""
    metadata = OAuthClientMetadata(client_name="Peer", redirect_uris=[REDIRECT_URI])
    provider = OAuthClientProvider(SERVER, metadata, Storage(), redirect_handler=show, callback_handler=read)
    async with (
        serving(create_server()),
        httpx2.AsyncClient(auth=provider, timeout=60) as http,
        streamable_http_client(SERVER, http_client=http) as streams,
        ClientSession(*streams[:2]) as session,
    ):
        await session.initialize()
        answer = await session.call_tool("whoami", {})
    print(answer.content[0].text)


asyncio.run(main())
