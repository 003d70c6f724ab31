"""Names of claims that no attribute, constant or client's policy may set: the protocol says what they are.

RFC 7519 §4.1, OIDC Core §2, RFC 9068 §2.2, RFC 8693 §4.
"""

from __future__ import annotations

# What ID tokens and access tokens say about themselves and about the login.
_OF_TOKENS = (
    *("iss", "sub", "aud", "exp", "nbf", "iat", "jti", "auth_time", "nonce", "acr", "amr", "azp", "at_hash", "c_hash"),
    *("sid", "cnf", "act", "may_act", "scope", "client_id"),
)
# RFC 7662 §2.2; aggregated claims (OIDC Core §5.6.2); private claims of our access tokens.
_OF_ANSWERS = ("active", "token_type", "_claim_names", "_claim_sources", "epochs", "userinfo_claims", "token_use")
RESERVED_CLAIMS = frozenset(_OF_TOKENS + _OF_ANSWERS)
