"""Who is registered in the demo: two users, four clients, two scopes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from uuid import uuid4

from valetkey.core.client.authentication.secret import generate_secret, secret_digest
from valetkey.core.client.client import AuthenticationMethod, Client, ClientSecret, GrantType
from valetkey.core.oauth.resource import RegisteredScope
from valetkey.core.oauth.scope import EMAIL, OFFLINE_ACCESS, OPENID, PROFILE
from valetkey.demo.password import make_password
from valetkey.demo.resource_server import READ, WRITE

_USER_GRANTS = frozenset({GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN})
_USER_SCOPE = (OPENID, PROFILE, EMAIL, OFFLINE_ACCESS, READ, WRITE)
# Any port, for programs that open one for the answer. OAuth 2.1 §8.4.2.
_ANY_PORT = "http://127.0.0.1/callback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the demo listens, without trailing slashes."""

    issuer: str
    tour: str
    api: str

    @property
    def resource(self) -> str:
        """The identifier of the API. RFC 8707 §2."""
        return f"{self.api}/"


@dataclass(frozen=True, slots=True)
class DemoUser:
    """A user to sign in as."""

    username: str
    name: str
    email: str
    password: str = field(default_factory=make_password, repr=False)


@dataclass(frozen=True, slots=True)
class DemoClient:
    """A registered client and its secret, which is None for a public one."""

    client: Client
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Everything that is written into the empty database; ``clients`` by the name they have in the demo."""

    addresses: Addresses
    users: tuple[DemoUser, ...]
    clients: dict[str, DemoClient]
    scopes: tuple[RegisteredScope, ...]


def register(addresses: Addresses, redirect_uris: Iterable[str] = ()) -> Registration:
    """The registrations of one run, with new secrets and passwords."""
    extra = tuple(redirect_uris)
    web_uris = _distinct(f"{addresses.tour}/callback", _ANY_PORT, *extra)
    spa_uris = _distinct(f"{addresses.tour}/spa/callback", _ANY_PORT, *extra)
    clients = {
        "web": _confidential(
            "web",
            "Notebook",
            grant_types=_USER_GRANTS,
            redirect_uris=web_uris,
            post_logout_redirect_uris=_distinct(f"{addresses.tour}/signed-out", *_roots(web_uris)),
            scope=_USER_SCOPE,
        ),
        "spa": DemoClient(
            Client(
                client_id="spa",
                uid=uuid4(),
                client_name="Notebook in the browser",
                token_endpoint_auth_method=AuthenticationMethod.NONE,
                grant_types=_USER_GRANTS,
                redirect_uris=spa_uris,
                post_logout_redirect_uris=_distinct(f"{addresses.tour}/signed-out", *_roots(spa_uris)),
                scope=_USER_SCOPE,
            )
        ),
        "machine": _confidential(
            "machine",
            "Notes backup",
            grant_types=frozenset({GrantType.CLIENT_CREDENTIALS}),
            scope=(READ, WRITE),
        ),
        "api": _confidential("api", "Notes API", resource=addresses.resource),
    }
    return Registration(
        addresses=addresses,
        users=(
            DemoUser("ada", "Ada Lovelace", "ada@example.com"),
            DemoUser("grace", "Grace Hopper", "grace@example.com"),
        ),
        clients=clients,
        scopes=(
            RegisteredScope(READ, "Read your notes", addresses.resource),
            RegisteredScope(WRITE, "Add notes for you", addresses.resource),
        ),
    )


def _confidential(
    client_id: str,
    client_name: str,
    *,
    grant_types: frozenset[str] = frozenset(),
    redirect_uris: tuple[str, ...] = (),
    post_logout_redirect_uris: tuple[str, ...] = (),
    scope: tuple[str, ...] = (),
    resource: str | None = None,
) -> DemoClient:
    secret = generate_secret()
    client = Client(
        client_id=client_id,
        uid=uuid4(),
        client_name=client_name,
        token_endpoint_auth_method=AuthenticationMethod.BASIC,
        grant_types=grant_types,
        redirect_uris=redirect_uris,
        post_logout_redirect_uris=post_logout_redirect_uris,
        scope=scope,
        resource=resource,
        secrets=(ClientSecret(secret_digest(secret)),),
    )
    return DemoClient(client, secret)


def _roots(uris: Iterable[str]) -> Iterable[str]:
    """The front page of each redirect URI's host: where a browser may go after a logout."""
    for uri in uris:
        parts = urlsplit(uri)
        if parts.scheme in {"http", "https"}:
            yield f"{parts.scheme}://{parts.netloc}/"


def _distinct(*uris: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(uris))
