"""Signing in with a passkey: what is accepted, and every way in which an answer is not right."""

import json
from dataclasses import replace
from typing import Any

import pytest

from support.passkey_ceremony import OTHER_HANDLE, PARTY, Ceremony
from support.software_authenticator import EDDSA, ES256, RS256, Flags, SoftwareAuthenticator
from valetkey.authorize.login.passkeys.refusal import PasskeyRefused
from valetkey.core.encoding import b64url_decode, b64url_encode

SYNCED = Flags(be=True, bs=True)


@pytest.mark.requirement("WebAuthn §7.2: a passkey signs in")
@pytest.mark.parametrize("alg", [EDDSA, ES256, RS256])
@pytest.mark.parametrize("flags", [Flags(), Flags(be=True), SYNCED])
def test_a_passkey_signs_in_again_and_again(alg: int, flags: Flags) -> None:
    ceremony = Ceremony(SoftwareAuthenticator(PARTY.origin, alg, flags))
    passkey = ceremony.enrol()

    used = ceremony.use(ceremony.use(passkey))

    assert used == replace(passkey, sign_count=3)


WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "another origin": ("another origin", {"origin": "https://evil.example"}),
    "an origin that ends like ours": ("another origin", {"origin": "https://badid.example.com"}),
    "our origin as a beginning": ("another origin", {"origin": "https://id.example.com.evil.example"}),
    "our origin without TLS": ("another origin", {"origin": "http://id.example.com"}),
    "our origin on another port": ("another origin", {"origin": "https://id.example.com:8443"}),
    "an application's origin": ("another origin", {"origin": "android:apk-key-hash:x"}),
    "a list of origins": ("lacks type", {"origin": [PARTY.origin]}),
    "another RP ID": ("RP ID hash", {"rp_id": "evil.example"}),
    "a parent of the RP ID": ("RP ID hash", {"rp_id": "example.com"}),
    "another challenge": ("another challenge", {"challenge": b64url_encode(bytes(72))}),
    "half of the challenge": ("another challenge", {"challenge": b64url_encode(bytes(36))}),
    "an answer to an enrolment": ("not of the type", {"type": "webauthn.create"}),
    "a payment": ("not of the type", {"type": "payment.get"}),
    "a page of another origin around ours": ("within a page", {"client_data": {"crossOrigin": True}}),
    "no user present": ("not present", {"flags": Flags(up=False)}),
    "no user verified": ("not verified", {"flags": Flags(uv=False)}),
    "a key that may now be backed up": ("may be backed up", {"flags": Flags(be=True)}),
    "backed up and not able to be": ("Single-device", {"flags": Flags(bs=True)}),
    "another user": ("another user than", {"user_handle": OTHER_HANDLE}),
    "a signature of nothing": ("Could not verify", {"signature": b"x" * 70}),
    "no signature": ("signature is empty", {"signature": b""}),
    "a signature without end": ("signature is longer than 1024 bytes", {"signature": b"x" * 1025}),
    "data that were not signed": ("RP ID hash", {"sent_data": bytes(37)}),
    "data that are too short": ("malformed", {"sent_data": bytes(36)}),
    "data without end": ("authenticatorData is longer than 2048 bytes", {"sent_data": bytes(2049)}),
    "client data that were not signed": ("lacks type", {"sent_client_data": b"{}"}),
    "client data in UTF-16": (
        "not what a browser makes",
        {"sent_client_data": '{"type":"webauthn.get"}'.encode("utf-16")},
    ),
    "client data that are no object": ("not what a browser makes", {"sent_client_data": b"[]"}),
    "client data that are nested without end": ("not what a browser makes", {"sent_client_data": b"[" * 2000}),
    "client data without end": ("not what a browser makes", {"sent_client_data": b"{}" + b" " * 2048}),
    "a user handle without end": ("userHandle is longer than 64 bytes", {"user_handle": bytes(65)}),
}


@pytest.mark.requirement("WebAuthn §7.2: an answer that is wrong in any way signs nobody in")
@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_answer_signs_in_nobody(case: str, named: bool) -> None:
    reason, wrong = WRONG[case]
    ceremony = Ceremony()
    passkey = ceremony.enrol()

    with pytest.raises(PasskeyRefused, match=reason) as refused:
        ceremony.use(passkey, named=named, **wrong)

    assert "evil" not in refused.value.reason


