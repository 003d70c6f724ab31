"""The service that talks to browsers, alone, on real stores: what a login leads to is an authorization code."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Self
from uuid import UUID, uuid4

import asyncpg
from argon2 import PasswordHasher

from support.browser import Answer, Browser
from support.relying_party import ClientIdentity, Person, RelyingParty
from valetkey.authorize.app import create_authorize
from valetkey.cli.demo.free_port import free_port
from valetkey.core.signing import SigningKey, generate_private_key, kid_of, public_jwk, sign
from valetkey.core.user import normalize_login_name
from valetkey.runtime.http.server import start_app
from valetkey.runtime.secret import Secret
from valetkey.runtime.settings import Settings

REDIRECT_URI = "https://app.example/cb"
LOGGED_OUT_URI = "https://app.example/bye"
API = "https://notes.example/"
PASSWORD = "correct horse battery"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
_HASH = PasswordHasher(1, 8192, 1).hash(PASSWORD)
_CLIENT = """
    INSERT INTO clients (uid, client_id, client_name, token_endpoint_auth_method, grant_types, redirect_uris,
        post_logout_redirect_uris, scope, resources, resource, id_token_signed_response_alg, enabled, created_at,
        updated_at)
    VALUES ($1, $2, $3, $4, '{authorization_code,refresh_token}', $5, $6, $7, '{}', $8, 'ES256', TRUE, $9, $9)
"""
_USER = """
    INSERT INTO users (subject, username, email, email_verified, claims, password_hash, enabled, valid_since,
        created_at, updated_at)
    VALUES ($1, $2, $3, TRUE, $4, $5, TRUE, $6, $6, $6)
"""


def settings_for(postgres_dsn: str, redis_url: str, *, path: str = "") -> Settings:
    """Settings of one replica on a free port, with passwords that are cheap to check."""
    port = free_port()
    return Settings(
        issuer=f"http://127.0.0.1:{port}{path}",
        port=port,
        postgres_dsn=Secret(postgres_dsn),
        redis_url=Secret(redis_url),
        cookie_keys=Secret((bytes(range(32)),)),
        password_time_cost=1,
        password_memory_cost=8192,
        login_attempts_per_account=4,
        login_attempts_per_address=30,
    )


@dataclass(slots=True)
class AuthorizeServer:
    """A running replica, with what its stores hold."""

    settings: Settings
    database: asyncpg.Connection
    key: SigningKey

    @property
    def issuer(self) -> str:
        """The issuer."""
        return self.settings.issuer

    async def add_client(
        self,
        client_id: str,
        *,
        method: str = "client_secret_basic",
        redirect_uri: str = REDIRECT_URI,
        scope: tuple[str, ...] = ("openid", "profile", "email", "offline_access", "notes:read"),
        resource: str | None = None,
    ) -> ClientIdentity:
        """Register a client."""
        await self.database.execute(
            _CLIENT,
            uuid4(),
            client_id,
            f"The {client_id} client",
            method,
            [redirect_uri],
            [LOGGED_OUT_URI],
            list(scope),
            resource,
            LONG_AGO,
        )
        return ClientIdentity(client_id, None, redirect_uri, method)

    async def add_user(self, username: str) -> Person:
        """Create a user; ``<username>@example.org`` is the e-mail address."""
        subject, email = uuid4(), f"{username}@example.org"
        await self.database.execute(_USER, subject, username, email, "{}", _HASH, LONG_AGO)
        for name in (username, email):
            await self.database.execute(
                "INSERT INTO login_names (name_key, subject) VALUES ($1, $2)", normalize_login_name(name), subject
            )
        return Person(username, PASSWORD, str(subject))

    async def publish_keys(self) -> None:
        """Publish the JWK Set."""
        jwk = {**public_jwk(self.key.private_key), "kid": self.key.kid, "alg": self.key.alg, "use": "sig"}
        await self.database.execute(
            "INSERT INTO published_jwk_set (id, document, etag, published_at) VALUES (1, $1, $2, $3)",
            json.dumps({"keys": [jwk]}),
            self.key.kid,
            LONG_AGO,
        )

    def id_token(self, client_id: str, subject: str, *, sid: UUID | None = None, expired: bool = False) -> str:
        """An ID token of this issuer."""
        now = datetime.now(UTC)
        expires_at = now + timedelta(seconds=-1 if expired else 60)
        claims = {"iss": self.issuer, "sub": subject, "aud": client_id, "exp": int(expires_at.timestamp())}
        return sign(claims | ({} if sid is None else {"sid": str(sid)}), self.key, "JWT")

    async def session_id(self) -> UUID:
        """The one session there is."""
        (row,) = await self.database.fetch("SELECT session_id FROM sessions")
        session_id: UUID = row["session_id"]
        return session_id


@dataclass(slots=True)
class Scene:
    """A server with the usual clients and one user."""

    server: AuthorizeServer
    web: ClientIdentity
    spa: ClientIdentity
    ada: Person
    browsers: list[Browser] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        """The issuer."""
        return self.server.issuer

    def party(self, client: ClientIdentity | None = None) -> RelyingParty:
        """A client in a new browser, the confidential one unless told."""
        self.browsers.append(Browser())
        return RelyingParty(self.issuer, client or self.web, self.ada, self.browsers[-1])

    def renamed(self, client: ClientIdentity, client_id: str) -> ClientIdentity:
        """The client as if it called itself something else."""
        return replace(client, client_id=client_id)

    @classmethod
    async def set_up(cls, server: AuthorizeServer) -> Self:
        """Register and create what the tests expect to be there."""
        await server.publish_keys()
        await server.add_client("api", resource=API)
        await server.database.execute(
            "INSERT INTO scopes (name, description, resource) VALUES ('notes:read', 'Read your notes', $1)", API
        )
        return cls(
            server,
            await server.add_client("web"),
            await server.add_client("spa", method="none"),
            await server.add_user("ada"),
        )


@asynccontextmanager
async def running_scene(settings: Settings) -> AsyncIterator[Scene]:
    """Start a replica over seeded stores."""
    private_key = generate_private_key("ES256")
    database = await asyncpg.connect(settings.postgres_dsn.reveal())
    try:
        server = AuthorizeServer(settings, database, SigningKey(kid_of(private_key), "ES256", private_key))
        scene = await Scene.set_up(server)
        running = await start_app(create_authorize(settings), settings, management=False)
        try:
            yield scene
        finally:
            for browser in scene.browsers:
                await browser.close()
            await running.close()
    finally:
        await database.close()


def heading(answer: Answer) -> str:
    """What a page is about."""
    return answer.page.get("h1").text
