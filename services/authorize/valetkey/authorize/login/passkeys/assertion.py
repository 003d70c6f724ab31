"""Whether an answer proves that its user is there, with a passkey that is kept. WebAuthn §7.2."""

from __future__ import annotations

import hmac
from dataclasses import replace

from valetkey.authorize.login.passkeys.answer import AssertionAnswer
from valetkey.authorize.login.passkeys.client_data import GET
from valetkey.authorize.login.passkeys.library import refusing
from valetkey.authorize.login.passkeys.refusal import PasskeyRefused
from valetkey.core.authentication.passkey import Passkey, PasskeyUse, use_problem
from valetkey.core.authentication.relying_party import RelyingParty


def verify_assertion(
    answer: AssertionAnswer, party: RelyingParty, challenge: bytes, passkey: Passkey, *, named: bool = False
) -> Passkey:
    """The passkey as it is after this use, to be kept. Raises ``PasskeyRefused``.

    ``named`` where the user was known before, and only this user's passkeys were asked for: then an authenticator may
    leave out whose it is. Where nothing but the answer names the user, it must.
    """
    if not hmac.compare_digest(answer.credential_id, passkey.credential_id):
        raise PasskeyRefused("the answer is by another passkey")
    if answer.user_handle is None and not named:
        raise PasskeyRefused("the answer names no user")
    if answer.user_handle is not None and not hmac.compare_digest(answer.user_handle, passkey.user_handle):
        raise PasskeyRefused("the answer names another user than the passkey belongs to")
    answer.client_data.require(GET, challenge, party.origin)
    use = _verify(answer, party, challenge, passkey)
    if (problem := use_problem(passkey, use)) is not None:
        raise PasskeyRefused(problem)
    return replace(passkey, sign_count=use.sign_count, backed_up=use.backed_up)


def _verify(answer: AssertionAnswer, party: RelyingParty, challenge: bytes, passkey: Passkey) -> PasskeyUse:
    from webauthn import verify_authentication_response
    from webauthn.helpers import bytes_to_base64url
    from webauthn.helpers.structs import (
        AuthenticationCredential,
        AuthenticatorAssertionResponse,
        CredentialDeviceType,
    )

    with refusing("the assertion"):
        verified = verify_authentication_response(
            credential=AuthenticationCredential(
                id=bytes_to_base64url(answer.credential_id),
                raw_id=answer.credential_id,
                response=AuthenticatorAssertionResponse(
                    answer.client_data.raw, answer.authenticator_data, answer.signature, answer.user_handle
                ),
            ),
            expected_challenge=challenge,
            expected_rp_id=party.rp_id,
            expected_origin=party.origin,
            credential_public_key=passkey.public_key,
            # It wants every counter to grow, also those of keys on several devices. `use_problem` judges.
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    return PasskeyUse(
        sign_count=verified.new_sign_count,
        backup_eligible=verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE,
        backed_up=verified.credential_backed_up,
    )
