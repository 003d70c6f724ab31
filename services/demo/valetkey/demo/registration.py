"""Who is registered in the demo: two users, a group, four clients, two scopes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from valetkey.core.authentication.group import Group
from valetkey.core.client.authentication.secret import secret_digest
from valetkey.core.client.client import AuthenticationMethod, Client, ClientSecret, GrantType
from valetkey.core.oauth.resource import RegisteredScope
from valetkey.core.oauth.scope import EMAIL, GROUPS, OFFLINE_ACCESS, OPENID, PROFILE
from valetkey.core.oidc.claims.policy.policy import ClaimPolicy
from valetkey.demo.resource_server import CLEARS_NOTES, READ, WRITE
from valetkey.demo.run_secrets import RunSecrets

_USER_GRANTS = frozenset({GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN})
_USER_SCOPE = (OPENID, PROFILE, EMAIL, GROUPS, OFFLINE_ACCESS, READ, WRITE)
# Any port, for programs that open one for the answer. OAuth 2.1 §8.4.2.
_ANY_PORT = "http://127.0.0.1/callback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the demo listens, without trailing slashes."""

    issuer: str
    tour: str
    api: str
    inbox: str

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
    password: str = field(repr=False)
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DemoClient:
    """A registered client and its secret, which is None for a public one."""

    client: Client
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Everything that is written into the database; ``clients`` by the name they have in the demo."""

    addresses: Addresses
    users: tuple[DemoUser, ...]
    groups: tuple[Group, ...]
    clients: dict[str, DemoClient]
    scopes: tuple[RegisteredScope, ...]


def register(addresses: Addresses, redirect_uris: Iterable[str] = (), run: RunSecrets | None = None) -> Registration:
    """The registrations of one run, with the secrets and passwords of that run, or new ones."""
    extra, run = tuple(redirect_uris), run or RunSecrets()
    # The API may see groups; without this line only ID tokens and UserInfo have them.
    claim_policy = ClaimPolicy.of({GROUPS: {"in": ["id_token", "userinfo", addresses.resource]}})
    web_uris = _distinct(f"{addresses.tour}/callback", _ANY_PORT, *extra)
    spa_uris = _distinct(f"{addresses.tour}/spa/callback", _ANY_PORT, *extra)
    clients = {
        "web": _confidential(
            "web",
            "Notebook",
            run,
            claim_policy=claim_policy,
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
                claim_policy=claim_policy,
            )
        ),
        "machine": _confidential(
            "machine",
            "Notes backup",
            run,
            grant_types=frozenset({GrantType.CLIENT_CREDENTIALS}),
            scope=(READ, WRITE),
        ),
        "api": _confidential("api", "Notes API", run, grant_types=frozenset(), resource=addresses.resource),
    }
    return Registration(
        addresses=addresses,
        users=(
            DemoUser("ada", "Ada Lovelace", "ada@example.com", run.password("ada"), (CLEARS_NOTES,)),
            DemoUser("grace", "Grace Hopper", "grace@example.com", run.password("grace")),
        ),
        groups=(Group(CLEARS_NOTES, "Platform team", "May clear the notes of the demo's API"),),
        clients=clients,
        scopes=(
            RegisteredScope(READ, "Read your notes", addresses.resource),
            RegisteredScope(WRITE, "Add notes for you", addresses.resource),
        ),
    )


def _confidential(client_id: str, client_name: str, run: RunSecrets, **fields: Any) -> DemoClient:  # noqa: ANN401
    """A client with a secret; ``fields`` are the others of ``Client``."""
    secret = run.client_secret(client_id)
    client = Client(
        client_id=client_id,
        uid=uuid4(),
        client_name=client_name,
        token_endpoint_auth_method=AuthenticationMethod.BASIC,
        secrets=(ClientSecret(secret_digest(secret)),),
        **fields,
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
