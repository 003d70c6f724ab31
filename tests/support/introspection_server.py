"""The service that talks to resource servers, alone, on real stores and over HTTP."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import ClientResponse, ClientSession

from valetkey.core.jose.sealed_key import KeySealer
from valetkey.introspection.app import create_introspection
from valetkey.key_rotation.policy import RotationPolicy
from valetkey.key_rotation.report import RotationReport
from valetkey.key_rotation.rotate import rotate_keys
from valetkey.runtime.http.server import start_app
from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.runtime.settings.secret import Secret
from valetkey.runtime.settings.settings import Settings
from valetkey.storage.postgres.database.pool import Database

SEALER = KeySealer({"test": secrets.token_bytes(32)})


@dataclass(frozen=True, slots=True)
class IntrospectionServer:
    """A running replica, and the job that makes its keys."""

    settings: Settings
    url: str
    http: ClientSession

    async def request(self, method: str, path: str, **headers: str) -> ClientResponse:
        """One request; underscores in the names of headers stand for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        response = await self.http.request(method, f"{self.url}{path}", headers=named, allow_redirects=False)
        await response.read()
        return response

    async def get(self, path: str, **headers: str) -> ClientResponse:
        """A GET."""
        return await self.request("GET", path, **headers)

    async def rotate(self, *, emergency: bool = False) -> RotationReport:
        """Run the key rotation job."""
        return await rotate(self.settings, emergency=emergency)


async def rotate(settings: Settings, *, emergency: bool = False) -> RotationReport:
    """Run the key rotation job once."""
    async with Database(settings.postgres_dsn.reveal()) as database:
        policy = RotationPolicy.from_settings(settings)
        return await rotate_keys(database, SEALER, policy, system_clock, emergency=emergency)


def settings_for(postgres_dsn: str, redis_url: str, *, path: str = "") -> Settings:
    """Settings of one replica on a free port."""
    return Settings(
        issuer=f"https://id.example.com{path}",
        port=0,
        postgres_dsn=Secret(postgres_dsn),
        redis_url=Secret(redis_url),
        postgres_timeout=1.0,
        shutdown_grace=1.0,
        signing_algorithms=("ES256",),
        key_poll_interval=1,
    )


@asynccontextmanager
async def introspection_server(settings: Settings, *, with_keys: bool = True) -> AsyncIterator[IntrospectionServer]:
    """A replica, as long as the context lasts; it serves nothing before there are keys."""
    if with_keys:
        await rotate(settings)
    server = await start_app(create_introspection(settings), settings, management=False)
    try:
        async with ClientSession() as http:
            yield IntrospectionServer(settings, server.url, http)
    finally:
        await server.close()
