"""What the browser says that it was asked, by whom, and for what. WebAuthn §5.8.1.

The bytes are what is signed, so that they are kept beside what they say.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from valetkey.authorize.login.passkeys.bounded_json import read_object
from valetkey.authorize.login.passkeys.refusal import PasskeyRefused
from valetkey.core.encoding import b64url_decode

CREATE, GET = "webauthn.create", "webauthn.get"
_MAX_BYTES = 2048
_MAX_BRACKETS = 16


@dataclass(frozen=True, slots=True)
class ClientData:
    """``raw`` is ``clientDataJSON``; the rest is what it says."""

    raw: bytes
    type: str
    challenge: bytes
    origin: str
    cross_origin: bool

    def require(self, kind: str, challenge: bytes, origin: str) -> None:
        """Raise ``PasskeyRefused`` unless our own page asked for this, with this challenge. WebAuthn §7.1, §7.2."""
        if self.type != kind:
            raise PasskeyRefused(f"the answer is not of the type {kind}")
        if not hmac.compare_digest(self.challenge, challenge):
            raise PasskeyRefused("the answer is to another challenge")
        if self.origin != origin:
            raise PasskeyRefused("the answer was given to another origin")
        if self.cross_origin:
            raise PasskeyRefused("the answer was given within a page of another origin")


def read_client_data(encoded: str) -> ClientData:
    """What ``clientDataJSON`` says. Raises ``PasskeyRefused``."""
    try:
        raw = b64url_decode(encoded)
        said = read_object(raw.decode("utf-8"), length=_MAX_BYTES, brackets=_MAX_BRACKETS)
        challenge = said.get("challenge")
        decoded = b64url_decode(challenge) if isinstance(challenge, str) else b""
    except (ValueError, RecursionError) as error:
        raise PasskeyRefused("clientDataJSON is not what a browser makes") from error
    kind, origin, cross_origin = said.get("type"), said.get("origin"), said.get("crossOrigin", False)
    if not (isinstance(kind, str) and isinstance(origin, str) and isinstance(cross_origin, bool)):
        raise PasskeyRefused("clientDataJSON lacks type, origin or challenge")
    return ClientData(raw, kind, decoded, origin, cross_origin or "topOrigin" in said)
