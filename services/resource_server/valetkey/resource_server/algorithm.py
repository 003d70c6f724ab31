"""Signature algorithms this room verifies, and the kind of key each one demands."""

from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from jwt.algorithms import Algorithm, ECAlgorithm, OKPAlgorithm, RSAAlgorithm, RSAPSSAlgorithm


@dataclass(frozen=True, slots=True)
class Suite:
    """One `alg` and the `kty` and `crv` its keys must have. RFC 7518 §3.1, RFC 8037 §3.1."""

    kty: str
    crv: str | None
    verifier: Algorithm


SUITES: Mapping[str, Suite] = {
    "ES256": Suite("EC", "P-256", ECAlgorithm(ECAlgorithm.SHA256, SECP256R1)),
    "RS256": Suite("RSA", None, RSAAlgorithm(RSAAlgorithm.SHA256)),
    "PS256": Suite("RSA", None, RSAPSSAlgorithm(RSAPSSAlgorithm.SHA256)),
    "EdDSA": Suite("OKP", "Ed25519", OKPAlgorithm()),
}

DEFAULT_ALGORITHMS = frozenset(SUITES)


def require_algorithms(algorithms: frozenset[str]) -> frozenset[str]:
    """`algorithms`, if it is an allow-list this room can honour. Raises ValueError."""
    if not algorithms or not algorithms <= DEFAULT_ALGORITHMS:
        raise ValueError(f"algorithms must be some of {', '.join(sorted(DEFAULT_ALGORITHMS))}")
    return algorithms
