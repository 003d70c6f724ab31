"""Enrolling a passkey: what is accepted, and every way in which an answer is not right."""

import json
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from support.passkey_ceremony import PARTY, Ceremony
from support.software_authenticator import EDDSA, ES256, RS256, Flags, SoftwareAuthenticator, cose_key, new_key
from valetkey.authorize.login.passkeys.refusal import PasskeyRefused
from valetkey.core.encoding import b64url_decode, b64url_encode


@pytest.mark.requirement("WebAuthn §7.1: a passkey is enrolled by an answer to our own question")
@pytest.mark.parametrize("alg", [EDDSA, ES256, RS256])
@pytest.mark.parametrize("flags", [Flags(), Flags(be=True), Flags(be=True, bs=True)])
def test_a_passkey_is_enrolled(alg: int, flags: Flags) -> None:
    ceremony = Ceremony(SoftwareAuthenticator(PARTY.origin, alg, flags))

    passkey = ceremony.enrol(aaguid=bytes.fromhex("ea9b8d664d011d213ce4b6b48cb575d4"))

    assert passkey.credential_id == ceremony.device.credential_id
    assert cbor2.loads(passkey.public_key) == cose_key(ceremony.device.key, alg)
    assert passkey.user_handle == ceremony.handle
    assert passkey.sign_count == 1
    assert (passkey.backup_eligible, passkey.backed_up) == (flags.be, flags.bs)
    assert passkey.aaguid == "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4"
    assert passkey.transports == ("hybrid", "internal")


@pytest.mark.requirement("WebAuthn §8.2: a statement by the new key itself is verified")
@pytest.mark.parametrize("alg", [EDDSA, ES256, RS256])
def test_a_key_may_attest_itself(alg: int) -> None:
    ceremony = Ceremony(SoftwareAuthenticator(PARTY.origin, alg))

    assert ceremony.enrol(fmt="packed", self_attested=True).sign_count == 1


WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "another origin": ("another origin", {"origin": "https://evil.example"}),
    "an origin that ends like ours": ("another origin", {"origin": "https://badid.example.com"}),
    "our origin as a beginning": ("another origin", {"origin": "https://id.example.com.evil.example"}),
    "our origin without TLS": ("another origin", {"origin": "http://id.example.com"}),
    "our origin on another port": ("another origin", {"origin": "https://id.example.com:8443"}),
    "our origin in capitals": ("another origin", {"origin": "https://ID.example.com"}),
    "our origin with a slash": ("another origin", {"origin": "https://id.example.com/"}),
    "another RP ID": ("RP ID hash", {"rp_id": "evil.example"}),
    "a parent of the RP ID": ("RP ID hash", {"rp_id": "example.com"}),
    "another challenge": ("another challenge", {"challenge": b64url_encode(bytes(72))}),
    "no challenge": ("another challenge", {"challenge": ""}),
    "a challenge with padding": ("not what a browser makes", {"challenge": b64url_encode(bytes(72)) + "="}),
    "a challenge that is a number": ("another challenge", {"challenge": 1}),
    "an answer to a login": ("not of the type", {"type": "webauthn.get"}),
    "no type": ("lacks type", {"type": None}),
    "a page of another origin around ours": ("within a page", {"client_data": {"crossOrigin": True}}),
    "an origin around ours": ("within a page", {"client_data": {"topOrigin": "https://evil.example"}}),
    "crossOrigin as a text": ("lacks type", {"client_data": {"crossOrigin": "false"}}),
    "no user present": ("not present", {"flags": Flags(up=False)}),
    "no user verified": ("not verified", {"flags": Flags(uv=False)}),
    "backed up and not able to be": ("Single-device", {"flags": Flags(be=False, bs=True)}),
    "a statement where none is": ("unexpected attestation statement", {"statement": {"sig": b"x"}}),
    "an unknown format": ("attests what it is", {"fmt": "fresh"}),
    "a format that is no text": ("attests what it is", {"fmt": 1}),
    "a manufacturer's statement": (
        "attests what it is",
        {"fmt": "packed", "statement": {"alg": -7, "sig": b"x", "x5c": [b"x"]}},
    ),
    "an empty chain": ("attests what it is", {"fmt": "packed", "statement": {"alg": -7, "sig": b"x", "x5c": []}}),
    "a wrong statement of its own": ("Could not verify", {"fmt": "packed", "statement": {"alg": -7, "sig": b"x" * 70}}),
    "an empty statement of its own": ("missing signature", {"fmt": "packed"}),
    "a security key of old": ("attests what it is", {"fmt": "fido-u2f", "statement": {"sig": b"x", "x5c": [b"x"]}}),
    "a TPM": (
        "attests what it is",
        {"fmt": "tpm", "statement": {"ver": "2.0", "alg": -257, "sig": b"x", "certInfo": b"x", "pubArea": b"x"}},
    ),
    "Android's": ("attests what it is", {"fmt": "android-key", "statement": {"alg": -7, "sig": b"x", "x5c": [b"x"]}}),
    "Android's of old": (
        "attests what it is",
        {"fmt": "android-safetynet", "statement": {"ver": "1", "response": b"x"}},
    ),
    "Apple's": ("attests what it is", {"fmt": "apple", "statement": {"x5c": [b"x"]}}),
    "CBOR that is no map": ("not a dict", {"attestation_object": cbor2.dumps([1, 2])}),
    "an empty map": ("missing required", {"attestation_object": cbor2.dumps({})}),
    "nothing": ("attestationObject is empty", {"attestation_object": b""}),
    "CBOR that is nested without end": ("as CBOR", {"attestation_object": b"\x81" * 4096}),
    "CBOR that says it is huge": ("as CBOR", {"attestation_object": b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff"}),
    "an attestation object without end": (
        "attestationObject is longer than 4096 bytes",
        {"attestation_object": b"x" * 4097},
    ),
    "transports that are no list": ("transports is no list", {"transports": "usb"}),
}


@pytest.mark.requirement("WebAuthn §7.1: an answer that is wrong in any way enrols nothing")
@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_answer_enrols_nothing(case: str) -> None:
    reason, wrong = WRONG[case]

    with pytest.raises(PasskeyRefused, match=reason) as refused:
        Ceremony().enrol(**wrong)

    assert "evil" not in refused.value.reason


_SMALL = 1024
RSA = new_key(RS256)
P384 = ec.generate_private_key(ec.SECP384R1())
KEYS: dict[str, dict[Any, Any]] = {
    "ES384, not offered": cose_key(P384, -35),
    "ES256 on another curve": cose_key(P384, ES256),
    "ES256 with the curve misnamed": cose_key(P384, ES256) | {-1: 1},
    "PS256, not offered": cose_key(RSA, -37),
    "RS1": cose_key(RSA, -65535),
    "RSA of 1024 bits": cose_key(rsa.generate_private_key(65537, _SMALL), RS256),
    "RSA of 8192 bits": {1: 3, 3: RS256, -1: b"\xff" * 1024, -2: b"\x01\x00\x01"},
    "RSA with a long exponent": cose_key(RSA, RS256) | {-2: b"\xff" * 9},
    "RSA with the exponent 1": cose_key(RSA, RS256) | {-2: b"\x01"},
    "an elliptic curve that says RS256": cose_key(new_key(ES256), RS256),
    "a point off its curve": cose_key(new_key(ES256), ES256) | {-3: b"\x01" * 32},
    "the point at infinity": cose_key(new_key(ES256), ES256) | {-2: b"", -3: b""},
    "Ed25519 that says ES256": cose_key(new_key(EDDSA), ES256),
    "Ed25519 that is too short": cose_key(new_key(EDDSA), EDDSA) | {-2: b"x"},
    "Ed448": cose_key(new_key(EDDSA), EDDSA) | {-1: 7},
    "ML-DSA-44, not offered": {1: 7, 3: -48, -1: b"x" * 1312},
    "a symmetric key": {1: 4, 3: 5, -1: b"x" * 32},
    "no algorithm": {1: 2, -1: 1, -2: b"x" * 32, -3: b"x" * 32},
    "none at all": {},
    "texts for numbers": {1: "2", 3: "-7", -1: "1", -2: "x", -3: "y"},
}


@pytest.mark.requirement("WebAuthn §5.8.5: only keys of the algorithms that were asked for")
@pytest.mark.parametrize("case", KEYS)
@pytest.mark.parametrize("fmt", ["none", "packed"])
def test_a_key_that_was_not_asked_for_is_refused(case: str, fmt: str) -> None:
    wrong: dict[str, Any] = {"cose_key": KEYS[case], "fmt": fmt, "self_attested": fmt == "packed"}

    with pytest.raises(PasskeyRefused):
        Ceremony().enrol(**wrong)


def test_an_answer_to_another_enrolment_enrols_nothing() -> None:
    ceremony, later = Ceremony(), Ceremony()
    answer = ceremony.device.create(ceremony.creation)
    ceremony.enrol_by(answer)

    with pytest.raises(PasskeyRefused, match="another challenge"):
        later.enrol_by(answer)


def test_browser_and_authenticator_must_name_the_same_credential() -> None:
    ceremony = Ceremony()
    answer = json.loads(ceremony.device.create(ceremony.creation))
    answer["id"] = answer["rawId"] = b64url_encode(b"another")

    with pytest.raises(PasskeyRefused, match="another credential"):
        ceremony.enrol_by(json.dumps(answer))


def test_an_attestation_object_is_refused_wherever_it_is_cut_short() -> None:
    ceremony = Ceremony()
    answer = json.loads(ceremony.device.create(ceremony.creation))
    whole = b64url_decode(answer["response"]["attestationObject"])

    for end in range(1, len(whole)):
        answer["response"]["attestationObject"] = b64url_encode(whole[:end])
        with pytest.raises(PasskeyRefused):
            ceremony.enrol_by(json.dumps(answer))
