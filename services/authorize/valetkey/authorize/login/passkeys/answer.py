"""What a browser sends back: ``PublicKeyCredential.toJSON()``, read strictly and within bounds. WebAuthn §5.1, §5.2.

Nothing in it is believed here. Sizes are those of Web Authentication, or what authenticators need several times over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from valetkey.authorize.login.passkeys.bounded_json import read_object
from valetkey.authorize.login.passkeys.client_data import ClientData, read_client_data
from valetkey.authorize.login.passkeys.refusal import PasskeyRefused
from valetkey.core.encoding import b64url_decode

MAX_LENGTH = 12 * 1024
_MAX_BRACKETS = 32
_MAX_CREDENTIAL_ID = 1023
_MAX_BYTES: Final = {
    "authenticatorData": 2048,
    "attestationObject": 4096,
    "signature": 1024,
    "userHandle": 64,
}
_TRANSPORTS = frozenset({"ble", "cable", "hybrid", "internal", "nfc", "smart-card", "usb"})


@dataclass(frozen=True, slots=True)
class RegistrationAnswer:
    """The answer to ``registration_options``."""

    credential_id: bytes
    client_data: ClientData
    attestation_object: bytes
    transports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AssertionAnswer:
    """The answer to ``assertion_options``. ``user_handle`` is None where the authenticator has kept none."""

    credential_id: bytes
    client_data: ClientData
    authenticator_data: bytes
    signature: bytes
    user_handle: bytes | None


def read_registration(text: str) -> RegistrationAnswer:
    """The answer. Raises ``PasskeyRefused`` for what no browser sends."""
    credential_id, response = _read(text)
    transports = response.get("transports", [])
    if not isinstance(transports, list):
        raise PasskeyRefused("transports is no list")
    return RegistrationAnswer(
        credential_id=credential_id,
        client_data=read_client_data(_text(response, "clientDataJSON")),
        attestation_object=_bytes(response, "attestationObject"),
        transports=tuple(sorted({each for each in transports if isinstance(each, str)} & _TRANSPORTS)),
    )


def read_assertion(text: str) -> AssertionAnswer:
    """The answer. Raises ``PasskeyRefused`` for what no browser sends."""
    credential_id, response = _read(text)
    handle = None if response.get("userHandle") is None else _bytes(response, "userHandle")
    return AssertionAnswer(
        credential_id=credential_id,
        client_data=read_client_data(_text(response, "clientDataJSON")),
        authenticator_data=_bytes(response, "authenticatorData"),
        signature=_bytes(response, "signature"),
        user_handle=handle or None,
    )


def _read(text: str) -> tuple[bytes, dict[str, object]]:
    try:
        answer = read_object(text, length=MAX_LENGTH, brackets=_MAX_BRACKETS)
    except (ValueError, RecursionError) as error:
        raise PasskeyRefused(f"the answer is no JSON that a browser sends: {_kind(error)}") from error
    if answer.get("type") != "public-key":
        raise PasskeyRefused("the answer is of no public key")
    if answer.get("rawId", answer.get("id")) != answer.get("id"):
        raise PasskeyRefused("id and rawId differ")
    response = answer.get("response")
    if not isinstance(response, dict):
        raise PasskeyRefused("the answer has no response")
    return _decode("id", _text(answer, "id"), _MAX_CREDENTIAL_ID), response


def _bytes(members: dict[str, object], name: str) -> bytes:
    return _decode(name, _text(members, name), _MAX_BYTES[name])


def _text(members: dict[str, object], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str):
        raise PasskeyRefused(f"{name} is missing, or no text")
    return value


def _decode(name: str, value: str, most: int) -> bytes:
    try:
        decoded = b64url_decode(value)
    except ValueError as error:
        raise PasskeyRefused(f"{name} is not base64url") from error
    if len(decoded) > most:
        raise PasskeyRefused(f"{name} is longer than {most} bytes")
    if not decoded and name != "userHandle":
        raise PasskeyRefused(f"{name} is empty")
    return decoded


def _kind(error: Exception) -> str:
    # The message of the parser repeats what was sent.
    return str(error) if type(error) is ValueError else type(error).__name__
