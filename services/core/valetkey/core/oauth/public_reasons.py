"""The reasons that a client is told: what is wrong with its request, where that tells nothing secret. RFC 6749 §5.2.

An ``OAuthError`` with one of these reasons has it as its ``error_description``; any other reason is for the log, and
the class speaks for it. Listed are parameters that are missing, malformed, unknown or not registered for the client.
What touches secrets, codes, tokens and people is not: there a reason would help an attacker to tell one case from
another.
"""

from __future__ import annotations

import re

# Parameters that a reason may name. A name that a client has invented is repeated nowhere.
PARAMETERS = frozenset(
    {
        *(
            "response_type",
            "response_mode",
            "client_id",
            "redirect_uri",
            "scope",
            "state",
            "nonce",
            "prompt",
            "max_age",
        ),
        *("login_hint", "id_token_hint", "claims", "code_challenge", "code_challenge_method", "request", "request_uri"),
        "resource",
        *("grant_type", "code", "code_verifier", "refresh_token", "client_secret", "token", "token_type_hint"),
        *("post_logout_redirect_uri", "acr_values", "display", "ui_locales"),
    }
)

_METHODS = ("client_secret_basic", "client_secret_post", "none")

PUBLIC_REASONS = frozenset(
    {
        *(f"{name} is missing" for name in PARAMETERS),
        *(f"{name} is repeated" for name in PARAMETERS),
        *(f"{name} is too long" for name in PARAMETERS),
        "a parameter is repeated",
        # The body and the query.
        "the body is not a UTF-8 form",
        "the body has a content encoding",
        "the body is not UTF-8",
        "the body did not arrive in time",
        "the query is not ASCII",
        "there are too many fields",
        "there is a NUL",
        "there is a malformed escape",
        "an escape is not UTF-8",
        "credentials were sent in the query",
        # The authorization request.
        "redirect_uri is missing and the client has not registered exactly one",
        "redirect_uri is not registered for this client",
        "client_id is unknown or disabled",
        "response_type is not code",
        "response_mode is not supported",
        "state breaks the grammar",
        "code_challenge_method is not S256",
        "code_challenge is missing, and so is the nonce that would do in its place",
        "code_challenge is not the base64url form of a SHA-256 digest",
        "prompt has an unknown value",
        "prompt none stands with another value",
        "max_age is not a number of seconds",
        "claims is not JSON",
        "claims is not an object",
        "claims demands a sub that is too long",
        "claims demands a value that is no text",
        "claims.id_token is not an object",
        "claims.userinfo is not an object",
        "claims.id_token holds something that is neither null nor an object",
        "claims.userinfo holds something that is neither null nor an object",
        "request object by value",
        "request object by reference",
        # Scopes and resources.
        "no scope was asked for and the client has none registered",
        "no scope, or one that needs a user",
        "scope breaks the grammar",
        "scope has too many names",
        "scope is not registered for this client",
        "scope exceeds what was granted",
        "too many resources",
        "resource is not an absolute URI without a fragment",
        "resource is not registered for this client",
        "resource exceeds what was granted",
        "audience is not supported for this client; name the API with resource (RFC 8707)",
        # Logout.
        "id_token_hint was not issued to this client",
        "id_token_hint was issued to another client",
        "post_logout_redirect_uri is not registered for this client",
        # How a client authenticates, as far as its own request tells.
        "client authenticated twice in the body",
        "client authenticated in the header and in the body",
        "several Authorization headers",
        "client_id differs between the header and the body",
        "client_secret without client_id",
        # Raised only where the secret was right, or the client has none.
        *(f"this client is registered for {one} and used {other}" for one in _METHODS for other in _METHODS),
    }
)

# The limits are those of ``parameter_limits``.
_TOO_LONG = re.compile(rf"(?:{'|'.join(sorted(PARAMETERS))}) is longer than [0-9]+ bytes")


def public_description(reason: str) -> str | None:
    """The reason as ``error_description``, None where it is not for the client."""
    return f"{reason}." if reason in PUBLIC_REASONS or _TOO_LONG.fullmatch(reason) else None
