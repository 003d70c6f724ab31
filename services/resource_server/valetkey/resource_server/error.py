"""Why a request was refused. Knows statuses and public texts; does not know HTTP frameworks.

BearerError
|-- MissingToken        401, no error code
|-- InvalidRequest      400 invalid_request
|-- InvalidToken        401 invalid_token
|   `-- UnknownKey      the key set may be older than the token
|-- InsufficientScope   403 insufficient_scope
|-- InsufficientUserAuthentication   401 insufficient_user_authentication
`-- IssuerUnavailable   503 temporarily_unavailable, Retry-After
"""

from datetime import timedelta
from typing import ClassVar


class BearerError(Exception):
    """A request this API does not serve. RFC 6750 §3.1.

    The reason given to the constructor is for the log; only the class speaks to the client.
    """

    status: ClassVar[int]
    error: ClassVar[str | None]
    description: ClassVar[str]

    @property
    def reason(self) -> str:
        """What happened, in words for the operator."""
        return str(self)


class MissingToken(BearerError):
    """No bearer credentials were sent, so no error code is given. RFC 6750 §3.1."""

    status = 401
    error = None
    description = "This resource requires an access token."


class InvalidRequest(BearerError):
    """The credentials were sent in a way this API does not accept. RFC 6750 §3.1."""

    status = 400
    error = "invalid_request"
    description = "Send one access token, in one Authorization header with the Bearer scheme."


class InvalidToken(BearerError):
    """Malformed, expired, revoked, or for another audience. RFC 6750 §3.1."""

    status = 401
    error = "invalid_token"
    description = "The access token is malformed, expired, revoked, or not meant for this resource."


class UnknownKey(InvalidToken):
    """The token names a key that the key set does not hold. RFC 7515 §4.1.4."""


class InsufficientScope(BearerError):
    """The token is good but not for this. RFC 6750 §3.1."""

    status = 403
    error = "insufficient_scope"
    description = "The access token does not carry the scope that this resource requires."

    def __init__(self, reason: str, scope: frozenset[str]) -> None:
        super().__init__(reason)
        self.scope = scope


class InsufficientUserAuthentication(BearerError):
    """The token is good, and the login behind it not strong or young enough for this. RFC 9470 §3."""

    status = 401
    error = "insufficient_user_authentication"
    description = "This resource requires a stronger or more recent login."

    def __init__(self, reason: str, acr_values: tuple[str, ...], max_age: timedelta | None) -> None:
        super().__init__(reason)
        self.acr_values = acr_values
        self.max_age = max_age


class IssuerUnavailable(BearerError):
    """Whether the token is valid could not be found out, so it is not accepted."""

    status = 503
    error = "temporarily_unavailable"
    description = "The access token cannot be checked at the moment."
    retry_after: ClassVar[int] = 5
    """Seconds after which trying again makes sense. RFC 9110 §10.2.3."""
