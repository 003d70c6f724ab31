"""Everything that the introspection service asks, in memory, and tokens that it may be asked about."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from aiohttp import web

from support.http_request import make_form_request, make_request
from support.rfc9068 import ISSUER, NOW, ManualClock, Signer, signer
from valetkey.core.authentication.user import User
from valetkey.core.client.authentication.secret import secret_digest
from valetkey.core.client.client import AuthenticationMethod, Client, ClientSecret
from valetkey.core.jose.verify_own import KeySet
from valetkey.core.oauth.access_token import TokenId
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.core.oauth.resource import Catalog, RegisteredScope
from valetkey.core.oauth.revocation import Revocation, RevocationTarget
from valetkey.introspection.access_tokens import AccessTokens
from valetkey.introspection.discovery import Discovery
from valetkey.introspection.introspector import Introspector
from valetkey.introspection.service import SERVICE, IntrospectionService
from valetkey.introspection.user_info import UserInfo
from valetkey.introspection.verified_tokens import VerifiedTokens
from valetkey.runtime.http.client_authenticator import ClientAuthenticator
from valetkey.runtime.http.forms import BODY_TIMEOUT
from valetkey.runtime.http.limits.client_rate import ClientRate

SECRET = "s3cret-of-a-resource-server"
RESOURCE = "https://api.example"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
ADA = User(
    subject=UUID("6f2a0d7c-5b8e-4d0a-9a51-6f3c0b1d2e3f"),
    username="ada",
    email="ada@example.com",
    email_verified=True,
    enabled=True,
    valid_since=LONG_AGO,
    updated_at=LONG_AGO,
    claims={"name": "Ada Lovelace"},
)


def client(client_id: str, **changed: Any) -> Client:  # noqa: ANN401 - any field of a client
    fields: dict[str, Any] = {
        "client_id": client_id,
        "uid": uuid4(),
        "client_name": client_id,
        "token_endpoint_auth_method": AuthenticationMethod.BASIC,
        "grant_types": frozenset(),
        "secrets": (ClientSecret(secret_digest(SECRET)),),
    }
    return Client(**(fields | changed))


CLIENTS = {
    known.client_id: known
    for known in (
        client("api", resource=RESOURCE),
        client("other-api", resource="https://other.example"),
        client("web"),
        client("disabled", resource=RESOURCE, enabled=False),
        client("spa", token_endpoint_auth_method=AuthenticationMethod.NONE, secrets=(), resource=RESOURCE),
    )
}


@dataclass
class Keys:
    """A JWK Set whose keys can be exchanged."""

    signers: tuple[Signer, ...] = (signer("ES256"),)
    away: bool = False

    def __post_init__(self) -> None:
        self.publish(*self.signers)

    def publish(self, *signers: Signer) -> None:
        self.signers = signers
        self._key_set = KeySet.parse({"keys": [known.jwk for known in signers]})

    @property
    def key_set(self) -> KeySet:
        self._require_loaded()
        return self._key_set

    @property
    def document(self) -> str:
        self._require_loaded()
        return json.dumps({"keys": [known.jwk for known in self.signers]})

    @property
    def etag(self) -> str:
        return "-".join(known.kid for known in self.signers)

    def _require_loaded(self) -> None:
        if self.away:
            raise TemporarilyUnavailable("no JWK Set has been loaded")


@dataclass
class Revocations:
    """Revocations that are remembered, and how often they were asked for."""

    known: dict[RevocationTarget, Revocation] = field(default_factory=dict)
    asked: int = 0
    away: bool = False

    def revoke(self, target: RevocationTarget, at: datetime) -> None:
        self.known[target] = Revocation(target, at, at + timedelta(days=1))

    async def find(self, targets: Sequence[RevocationTarget]) -> list[Revocation]:
        self.asked += 1
        if self.away:
            raise TemporarilyUnavailable("both stores are away")
        return [self.known[target] for target in targets if target in self.known]


@dataclass
class Clients:
    """Registered clients."""

    known: dict[str, Client]

    async def find(self, client_id: str) -> Client | None:
        return self.known.get(client_id)


@dataclass
class Users:
    """Users by subject."""

    known: dict[UUID, User]

    async def find_by_subject(self, subject: UUID) -> User | None:
        return self.known.get(subject)


@dataclass
class CatalogOf:
    """Registered scopes, unless they cannot be had."""

    names: tuple[str, ...] = ("openid", "orders.read")
    away: bool = False

    def __post_init__(self) -> None:
        self.register(*self.names)

    def register(self, *names: str) -> None:
        self._catalog = Catalog({name: RegisteredScope(name, name) for name in names}, {})

    async def get(self) -> Catalog:
        if self.away:
            raise TemporarilyUnavailable("no catalog")
        return self._catalog


class NoLimit:
    """Counts nothing, where limits are not what is tested."""

    async def count(self, client_id: str, address: str) -> None:
        """See ``FailureCounter``."""

    async def add(self, window: int, lifetime: int, counted: Mapping[str, int]) -> dict[str, int]:  # noqa: ARG002
        """See ``Rates``."""
        return {}


class World:
    """The service over stores in memory."""

    def __init__(self, size: int = 100) -> None:
        self.clock = ManualClock()
        self.keys = Keys()
        self.revocations = Revocations()
        self.users = Users({ADA.subject: ADA})
        self.clients = Clients(dict(CLIENTS))
        self.catalog = CatalogOf()
        self.verified = VerifiedTokens(self.keys, ISSUER, size)
        access_tokens = AccessTokens(self.verified, self.revocations, self.clock)
        self.service = IntrospectionService(
            authenticator=ClientAuthenticator(self.clients, self.clock, NoLimit()),
            introspector=Introspector(access_tokens, ISSUER),
            user_info=UserInfo(access_tokens, self.users, self.clients, self.catalog),
            discovery=Discovery(ISSUER, self.catalog, 300),
            jwk_set=self.keys,
            jwks_max_age=300,
            client_rate=ClientRate(NoLimit(), self.clock, 0),
            passkey_endpoints=None,
            change_password_uri="https://id.example/account/password",
        )

    def claims(self, **changed: Any) -> dict[str, Any]:  # noqa: ANN401 - any claim
        """The claims of a good token of Ada's for the API; a claim that is changed to None is left out."""
        issued_at = changed.pop("issued_at", NOW)
        token_id = TokenId.generate(changed.pop("authorization_id", uuid4()), issued_at)
        claims = {
            "iss": ISSUER,
            "sub": str(ADA.subject),
            "aud": RESOURCE,
            "client_id": "web",
            "scope": "openid orders.read",
            "iat": int(issued_at.timestamp()),
            "exp": int(issued_at.timestamp()) + 600,
            "jti": str(token_id),
            "auth_time": int(NOW.timestamp()) - 60,
            "acr": "urn:valetkey:acr:password",
            "amr": ["pwd"],
            "userinfo_claims": ["email"],
        }
        return {name: value for name, value in (claims | changed).items() if value is not None}

    def token(self, **changed: Any) -> str:  # noqa: ANN401 - any claim
        """A token with these claims."""
        return self.keys.signers[0].token(self.claims(**changed))

    def get(self, path: str, *headers: tuple[str, str]) -> web.Request:
        """A GET of this service."""
        return self._served(make_request(path, headers=headers))

    def post(self, path: str, form: Mapping[str, str] | str, *headers: tuple[str, str]) -> web.Request:
        """A form sent to this service."""
        body = form if isinstance(form, str) else urlencode(form)
        media_type = ("Content-Type", "application/x-www-form-urlencoded")
        return self._served(make_form_request(body.encode(), path=path, headers=(media_type, *headers)))

    def _served(self, request: web.Request) -> web.Request:
        request.app[SERVICE] = self.service
        request.app[BODY_TIMEOUT] = 5.0
        return request


def basic(client_id: str, secret: str = SECRET) -> tuple[str, str]:
    """The header of ``client_secret_basic``."""
    return "Authorization", "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def json_of(response: web.Response) -> Any:  # noqa: ANN401 - whatever JSON was answered
    """The JSON in an answer."""
    assert isinstance(response.body, bytes)
    return json.loads(response.body)
