"""A small issuer on loopback: metadata, keys with an ETag, introspection; and it can misbehave."""

import asyncio
import base64
import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Self

from aiohttp import web
from aiohttp.test_utils import TestServer
from aiohttp.typedefs import Handler

from support.rfc9068 import JSONValue, Signer, claims, signer

CLIENT_ID = "orders api"
CLIENT_SECRET = "s:cr/t+é%"
AUTHORIZATION = "Basic " + base64.b64encode(b"orders+api:s%3Acr%2Ft%2B%C3%A9%25").decode()
METADATA = "/.well-known/oauth-authorization-server"

BROKEN_ANSWERS: dict[str, dict[str, Any]] = {
    "failing": {"status": 500},
    "missing": {"status": 404},
    "redirecting": {"status": 302, "headers": {"Location": "/elsewhere"}},
    "empty": {"status": 200, "text": "", "content_type": "application/json"},
    "not JSON": {"status": 200, "text": "<html>", "content_type": "application/json"},
    "a list": {"status": 200, "text": "[]", "content_type": "application/json"},
    "ambiguous": {"status": 200, "text": '{"keys":[],"keys":[]}', "content_type": "application/json"},
    "not labelled JSON": {"status": 200, "text": '{"keys":[]}', "content_type": "text/html"},
    "huge": {"status": 200, "text": '{"keys":[],"x":"' + "x" * 300_000 + '"}', "content_type": "application/json"},
    "labelled as compressed": {
        "status": 200,
        "text": '{"keys":[]}',
        "headers": {"Content-Encoding": "gzip", "Content-Type": "application/json"},
    },
    "without keys": {"status": 200, "text": "{}", "content_type": "application/json"},
    "unasked for 304": {"status": 304},
}
"""What no endpoint should answer, by name."""


class LoopbackIssuer:
    """What it answers is set by its attributes; what it was asked is counted by path."""

    def __init__(self) -> None:
        self.url = ""
        self.signers: list[Signer] = [signer("ES256")]
        self.max_age = 60
        self.metadata_changes: dict[str, Any] = {}
        self.answers: dict[str, dict[str, Any]] = {}
        self.requests: Counter[str] = Counter()
        self.not_modified = 0
        self.overrides: dict[str, web.Response] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        app = web.Application(middlewares=[self._observe])
        app.router.add_get(METADATA, self._metadata)
        app.router.add_get("/jwks", self._jwks)
        app.router.add_post("/introspect", self._introspect)
        self._server = TestServer(app, host="127.0.0.1")

    async def __aenter__(self) -> Self:
        await self._server.start_server()
        self.url = str(self._server.make_url("/")).rstrip("/")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()

    @property
    def open_connections(self) -> int:
        assert self._server.handler is not None
        return len(self._server.handler.connections)

    async def stop(self) -> None:
        """Refuse connections from now on."""
        await self._server.close()

    def token(self, kid: str = "k1", **changed: JSONValue) -> str:
        """A token of this issuer with some claims changed."""
        return signer("ES256", kid).token(claims(iss=self.url, **changed))

    def activate(self, token: str, **changed: JSONValue) -> None:
        """Say of `token` that it is active, with some claims changed."""
        self.answers[token] = {"active": True, "token_type": "Bearer", **claims(iss=self.url, **changed)}

    def break_down(self, path: str, answer: Mapping[str, Any] = MappingProxyType({"status": 500})) -> None:
        """Answer every request to `path` like this."""
        self.overrides[path] = web.Response(**answer)

    @web.middleware
    async def _observe(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.requests[request.path] += 1
        await self.gate.wait()
        override = self.overrides.get(request.path)
        if override is None:
            return await handler(request)
        return web.Response(status=override.status, body=override.body, headers=override.headers)

    async def _metadata(self, _: web.Request) -> web.Response:
        document = {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/jwks",
            "introspection_endpoint": f"{self.url}/introspect",
        }
        return web.json_response(document | self.metadata_changes)

    async def _jwks(self, request: web.Request) -> web.Response:
        body = json.dumps({"keys": [each.jwk for each in self.signers]})
        headers = {
            "ETag": f'"{hashlib.sha256(body.encode()).hexdigest()}"',
            "Cache-Control": f"public, max-age={self.max_age}",
        }
        if request.headers.get("If-None-Match") == headers["ETag"]:
            self.not_modified += 1
            return web.Response(status=304, headers=headers)
        return web.Response(text=body, content_type="application/jwk-set+json", headers=headers)

    async def _introspect(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != AUTHORIZATION:
            return web.json_response({"error": "invalid_client"}, status=401)
        form = await request.post()
        return web.json_response(self.answers.get(str(form["token"]), {"active": False}))
