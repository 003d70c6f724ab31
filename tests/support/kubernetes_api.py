"""The part of a Kubernetes API server that keeps Secrets: over TLS, with RBAC by verb, and it can be away."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from support.certificate import serve_tls
from valetkey.demo.free_port import LOOPBACK

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

TOKEN = "service-account-token"


@dataclass
class KubernetesApi:
    """``allowed`` are the verbs of the service account; the first ``failures`` requests are answered with 503.

    ``meanwhile`` are keys that another adds to a Secret in the moment before the next patch of it arrives.
    """

    directory: Path
    allowed: set[str] = field(default_factory=lambda: {"create", "get", "patch"})
    failures: int = 0
    meanwhile: list[str] = field(default_factory=list)
    secrets: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)

    async def start(self) -> TestServer:
        """Listen, and lay out the files of a service account in ``directory``."""
        certificate = self.directory / "ca.crt"
        tls = serve_tls(certificate)
        (self.directory / "token").write_text(f"{TOKEN}\n", encoding="ascii")
        (self.directory / "namespace").write_text("identity", encoding="ascii")
        app = web.Application(middlewares=[self._admit])
        app.router.add_post("/api/v1/namespaces/{namespace}/secrets", self._create)
        app.router.add_get("/api/v1/namespaces/{namespace}/secrets/{name}", self._get)
        app.router.add_patch("/api/v1/namespaces/{namespace}/secrets/{name}", self._patch)
        server = TestServer(app, scheme="https")
        await server.start_server(ssl=tls)
        self.environment = {
            "KUBERNETES_SERVICE_HOST": LOOPBACK,
            "KUBERNETES_SERVICE_PORT": str(server.port),
        }
        return server

    @web.middleware
    async def _admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        verb = {"POST": "create", "GET": "get", "PATCH": "patch"}[request.method]
        self.requests.append(verb)
        if self.failures:
            self.failures -= 1
            return _status(503, "ServiceUnavailable", "etcd is away")
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _status(401, "Unauthorized", "Unauthorized")
        if verb not in self.allowed:
            return _status(403, "Forbidden", f'secrets is forbidden: User "x" cannot {verb} resource "secrets"')
        return await handler(request)

    async def _create(self, request: web.Request) -> web.Response:
        manifest = await request.json()
        key = (request.match_info["namespace"], manifest["metadata"]["name"])
        if key in self.secrets:
            return _status(409, "AlreadyExists", f'secrets "{key[1]}" already exists')
        values = manifest.pop("stringData")
        self.secrets[key] = manifest | {"data": _encoded(values)}
        self.secrets[key]["metadata"]["resourceVersion"] = "1"
        return web.json_response(self.secrets[key], status=201)

    async def _get(self, request: web.Request) -> web.Response:
        found = self.secrets.get((request.match_info["namespace"], request.match_info["name"]))
        return _status(404, "NotFound", "not found") if found is None else web.json_response(found)

    async def _patch(self, request: web.Request) -> web.Response:
        if request.content_type != "application/merge-patch+json":
            return _status(415, "UnsupportedMediaType", request.content_type)
        found, patch = self.secrets[request.match_info["namespace"], request.match_info["name"]], await request.json()
        for value in self.meanwhile:
            found["data"] |= _encoded({value: "of another"})
            found["metadata"]["resourceVersion"] += "1"
        self.meanwhile.clear()
        if patch["metadata"]["resourceVersion"] != found["metadata"]["resourceVersion"]:
            return _status(409, "Conflict", "the object has been modified")
        found["data"] |= _encoded(patch["stringData"])
        return web.json_response(found)


def _encoded(values: dict[str, str]) -> dict[str, str]:
    return {key: b64encode(value.encode()).decode() for key, value in values.items()}


def _status(code: int, reason: str, message: str) -> web.Response:
    body = {"kind": "Status", "status": "Failure", "reason": reason, "message": message, "code": code}
    return web.Response(status=code, text=json.dumps(body), content_type="application/json")
