"""Bearer credentials on the way in, challenges on the way out. Knows RFC 6750; knows no HTTP framework."""

import re
from collections.abc import Sequence

from valetkey.resource_server.error import (
    BearerError,
    InsufficientScope,
    InsufficientUserAuthentication,
    InvalidRequest,
    IssuerUnavailable,
    MissingToken,
)

_CREDENTIALS = re.compile(r"Bearer +([A-Za-z0-9\-._~+/]+=*)", re.IGNORECASE)
_SCHEME = re.compile(r"Bearer(?: |$)", re.IGNORECASE)
_QUOTABLE = re.compile(r"[\x20\x21\x23-\x5B\x5D-\x7E]+")


def read_bearer_token(authorization: Sequence[str]) -> str:
    """The token in the request's Authorization header, given all of its values. RFC 6750 §2.1.

    Raises MissingToken if there is none, InvalidRequest if there are several or it is malformed.
    """
    if len(authorization) > 1:
        raise InvalidRequest("several Authorization headers")
    if not authorization or _SCHEME.match(authorization[0]) is None:
        raise MissingToken("no bearer credentials")
    credentials = _CREDENTIALS.fullmatch(authorization[0])
    if credentials is None:
        raise InvalidRequest("malformed bearer credentials")
    return credentials[1]


def require_realm(realm: str) -> str:
    """`realm`, if it can be quoted in a challenge. RFC 9110 §11.5. Raises ValueError."""
    if _QUOTABLE.fullmatch(realm) is None:
        raise ValueError("a realm is printable ASCII without quotation marks and backslashes")
    return realm


def error_headers(error: BearerError, realm: str) -> dict[str, str]:
    """The headers that go with `error`: the challenge, or when to come back. RFC 6750 §3."""
    headers = {"Cache-Control": "no-store"}
    if isinstance(error, IssuerUnavailable):
        return headers | {"Retry-After": str(error.retry_after)}
    challenge = [f'Bearer realm="{realm}"']
    if error.error is not None:
        challenge += [f'error="{error.error}"', f'error_description="{error.description}"']
    if isinstance(error, InsufficientScope):
        challenge.append(f'scope="{" ".join(sorted(error.scope))}"')
    if isinstance(error, InsufficientUserAuthentication):
        challenge += [f'{name}="{value}"' for name, value in _demanded(error).items()]
    return headers | {"WWW-Authenticate": ", ".join(challenge)}


def error_body(error: BearerError) -> dict[str, str]:
    """What `error` says in JSON: never more than the class knows."""
    body = {"error_description": error.description}
    if error.error is not None:
        body["error"] = error.error
    if isinstance(error, InsufficientScope):
        body["scope"] = " ".join(sorted(error.scope))
    if isinstance(error, InsufficientUserAuthentication):
        body |= _demanded(error)
    return body


def _demanded(error: InsufficientUserAuthentication) -> dict[str, str]:
    """What the client asks the issuer for. RFC 9470 §3."""
    demanded = {"acr_values": " ".join(error.acr_values)} if error.acr_values else {}
    return demanded if error.max_age is None else demanded | {"max_age": f"{int(error.max_age.total_seconds())}"}
