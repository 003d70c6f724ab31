"""ID tokens. OIDC Core §2, §3.1.3.6."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from valetkey.core.encoding import b64url_encode
from valetkey.core.oidc.claims.release import id_token_user_claims

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from valetkey.core.authentication.result import Authentication
    from valetkey.core.authentication.user import User
    from valetkey.core.oauth.authorization import Authorization

TYP = "JWT"


def token_hash(token: str) -> str:
    """``at_hash`` for an ID token signed with ES256 or RS256: the left half of the SHA-256. OIDC Core §3.1.3.6."""
    return b64url_encode(hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()[:16])


def id_token_claims(
    authorization: Authorization,
    user: User,
    login: Authentication,
    *,
    issuer: str,
    access_token: str,
    now: datetime,
    lifetime: timedelta,
) -> dict[str, object]:
    """The claims of an ID token. What the protocol says wins over what the user's attributes say. OIDC Core §2."""
    issued_at = int(now.timestamp())
    claims = id_token_user_claims(authorization, user)
    claims |= {
        "iss": issuer,
        "sub": user.sub,
        "aud": authorization.client.client_id,
        "exp": issued_at + int(lifetime.total_seconds()),
        "iat": issued_at,
        "auth_time": int(login.auth_time.timestamp()),
        "acr": login.acr,
        "amr": list(login.amr),
        "sid": str(login.session_id),
        "at_hash": token_hash(access_token),
    }
    if authorization.nonce is not None:
        claims["nonce"] = authorization.nonce
    return claims