@pytest.mark.parametrize("handle", [None, b""])
def test_only_a_user_who_is_known_already_may_be_left_out(handle: bytes | None) -> None:
    ceremony = Ceremony()
    passkey = ceremony.enrol()
    ceremony.device.user_handle = None

    assert ceremony.use(passkey, named=True, user_handle=handle).sign_count == 2
    with pytest.raises(PasskeyRefused, match="names no user"):
        ceremony.use(passkey, user_handle=handle)


def test_an_answer_that_was_given_before_is_none_to_another_question() -> None:
    ceremony = Ceremony()
    passkey = ceremony.enrol()
    answer = ceremony.device.get(ceremony.request)
    ceremony.use_by(answer, passkey)

    with pytest.raises(PasskeyRefused, match="another challenge"):
        Ceremony(ceremony.device, ceremony.handle).use_by(answer, passkey)


@pytest.mark.requirement("WebAuthn §7.2: a passkey of one user is none of another")
def test_a_passkey_of_another_user_is_refused() -> None:
    mine, theirs = Ceremony(), Ceremony()
    mine.challenge = theirs.challenge
    passkey, other = mine.enrol(), theirs.enrol()
    answer = mine.device.get(mine.request)

    for claimed in (
        other,
        replace(other, credential_id=passkey.credential_id),
        replace(other, credential_id=passkey.credential_id, user_handle=passkey.user_handle),
        replace(passkey, user_handle=other.user_handle),
    ):
        with pytest.raises(PasskeyRefused):
            mine.use_by(answer, claimed)


@pytest.mark.requirement("WebAuthn §6.1.1: the counter of a key that cannot leave its device must grow")
@pytest.mark.parametrize(
    ("flags", "known", "presented", "is_fine"),
    [
        (Flags(), 0, 0, True),
        (Flags(), 0, 1, True),
        (Flags(), 5, 6, True),
        (Flags(), 5, 4_000_000_000, True),
        (Flags(), 5, 5, False),
        (Flags(), 5, 4, False),
        (Flags(), 5, 0, False),
        (SYNCED, 0, 0, True),
        (SYNCED, 5, 0, True),
        (SYNCED, 5, 5, True),
        (SYNCED, 5, 4, True),
        (Flags(be=True), 5, 4, True),
    ],
)
def test_the_counter_is_judged_here(flags: Flags, known: int, presented: int, is_fine: bool) -> None:
    ceremony = Ceremony(SoftwareAuthenticator(PARTY.origin, flags=flags, sign_count=known))
    passkey = ceremony.enrol()

    if is_fine:
        assert ceremony.use(passkey, sign_count=presented).sign_count == presented
        return
    with pytest.raises(PasskeyRefused, match="counter"):
        ceremony.use(passkey, sign_count=presented)


def test_a_clone_of_a_device_is_noticed() -> None:
    ceremony = Ceremony()
    passkey = ceremony.enrol()
    clone = Ceremony(ceremony.device.like(), ceremony.handle)

    used = ceremony.use(passkey)

    with pytest.raises(PasskeyRefused, match="counter"):
        clone.use(used)


@pytest.mark.requirement("WebAuthn §6.1.3: whether a key is backed up may change, whether it can be may not")
def test_the_state_of_the_backup_is_kept() -> None:
    ceremony = Ceremony(SoftwareAuthenticator(PARTY.origin, flags=Flags(be=True)))
    passkey = ceremony.enrol()

    backed_up = ceremony.use(passkey, flags=SYNCED)
    restored = ceremony.use(backed_up, flags=Flags(be=True))

    assert (passkey.backed_up, backed_up.backed_up, restored.backed_up) == (False, True, False)
    with pytest.raises(PasskeyRefused, match="may be backed up"):
        ceremony.use(passkey, flags=Flags())


@pytest.mark.parametrize("alg", [EDDSA, ES256, RS256])
@pytest.mark.parametrize("member", ["clientDataJSON", "authenticatorData", "signature"])
def test_no_byte_of_an_answer_can_be_changed(alg: int, member: str) -> None:
    ceremony = Ceremony(SoftwareAuthenticator(PARTY.origin, alg))
    passkey = ceremony.enrol()
    answer = json.loads(ceremony.device.get(ceremony.request))
    whole = b64url_decode(answer["response"][member])

    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1
        answer["response"][member] = b64url_encode(bytes(changed))
        with pytest.raises(PasskeyRefused):
            ceremony.use_by(json.dumps(answer), passkey)
