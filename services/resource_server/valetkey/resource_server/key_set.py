"""The public keys of an issuer. Chooses by `kid` and refuses a key for an algorithm it is not made for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import jwt

from valetkey.resource_server.algorithm import SUITES, Suite
from valetkey.resource_server.error import InvalidToken, UnknownKey

_MIN_RSA_BITS = 2048
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """One public key, for one algorithm. RFC 7517 §4."""

    kid: str | None
    alg: str
    key: object

    def verifies(self, signing_input: bytes, signature: bytes) -> bool:
        """Whether `signature` is this key's over `signing_input`. RFC 7515 §5.2 step 8."""
        return bool(SUITES[self.alg].verifier.verify(signing_input, self.key, signature))


@dataclass(frozen=True, slots=True)
class KeySet:
    """The usable keys of a JWK Set. RFC 7517 §5."""

    keys: tuple[VerificationKey, ...]

    @classmethod
    def from_jwks(cls, document: Mapping[str, Any]) -> Self:
        """The keys in `document`; those of unknown type, other use or too small are left out.

        Raises ValueError if it is no JWK Set. RFC 7517 §5.
        """
        jwks = document.get("keys")
        if not isinstance(jwks, list):
            raise ValueError("not a JWK Set")  # noqa: TRY004 - a malformed document, not a programming error
        return cls(tuple(key for jwk in jwks if isinstance(jwk, dict) for key in _usable(jwk)))

    def find(self, kid: str | None, alg: str) -> VerificationKey:
        """The key named `kid` that is made for `alg`; without `kid`, the only key made for it.

        RFC 7515 §4.1.4, RFC 8725 §3.1. Raises UnknownKey if the name is unknown, InvalidToken if the key is
        not made for `alg` or the choice is not clear.
        """
        named = [key for key in self.keys if kid is None or key.kid == kid]
        if not named:
            raise UnknownKey("no key of that name in the key set")
        fitting = [key for key in named if key.alg == alg]
        if len(fitting) != 1:
            raise InvalidToken("not exactly one key in the key set is made for the token's algorithm")
        return fitting[0]


def _usable(jwk: dict[str, Any]) -> list[VerificationKey]:
    """`jwk` once per algorithm it may verify: its own `alg` if it has one, else what its type allows."""
    kid = jwk.get("kid")
    if not isinstance(kid, str | None) or not _is_public_signature_key(jwk):
        return []
    return [
        VerificationKey(kid, alg, key)
        for alg, suite in SUITES.items()
        if jwk.get("alg", alg) == alg and (key := _load(jwk, suite)) is not None
    ]


def _is_public_signature_key(jwk: dict[str, Any]) -> bool:
    # A published private key does not prove who signed.
    if _PRIVATE_MEMBERS & jwk.keys():
        return False
    operations = jwk.get("key_ops", ["verify"])
    return jwk.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations


def _load(jwk: dict[str, Any], suite: Suite) -> object | None:
    if jwk.get("kty") != suite.kty or (suite.crv is not None and jwk.get("crv") != suite.crv):
        return None
    try:
        key: object = suite.verifier.from_jwk(jwk)
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError):
        return None
    bits = getattr(key, "key_size", _MIN_RSA_BITS)
    return None if suite.kty == "RSA" and bits < _MIN_RSA_BITS else key
