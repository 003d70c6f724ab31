"""JWT access tokens, verified without I/O and without a clock."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from valetkey.resource_server.access_token import AccessToken
from valetkey.resource_server.algorithm import DEFAULT_ALGORITHMS
from valetkey.resource_server.claims import read_access_token, require_time
from valetkey.resource_server.compact_jws import parse_compact_jws, parse_json
from valetkey.resource_server.error import InvalidToken
from valetkey.resource_server.key_set import KeySet

DEFAULT_LEEWAY = timedelta(seconds=30)

_TYPES = frozenset({"at+jwt", "application/at+jwt"})
_REFUSED_HEADERS = frozenset({"jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "enc"})
"""Keys and extensions that the sender of a token would choose for us. RFC 8725 §3.10, RFC 7515 §4.1.11."""


def verify_access_token(
    token: str,
    *,
    key_set: KeySet,
    issuer: str,
    audience: str,
    now: datetime,
    leeway: timedelta = DEFAULT_LEEWAY,
    algorithms: frozenset[str] = DEFAULT_ALGORITHMS,
) -> AccessToken:
    """The access token that `token` is, if `issuer` signed it for `audience` and it is valid at `now`.

    RFC 9068 §4, RFC 8725 §3. `now` is aware. Raises InvalidToken; UnknownKey, one of its kind, means that a
    newer key set might know better.
    """
    jws = parse_compact_jws(token)
    kid, alg = _check_header(jws.header, algorithms)
    key = key_set.find(kid, alg)
    if not key.verifies(jws.signing_input, jws.signature):
        raise InvalidToken("signature does not verify")
    claims = parse_json(jws.payload)
    if claims.get("iss") != issuer:
        raise InvalidToken("token is from another issuer")
    require_time(claims, "iat")
    return read_access_token(claims, audience=audience, now=now, leeway=leeway)


def _check_header(header: Mapping[str, Any], algorithms: frozenset[str]) -> tuple[str | None, str]:
    """The `kid` and `alg` of an access token's header. RFC 9068 §2.1. Raises InvalidToken."""
    if _REFUSED_HEADERS & header.keys():
        raise InvalidToken("header brings its own key or an extension")
    typ = header.get("typ")
    if not isinstance(typ, str) or typ.lower() not in _TYPES:
        raise InvalidToken("typ is not at+jwt")
    alg = header.get("alg")
    if not isinstance(alg, str) or alg not in algorithms:
        raise InvalidToken("alg is not allowed")
    kid = header.get("kid")
    if not isinstance(kid, str | None):
        raise InvalidToken("kid is not a string")
    return kid, alg
