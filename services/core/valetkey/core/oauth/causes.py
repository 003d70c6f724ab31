"""What a client is told of its request where that tells nothing secret: one sentence per cause. RFC 6749 §5.2.

``OAuthError.of`` takes one of these, and its sentence is the ``error_description``; every other reason is for the log,
and the class speaks for it. Here are parameters that are missing, malformed, unknown or not registered for the client.
What touches secrets, codes, tokens and people is not: there a sentence would help an attacker to tell one case from
another.
"""

from __future__ import annotations

from dataclasses import dataclass

# Parameters of ours, which a sentence may name.
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
        *("resource", "post_logout_redirect_uri", "acr_values", "display", "ui_locales"),
        *("grant_type", "code", "code_verifier", "refresh_token", "client_secret", "token", "token_type_hint"),
    }
)


@dataclass(frozen=True, slots=True)
class Cause:
    """A sentence without its full stop, in the characters that RFC 6749 §5.2 allows."""

    sentence: str


def missing(name: str) -> Cause:
    """A parameter of ours that was not sent."""
    return Cause(f"{name} is missing")


def repeated(name: str) -> Cause:
    """A parameter that was sent twice. A name that a client has invented is repeated nowhere."""
    return Cause(f"{name} is repeated") if name in PARAMETERS else PARAMETER_REPEATED


def too_long(name: str, most: int) -> Cause:
    """A parameter with more bytes than ``parameter_limits`` has for it."""
    return Cause(f"{name} is longer than {most} bytes")


def no_object(member: str) -> Cause:
    """A member of ``claims`` that is something else."""
    return Cause(f"claims.{member} is not an object")


def holds_no_objects(member: str) -> Cause:
    """A member of ``claims`` with a claim that is asked for in another way than OIDC Core §5.5.1 has."""
    return Cause(f"claims.{member} holds something that is neither null nor an object")


def other_method(registered: str, used: str) -> Cause:
    """Only where the secret was right, or the client has none."""
    return Cause(f"this client is registered for {registered} and used {used}")


# The body and the query.
PARAMETER_REPEATED = Cause("a parameter is repeated")
BODY_NOT_FORM = Cause("the body is not a UTF-8 form")
BODY_ENCODED = Cause("the body has a content encoding")
BODY_NOT_UTF8 = Cause("the body is not UTF-8")
BODY_LATE = Cause("the body did not arrive in time")
QUERY_NOT_ASCII = Cause("the query is not ASCII")
TOO_MANY_FIELDS = Cause("there are too many fields")
NUL = Cause("there is a NUL")
ESCAPE_MALFORMED = Cause("there is a malformed escape")
ESCAPE_NOT_UTF8 = Cause("an escape is not UTF-8")
CREDENTIALS_IN_QUERY = Cause("credentials were sent in the query")

# The authorization request.
REDIRECT_URI_NEEDED = Cause("redirect_uri is missing and the client has not registered exactly one")
REDIRECT_URI_NOT_REGISTERED = Cause("redirect_uri is not registered for this client")
CLIENT_UNKNOWN = Cause("client_id is unknown or disabled")
RESPONSE_TYPE_NOT_CODE = Cause("response_type is not code")
RESPONSE_MODE_UNKNOWN = Cause("response_mode is not supported")
STATE_MALFORMED = Cause("state breaks the grammar")
CODE_CHALLENGE_MISSING = missing("code_challenge")
CHALLENGE_METHOD_NOT_S256 = Cause("code_challenge_method is not S256")
CHALLENGE_AND_NONCE_MISSING = Cause("code_challenge is missing, and so is the nonce that would do in its place")
CHALLENGE_MALFORMED = Cause("code_challenge is not the base64url form of a SHA-256 digest")
PROMPT_UNKNOWN = Cause("prompt has an unknown value")
PROMPT_NONE_AND_MORE = Cause("prompt none stands with another value")
MAX_AGE_MALFORMED = Cause("max_age is not a number of seconds")
CLAIMS_TOO_LONG = Cause("claims is too long")
CLAIMS_NOT_JSON = Cause("claims is not JSON")
CLAIMS_NOT_OBJECT = Cause("claims is not an object")
CLAIMS_SUB_TOO_LONG = Cause("claims demands a sub that is too long")
CLAIMS_VALUE_NO_TEXT = Cause("claims demands a value that is no text")
REQUEST_BY_VALUE = Cause("request object by value")
REQUEST_BY_REFERENCE = Cause("request object by reference")

# Scopes and resources.
NO_SCOPE = Cause("no scope was asked for and the client has none registered")
NO_SCOPE_WITHOUT_USER = Cause("no scope, or one that needs a user")
SCOPE_TOO_LONG = Cause("scope is too long")
SCOPE_MALFORMED = Cause("scope breaks the grammar")
SCOPE_TOO_MANY = Cause("scope has too many names")
SCOPE_NOT_REGISTERED = Cause("scope is not registered for this client")
SCOPE_NOT_GRANTED = Cause("scope exceeds what was granted")
RESOURCE_TOO_MANY = Cause("too many resources")
RESOURCE_MALFORMED = Cause("resource is not an absolute URI without a fragment")
RESOURCE_NOT_REGISTERED = Cause("resource is not registered for this client")
RESOURCE_NOT_GRANTED = Cause("resource exceeds what was granted")
AUDIENCE_REFUSED = Cause("audience is not supported for this client; name the API with resource (RFC 8707)")

# Logout and hints.
HINT_OF_ANOTHER = Cause("id_token_hint was not issued to this client")
HINT_TO_ANOTHER = Cause("id_token_hint was issued to another client")
LOGOUT_CLIENT_MISSING = Cause("post_logout_redirect_uri needs an id_token_hint or a client_id")
LOGOUT_URI_NOT_REGISTERED = Cause("post_logout_redirect_uri is not registered for this client")

# How a client authenticates, as far as its own request tells.
SECRET_TWICE = Cause("client authenticated twice in the body")
TWO_METHODS = Cause("client authenticated in the header and in the body")
AUTHORIZATION_TWICE = Cause("several Authorization headers")
CLIENT_ID_DIFFERS = Cause("client_id differs between the header and the body")
