"""Which public keys a passkey may have: of the algorithms that were asked for, and of a size that costs little."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from valetkey.authorize.login.passkeys.library import refusing
from valetkey.authorize.login.passkeys.options import ALGORITHMS
from valetkey.authorize.login.passkeys.refusal import PasskeyRefused

_EDDSA, _ES256, _RS256 = ALGORITHMS
_RSA_BITS = range(2048, 4097)
_RSA_MAX_EXPONENT = 2**32


def require_public_key(cose_key: bytes) -> None:
    """Raise ``PasskeyRefused`` unless signatures by this key can be verified, at a cost like any. WebAuthn §5.8.5."""
    from webauthn.helpers import decode_credential_public_key, decoded_public_key_to_cryptography

    with refusing("the public key"):
        decoded = decode_credential_public_key(cose_key)
        key = decoded_public_key_to_cryptography(decoded)
    if not _fits(int(decoded.alg), key):
        raise PasskeyRefused("the public key is of an algorithm, curve or size that was not asked for")


def _fits(alg: int, key: object) -> bool:
    match key:
        case Ed25519PublicKey():
            return alg == _EDDSA
        case EllipticCurvePublicKey():
            return alg == _ES256 and isinstance(key.curve, SECP256R1)
        case RSAPublicKey():
            return alg == _RS256 and key.key_size in _RSA_BITS and key.public_numbers().e < _RSA_MAX_EXPONENT
        case _:
            return False
