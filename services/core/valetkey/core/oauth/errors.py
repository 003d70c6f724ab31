"""Every way of saying no that OAuth and OpenID Connect register.

::

    OAuthError
    ├── InvalidRequest            ├── AccessDenied               ├── InvalidToken
    ├── InvalidClient             ├── UnsupportedResponseType    ├── InsufficientScope
    ├── InvalidGrant              ├── LoginRequired              ├── ServerError
    ├── UnauthorizedClient        ├── ConsentRequired            ├── TemporarilyUnavailable
    ├── UnsupportedGrantType      ├── AccountSelectionRequired   └── TooManyRequests
    ├── InvalidScope              ├── UnmetAuthenticationRequirements
    │   └── ClaimsTooLarge        ├── RequestNotSupported
    ├── InvalidTarget             │
    └── RequestUriNotSupported

The class speaks to the client, in words fixed per class, unless the error is made ``of`` one of the ``causes`` that a
client may know. Any other sentence given to the constructor speaks to us: it goes to the log and the span,
never on the wire. Status codes and JSON belong to ``valetkey.runtime.http.errors``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

if TYPE_CHECKING:
    from valetkey.core.oauth.causes import Cause


class OAuthError(Exception):
    """A refusal with a registered error code. RFC 6749 §4.1.2.1, §5.2.

    ``str(error)`` is the private reason. ``error`` and ``description`` are the public ones; both stay within the
    characters that RFC 6749 §5.2 allows.
    """

    error: ClassVar[str]
    description: str

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    @classmethod
    def of(cls, cause: Cause) -> Self:
        """A refusal that tells the client its cause."""
        error = cls(cause.sentence)
        error.description = f"{cause.sentence}."
        return error

    @property
    def is_explained(self) -> bool:
        """Whether the description is about this request and not about everything of its class."""
        return self.description != type(self).description


class InvalidRequest(OAuthError):
    """A parameter is missing, repeated, malformed or out of place. RFC 6749 §5.2."""

    error = "invalid_request"
    description = "The request is missing a parameter, repeats one, or has one that is malformed."


class InvalidClient(OAuthError):
    """Client authentication failed: unknown client, wrong secret, or another method than registered. RFC 6749 §5.2."""

    error = "invalid_client"
    description = "Client authentication failed."


class InvalidGrant(OAuthError):
    """Expired, spent, revoked, or issued to another client. RFC 6749 §5.2."""

    error = "invalid_grant"
    description = "The grant is invalid, expired, revoked, or was issued to another client."


class UnauthorizedClient(OAuthError):
    """The client is not registered for this grant or response type. RFC 6749 §5.2."""

    error = "unauthorized_client"
    description = "The client is not registered for this grant type or response type."


class UnsupportedGrantType(OAuthError):
    """No such grant here, the password grant among them. RFC 6749 §5.2."""

    error = "unsupported_grant_type"
    description = "The grant type is not supported."


class InvalidScope(OAuthError):
    """Unknown, malformed, or more than the client or the grant may have. RFC 6749 §5.2."""

    error = "invalid_scope"
    description = "The requested scope is unknown, malformed, or exceeds what may be granted."


class ClaimsTooLarge(InvalidScope):
    """What the scope opens makes a token longer than readers take. Nothing of it is cut off. RFC 6749 §5.2."""

    description = "The claims of this scope do not fit into a token. Ask for less, or have its groups filtered."


class InvalidTarget(OAuthError):
    """The resource is unknown, malformed, or more than the grant covers. RFC 8707 §2."""

    error = "invalid_target"
    description = "The requested resource is unknown, malformed, or exceeds what may be granted."


class AccessDenied(OAuthError):
    """The resource owner or the server refused. RFC 6749 §4.1.2.1."""

    error = "access_denied"
    description = "The request was denied."


class UnsupportedResponseType(OAuthError):
    """Only ``code`` is served; the implicit grant is not. RFC 6749 §4.1.2.1."""

    error = "unsupported_response_type"
    description = "The response type is not supported; use code with PKCE."


class LoginRequired(OAuthError):
    """``prompt=none``, and there is no session that satisfies the request. OIDC Core §3.1.2.6."""

    error = "login_required"
    description = "The user must sign in."


class ConsentRequired(OAuthError):
    """``prompt=none`` and consent has not been given. OIDC Core §3.1.2.6."""

    error = "consent_required"
    description = "The user must consent."


class AccountSelectionRequired(OAuthError):
    """``prompt=none`` and it is unclear which account is meant. OIDC Core §3.1.2.6."""

    error = "account_selection_required"
    description = "The user must choose an account."


class UnmetAuthenticationRequirements(OAuthError):
    """An essential ``acr`` that no login here can reach. OpenID Connect Core Unmet Authentication Requirements 1.0."""

    error = "unmet_authentication_requirements"
    description = "The requested authentication requirements cannot be met."


class RequestNotSupported(OAuthError):
    """Request objects by value are not accepted. OIDC Core §3.1.2.6."""

    error = "request_not_supported"
    description = "The request parameter is not supported."


class RequestUriNotSupported(OAuthError):
    """Request objects by reference are not accepted. OIDC Core §3.1.2.6."""

    error = "request_uri_not_supported"
    description = "The request_uri parameter is not supported."


class InvalidToken(OAuthError):
    """The access token is expired, revoked, malformed or not for this resource. RFC 6750 §3.1."""

    error = "invalid_token"
    description = "The access token is invalid, expired or revoked."


class InsufficientScope(OAuthError):
    """The access token is good, but not for this. RFC 6750 §3.1."""

    error = "insufficient_scope"
    description = "The access token does not carry the scope that this needs."


class ServerError(OAuthError):
    """A fault of ours. RFC 6749 §4.1.2.1."""

    error = "server_error"
    description = "The server met an unexpected condition."


class TemporarilyUnavailable(OAuthError):
    """A store is away or we are full: try again. RFC 6749 §4.1.2.1.

    ``retry_after`` is in seconds.
    """

    error = "temporarily_unavailable"
    description = "The server is temporarily unable to handle the request; try again."

    def __init__(self, reason: str, retry_after: int = 1) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class TooManyRequests(OAuthError):
    """A limit is spent for this client or address: come back later. RFC 6585 §4.

    No code is registered for it at the token endpoint; this is the one whose advice is right. ``retry_after`` is in
    seconds.
    """

    error = "temporarily_unavailable"
    description = "There were too many requests; try again later."

    def __init__(self, reason: str, retry_after: int = 1) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
