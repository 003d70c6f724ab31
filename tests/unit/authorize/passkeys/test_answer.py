"""The JSON of an answer: bounded, read strictly, and refused in one way whatever is wrong."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.passkey_ceremony import Ceremony
from valetkey.authorize.login.passkeys.answer import MAX_LENGTH, read_assertion, read_registration
from valetkey.authorize.login.passkeys.refusal import PasskeyRefused
from valetkey.core.encoding import b64url_encode

CEREMONY = Ceremony()
PASSKEY = CEREMONY.enrol()
RIGHT = json.loads(CEREMONY.device.get(CEREMONY.request))
ENROLMENT = json.loads(CEREMONY.device.create(CEREMONY.creation))


def test_members_that_are_not_read_may_be_there() -> None:
    read = read_assertion(json.dumps(RIGHT | {"clientExtensionResults": {"credProps": {"rk": True}}, "new": [1]}))

    assert read.credential_id == PASSKEY.credential_id
    assert read.user_handle == PASSKEY.user_handle


def test_a_browser_without_raw_id_is_understood() -> None:
    read = read_assertion(json.dumps({name: value for name, value in RIGHT.items() if name != "rawId"}))

    assert read.credential_id == PASSKEY.credential_id


@pytest.mark.requirement("security 47: what a stranger sends is bounded before it is parsed")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        "1" * 5000,
        '"a"',
        "{}",
        "[" * MAX_LENGTH,
        '{"a":' * 2000,
        "{" + " " * MAX_LENGTH + "}",
        '{"type":"public-key","type":"public-key"}',
        '{"type":NaN}',
        '{"type":1e999999}',
        "\ufeff{}",
        '{"id":"\ud800"}',
    ],
    ids=range(15),
)
def test_what_is_no_answer_is_refused(text: str) -> None:
    for read in (read_assertion, read_registration):
        with pytest.raises(PasskeyRefused):
            read(text)


@pytest.mark.parametrize("name", ["id", "type", "response"])
@pytest.mark.parametrize("value", [None, 1, "", "*", [], {}, "a" * 1500, "YQ=="])
def test_every_member_is_held_to_its_form(name: str, value: object) -> None:
    for right, read in ((RIGHT, read_assertion), (ENROLMENT, read_registration)):
        with pytest.raises(PasskeyRefused):
            read(json.dumps(right | {name: value, "rawId": value if name == "id" else right["rawId"]}))


@pytest.mark.parametrize("name", ["authenticatorData", "signature", "clientDataJSON", "attestationObject"])
@pytest.mark.parametrize("value", [None, 1, "", "*", [], "a" * 8000, "YQ==", "YR"])
def test_every_member_of_the_response_is_held_to_its_form(name: str, value: object) -> None:
    right, read = (ENROLMENT, read_registration) if name == "attestationObject" else (RIGHT, read_assertion)

    with pytest.raises(PasskeyRefused):
        read(json.dumps(right | {"response": right["response"] | {name: value}}))


def test_id_and_raw_id_are_the_same() -> None:
    with pytest.raises(PasskeyRefused, match="differ"):
        read_assertion(json.dumps(RIGHT | {"rawId": b64url_encode(b"other")}))


def test_a_reason_repeats_nothing_that_was_sent() -> None:
    for text in ('{"canary"', '{"canary": NaN}', '{"id": "canary*", "type": "public-key", "response": {}}'):
        with pytest.raises(PasskeyRefused) as refused:
            read_assertion(text)
        assert "canary" not in refused.value.reason


CBOR = st.binary(max_size=200) | st.lists(st.sampled_from([b"\xa1", b"\xc0", b"\xc4\x82", b"\xd8\x23", b"\x61a"])).map(
    b"".join
)


@settings(max_examples=300)
@given(data=CBOR)
def test_whatever_an_authenticator_says_is_refused_in_one_way(data: bytes) -> None:
    head = bytes(32) + b"\x45" + bytes(4) + bytes(16) + b"\0\x01a"
    for attestation in (data, b"\xa3cfmtdnonegattStmt\xa0hauthDataX" + bytes([len(head + data) % 256]) + head + data):
        with pytest.raises(PasskeyRefused):
            CEREMONY.enrol(attestation_object=attestation)


@settings(max_examples=300)
@given(data=st.binary(max_size=200), flags=st.integers(0, 255))
def test_whatever_an_assertion_says_is_refused_in_one_way(data: bytes, flags: int) -> None:
    with pytest.raises(PasskeyRefused):
        CEREMONY.use(PASSKEY, sent_data=(bytes(32) + bytes([flags]) + data)[:2048], signature=data or b"x")
