"""What a browser is asked for, held against what the library would ask."""

import json

import pytest
from webauthn.helpers import parse_authentication_options_json, parse_registration_options_json
from webauthn.helpers.structs import ResidentKeyRequirement, UserVerificationRequirement

from support.passkey_ceremony import PARTY, Ceremony
from valetkey.authorize.login.passkeys.options import Enrolling, assertion_options, registration_options
from valetkey.core.authentication.passkey import new_user_handle

CHALLENGE, HANDLE = bytes(range(72)), bytes(range(64))
KNOWN = Ceremony().enrol()


@pytest.mark.requirement("WebAuthn §5.4: resident, user verified, not attested, not twice on one device")
def test_an_enrolment_asks_for_a_passkey() -> None:
    ada = Enrolling(HANDLE, "ada@example.com", "Ada </script>\u2028")

    asked = parse_registration_options_json(registration_options(PARTY, "Café", ada, CHALLENGE, [KNOWN]))

    assert (asked.rp.id, asked.rp.name) == ("id.example.com", "Café")
    assert (asked.user.id, asked.user.name, asked.user.display_name) == (HANDLE, ada.username, ada.display_name)
    assert asked.challenge == CHALLENGE
    assert [each.alg for each in asked.pub_key_cred_params] == [-8, -7, -257]
    assert asked.authenticator_selection is not None
    assert asked.authenticator_selection.resident_key is ResidentKeyRequirement.REQUIRED
    assert asked.authenticator_selection.require_resident_key
    assert asked.authenticator_selection.user_verification is UserVerificationRequirement.REQUIRED
    assert asked.attestation == "none"
    assert [each.id for each in asked.exclude_credentials or []] == [KNOWN.credential_id]
    assert [each.transports for each in asked.exclude_credentials or []] == [["hybrid", "internal"]]
    assert asked.timeout == 300_000


@pytest.mark.requirement("WebAuthn §14.6.2: a sign-in without a name tells nothing of which passkeys there are")
def test_a_login_names_no_passkey_and_a_second_factor_those_of_its_user() -> None:
    anyone = parse_authentication_options_json(assertion_options(PARTY, CHALLENGE))
    ada = parse_authentication_options_json(assertion_options(PARTY, CHALLENGE, [KNOWN]))

    assert anyone.allow_credentials == []
    assert [each.id for each in ada.allow_credentials or []] == [KNOWN.credential_id]
    for asked in (anyone, ada):
        assert asked.challenge == CHALLENGE
        assert asked.rp_id == "id.example.com"
        assert asked.user_verification is UserVerificationRequirement.REQUIRED


def test_options_are_ascii() -> None:
    ada = Enrolling(HANDLE, "ada", "Ada \u2028 \N{SNOWMAN}")

    assert registration_options(PARTY, "Café", ada, CHALLENGE, []).isascii()
    assert json.loads(assertion_options(PARTY, CHALLENGE))["allowCredentials"] == []


@pytest.mark.requirement("WebAuthn §14.6.1: a user handle is random and tells nothing of its user")
def test_user_handles_are_random() -> None:
    handles = {new_user_handle() for _ in range(1000)}

    assert len(handles) == 1000
    assert {len(handle) for handle in handles} == {64}
