"""A client: its registered metadata and what it may do. RFC 7591 §2, OAuth 2.1 §2."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from valetkey.core.oauth.errors import UnauthorizedClient

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from valetkey.core.authentication.user import User
    from valetkey.core.oauth.scope import Scope
    from valetkey.core.oidc.claims.policy.policy import ClaimPolicy


class GrantType(StrEnum):
    """The grant types a client may be registered for. RFC 7591 §2."""

    AUTHORIZATION_CODE = "authorization_code"
    REFRESH_TOKEN = "refresh_token"  # noqa: S105 - a grant type, not a secret
    CLIENT_CREDENTIALS = "client_credentials"


class AuthenticationMethod(StrEnum):
    """How a client authenticates at our endpoints: ``token_endpoint_auth_method``. RFC 7591 §2."""

    BASIC = "client_secret_basic"
    POST = "client_secret_post"
    NONE = "none"


class IdTokenClaims(StrEnum):
    """Which claims about the user an ID token has: of the granted scopes, those requested by name, or none.

    OIDC Core §5.4 returns the claims of scopes from UserInfo; many clients read nothing but the ID token.
    """

    SCOPES = "scopes"
    REQUESTED = "requested"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """The SHA-256 of a generated 256-bit secret, and when it stops counting (None: not until replaced)."""

    digest: bytes
    expires_at: datetime | None = None

    def is_current(self, now: datetime) -> bool:
        """Whether this secret still authenticates."""
        return self.expires_at is None or now < self.expires_at


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client, named as in RFC 7591 §2.

    ``uid`` is ours: a client deleted and registered again under the same ``client_id`` is another client.
    ``resource`` is set where the client is itself a resource server: the identifier it may introspect tokens for.
    ``resources`` are targets it may ask tokens for beside those that its scopes belong to. RFC 8707.
    ``allowed_groups`` are the groups whose members may use it; where there are none, everyone may.
    ``id_token_claims`` is None where the client was registered before there was a choice: ``requested``.
    ``epoch`` and ``installation_epoch`` were read together with the rest; see ``core.epoch``.
    """

    client_id: str
    uid: UUID
    client_name: str
    token_endpoint_auth_method: AuthenticationMethod
    grant_types: frozenset[str]
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    scope: Scope = ()
    resources: frozenset[str] = frozenset()
    resource: str | None = None
    secrets: tuple[ClientSecret, ...] = ()
    id_token_signed_response_alg: str = "ES256"  # noqa: S105 - an algorithm, not a secret
    default_max_age: int | None = None
    client_uri: str | None = None
    policy_uri: str | None = None
    tos_uri: str | None = None
    logo_uri: str | None = None
    contacts: tuple[str, ...] = ()
    software_id: str | None = None
    allowed_groups: frozenset[str] = frozenset()
    id_token_claims: IdTokenClaims | None = None
    claim_policy: ClaimPolicy | None = None
    enabled: bool = True
    epoch: int = 0
    installation_epoch: int = 0

    @property
    def is_public(self) -> bool:
        """Whether the client cannot keep a secret. OAuth 2.1 §2.1."""
        return self.token_endpoint_auth_method is AuthenticationMethod.NONE

    @property
    def remembers_consent(self) -> bool:
        """Whether consent once given counts next time.

        Anybody can present a public client's ``client_id``, so its user is asked again. OAuth 2.1 §7.3.1.
        """
        return not self.is_public

    def admits(self, user: User) -> bool:
        """Whether the user may use the client: a member of one of ``allowed_groups``, directly or through others."""
        return not self.allowed_groups or not self.allowed_groups.isdisjoint(user.groups)

    def require_grant(self, grant_type: str) -> None:
        """Raise ``UnauthorizedClient`` unless the client is registered for this grant. RFC 6749 §5.2."""
        if grant_type not in self.grant_types:
            raise UnauthorizedClient(f"{self.client_id} is not registered for {grant_type}")
