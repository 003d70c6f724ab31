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
    from valetkey.core.client.installation_rules import InstallationRules
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


WITH_SECRET = (AuthenticationMethod.BASIC, AuthenticationMethod.POST)


class PkcePolicy(StrEnum):
    """Whether a client has to send a code challenge. OAuth 2.1 §7.5.1.

    ``OPTIONAL``: an OpenID Connect request with a ``nonce`` may do without. ``OPTIONAL_WITHOUT_NONCE``: any may.
    """

    REQUIRED = "required"
    OPTIONAL = "optional"
    OPTIONAL_WITHOUT_NONCE = "optional_without_nonce"


class ApplicationType(StrEnum):
    """What kind of application it is. OIDC Registration §2."""

    WEB = "web"
    NATIVE = "native"


class AudienceParameter(StrEnum):
    """What ``audience`` is, which no specification has for these grants: refused, or ``resource`` of RFC 8707."""

    REFUSE = "refuse"
    RESOURCE = "resource"


class AccessTokenTyp(StrEnum):
    """The ``typ`` of access tokens for a resource server: that of RFC 9068 §2.1, or the only one some decoders take."""

    AT_JWT = "at+jwt"
    JWT = "JWT"


class ConsentPolicy(StrEnum):
    """When users are asked whether a client may have what it asks for. OIDC Core §3.1.2.4, OAuth 2.1 §7.3.1.

    ``ASK``: every time. ``REMEMBER``: where something new is asked for. ``TRUSTED``: never, as of a first party.
    """

    ASK = "ask"
    REMEMBER = "remember"
    TRUSTED = "trusted"


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
    Without ``token_endpoint_auth_method`` it has a secret, and presents it in the header or in the form.
    ``allowed_groups`` are the groups whose members may use it; where there are none, everyone may.
    ``required_acr`` is the level that a login for it has to reach, None where any will do; see ``authentication.acr``.
    ``id_token_claims`` is None where the client was registered before there was a choice: ``requested``.
    ``epoch`` and ``installation_epoch`` were read together with the rest; see ``core.epoch``.
    """

    client_id: str
    uid: UUID
    client_name: str
    token_endpoint_auth_method: AuthenticationMethod | None
    grant_types: frozenset[str]
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    scope: Scope = ()
    resources: frozenset[str] = frozenset()
    resource: str | None = None
    secrets: tuple[ClientSecret, ...] = ()
    id_token_signed_response_alg: str | None = None
    access_token_typ: AccessTokenTyp = AccessTokenTyp.AT_JWT
    application_type: ApplicationType = ApplicationType.WEB
    audience_parameter: AudienceParameter | None = None
    pkce: PkcePolicy = PkcePolicy.REQUIRED
    consent: ConsentPolicy | None = None
    default_max_age: int | None = None
    client_uri: str | None = None
    policy_uri: str | None = None
    tos_uri: str | None = None
    logo_uri: str | None = None
    contacts: tuple[str, ...] = ()
    software_id: str | None = None
    allowed_groups: frozenset[str] = frozenset()
    required_acr: str | None = None
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
    def authentication_methods(self) -> tuple[AuthenticationMethod, ...]:
        """How it may authenticate: in the one way that it is registered for, or in either that takes a secret."""
        method = self.token_endpoint_auth_method
        return WITH_SECRET if method is None else (method,)

    @property
    def is_native(self) -> bool:
        """Whether it runs on its user's device, and listens there on a port of the moment. RFC 8252 §7.3."""
        return self.application_type is ApplicationType.NATIVE

    def takes_audience(self, installation: InstallationRules) -> bool:
        """Whether ``audience`` is another name of ``resource`` for it; otherwise it is refused."""
        decided = self.audience_parameter or installation.audience_parameter
        return decided is AudienceParameter.RESOURCE

    def pkce_policy(self, installation: InstallationRules) -> PkcePolicy:
        """What counts for it: only a confidential client can be let off, and only where the installation permits it."""
        return PkcePolicy.REQUIRED if self.is_public or not installation.pkce_exceptions else self.pkce

    def consent_policy(self, redirect_uri: str) -> ConsentPolicy:
        """When its users are asked, for an answer that goes to this redirect URI.

        Anybody can present a public client's ``client_id``, so its users are asked again unless its registration says
        otherwise; and they are where only the device could tell who gets the answer. OAuth 2.1 §7.3.1, RFC 8252 §8.6.
        """
        if not self.is_public:
            return self.consent or ConsentPolicy.REMEMBER
        if self.consent is None or not self.is_proven_by(redirect_uri):
            return ConsentPolicy.ASK
        return self.consent

    def is_proven_by(self, redirect_uri: str) -> bool:
        """Whether an answer sent there is of use to this client and no other that has its name. RFC 8252 §8.6.

        A confidential client has to authenticate to use the answer; an https redirect URI is a host's own.
        """
        return not self.is_public or redirect_uri.startswith("https:")

    def admits(self, user: User) -> bool:
        """Whether the user may use the client: a member of one of ``allowed_groups``, directly or through others."""
        return not self.allowed_groups or not self.allowed_groups.isdisjoint(user.groups)

    def require_grant(self, grant_type: str) -> None:
        """Raise ``UnauthorizedClient`` unless the client is registered for this grant. RFC 6749 §5.2."""
        if grant_type not in self.grant_types:
            raise UnauthorizedClient(f"{self.client_id} is not registered for {grant_type}")
