"""ID tokens of ours that clients send back as hints. OIDC Core §3.1.2.1, RP-Initiated Logout §2."""

import json
import re
from uuid import UUID

from valetkey.core.authentication.subject import sub_problem, subject_of
from valetkey.core.client.registration import MAX_CLIENT_ID_LENGTH
from valetkey.core.encoding import b64url_decode
from valetkey.core.jose.verify_own import KeySet, require_issued_by, verify_signature
from valetkey.core.oauth import causes
from valetkey.core.oauth.access_token import TOKEN_USE
from valetkey.core.oauth.errors import InvalidRequest, InvalidToken
from valetkey.core.oidc.id_token import TYP

# RFC 6749 Appendix A.1, and no longer than one that may be registered.
_CLIENT_ID = re.compile(rf"[\x20-\x7e]{{1,{MAX_CLIENT_ID_LENGTH}}}")


def read_hint(token: str, key_set: KeySet, issuer: str) -> dict[str, object]:
    """The claims of an ID token that we signed, expired or not; ``InvalidToken`` for anything else."""
    claims = verify_signature(token, key_set, TYP)
    require_issued_by(claims, issuer)
    if TOKEN_USE in claims:
        raise InvalidToken("an access token is no hint")
    return claims


def unproven_audience(token: str) -> str | None:
    """The client that a token says it was issued to, unverified; None where it says nothing of the kind."""
    try:
        claims = json.loads(b64url_decode(token.split(".")[1]))
    except (IndexError, ValueError, RecursionError):
        return None
    audience = claims.get("aud") if isinstance(claims, dict) else None
    return audience if isinstance(audience, str) and _CLIENT_ID.fullmatch(audience) else None


def hinted_subject(token: str, key_set: KeySet, issuer: str, client_id: str) -> UUID:
    """The user that an authorization request expects. OIDC Core §3.1.2.1: an expired hint still says who is meant.

    Raises ``InvalidRequest`` for a hint that we did not sign or that was issued to another client: OIDC Core names no
    error for it, and ignoring it would answer for a user whom the client did not mean.
    """
    try:
        claims = read_hint(token, key_set, issuer)
    except InvalidToken as error:
        raise InvalidRequest(f"id_token_hint: {error.reason}") from error
    if claims.get("aud") != client_id:
        raise InvalidRequest.of(causes.HINT_TO_ANOTHER)
    sub = claims.get("sub")
    if not isinstance(sub, str) or sub_problem(sub) is not None:
        raise InvalidRequest("id_token_hint names no user of ours")
    return subject_of(sub)
