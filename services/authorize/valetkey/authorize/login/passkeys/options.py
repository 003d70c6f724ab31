"""What a browser is asked for, as the JSON that its ``parse...FromJSON`` functions take. WebAuthn §5.1.8, §5.4."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from valetkey.authorize.login.passkeys.challenge import LIFETIME
from valetkey.core.authentication.passkey import Passkey
from valetkey.core.authentication.relying_party import RelyingParty
from valetkey.core.encoding import b64url_encode

# Ed25519, ES256, RS256: the last for Windows Hello. WebAuthn §5.8.5.
ALGORITHMS = (-8, -7, -257)
_PUBLIC_KEY = "public-key"
_TIMEOUT_MS = round(LIFETIME.total_seconds() * 1000)


@dataclass(frozen=True, slots=True)
class Enrolling:
    """Who enrols a passkey, as the authenticator shows it. ``handle`` is the user's for passkeys, and no subject."""

    handle: bytes
    username: str
    display_name: str


def registration_options(
    party: RelyingParty, name: str, user: Enrolling, challenge: bytes, known: Iterable[Passkey]
) -> str:
    """A passkey that signs in without a name, held by whom its device recognizes, on no device that has one already.

    ``name`` is that of the installation. No attestation: which device people use is theirs to know.
    """
    return _json(
        {
            "rp": {"id": party.rp_id, "name": name},
            "user": {"id": b64url_encode(user.handle), "name": user.username, "displayName": user.display_name},
            "challenge": b64url_encode(challenge),
            "pubKeyCredParams": [{"type": _PUBLIC_KEY, "alg": alg} for alg in ALGORITHMS],
            "timeout": _TIMEOUT_MS,
            "excludeCredentials": [_descriptor(passkey) for passkey in known],
            "authenticatorSelection": {
                "residentKey": "required",
                "requireResidentKey": True,
                "userVerification": "required",
            },
            "attestation": "none",
        }
    )


def assertion_options(party: RelyingParty, challenge: bytes, allowed: Sequence[Passkey] = ()) -> str:
    """A signature by one of the ``allowed`` passkeys; without any, by whichever the person chooses.

    A list tells which passkeys there are, so that only a user who has proven something else gets one.
    """
    return _json(
        {
            "challenge": b64url_encode(challenge),
            "timeout": _TIMEOUT_MS,
            "rpId": party.rp_id,
            "allowCredentials": [_descriptor(passkey) for passkey in allowed],
            "userVerification": "required",
        }
    )


def _descriptor(passkey: Passkey) -> dict[str, object]:
    described: dict[str, object] = {"type": _PUBLIC_KEY, "id": b64url_encode(passkey.credential_id)}
    return {**described, "transports": list(passkey.transports)} if passkey.transports else described


def _json(options: dict[str, object]) -> str:
    return json.dumps(options, separators=(",", ":"))
