"""Keys, claims and tokens of an issuer under test, well formed or not, and a clock that stands still."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

ISSUER = "https://login.example"
AUDIENCE = "https://api.example"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

JSONValue = Any


class ManualClock:
    """Shows the time it was set to."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Signer:
    """A private key, and what the issuer publishes of it."""

    kid: str
    alg: str
    private_key: Any

    @property
    def jwk(self) -> dict[str, JSONValue]:
        public: dict[str, JSONValue] = get_default_algorithms()[self.alg].to_jwk(
            self.private_key.public_key(), as_dict=True
        )
        return {**public, "kid": self.kid, "alg": self.alg, "use": "sig"}

    @property
    def header(self) -> dict[str, JSONValue]:
        return {"typ": "at+jwt", "alg": self.alg, "kid": self.kid}

    def token(
        self, claims: Mapping[str, JSONValue] | bytes, header: Mapping[str, JSONValue] | bytes | None = None
    ) -> str:
        """A token signed with this key, whatever its header says."""
        signing_input = f"{encode(self.header if header is None else header)}.{encode(claims)}"
        signature = get_default_algorithms()[self.alg].sign(signing_input.encode(), self.private_key)
        return f"{signing_input}.{encode(signature)}"


def encode(part: Mapping[str, JSONValue] | bytes) -> str:
    text = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def signer(alg: str, kid: str = "k1") -> Signer:
    """The same key for the same arguments, however often it is asked for."""
    return Signer(kid, alg, _generate(alg, kid))


def claims(now: datetime = NOW, **changed: JSONValue) -> dict[str, JSONValue]:
    """The claims of a valid access token; a claim that is changed to None is left out."""
    issued_at = int(now.timestamp())
    complete = {
        "iss": ISSUER,
        "sub": "user-1",
        "aud": AUDIENCE,
        "client_id": "web",
        "scope": "read write",
        "iat": issued_at,
        "exp": issued_at + 300,
        "jti": "token-1",
    }
    return {name: value for name, value in (complete | changed).items() if value is not None}


@cache
def _generate(alg: str, _: str) -> Any:  # noqa: ANN401 - the key types have no useful common ancestor
    match alg[:2]:
        case "ES":
            return ec.generate_private_key(ec.SECP256R1() if alg == "ES256" else ec.SECP384R1())
        case "Ed":
            return ed25519.Ed25519PrivateKey.generate()
        case _:
            return rsa.generate_private_key(public_exponent=65537, key_size=2048)
