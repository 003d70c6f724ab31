"""Whether an answer enrols a passkey. WebAuthn §7.1.

Authenticators may sign what they are; it was not asked for, and browsers take it away. One form reaches us all the
same, a statement by the new key itself (§8.2, self attestation): it is verified, as a signature by this key. Any other
is the word of a manufacturer whom nothing here trusts, and is refused.
"""

from __future__ import annotations

import hmac

from valetkey.authorize.login.passkeys.answer import RegistrationAnswer
from valetkey.authorize.login.passkeys.client_data import CREATE
from valetkey.authorize.login.passkeys.library import refusing
from valetkey.authorize.login.passkeys.options import ALGORITHMS
from valetkey.authorize.login.passkeys.public_key import require_public_key
from valetkey.authorize.login.passkeys.refusal import PasskeyRefused
from valetkey.core.authentication.passkey import Passkey
from valetkey.core.authentication.relying_party import RelyingParty


def verify_registration(
    answer: RegistrationAnswer, party: RelyingParty, challenge: bytes, user_handle: bytes
) -> Passkey:
    """The passkey to keep for the user whose handle this is. Raises ``PasskeyRefused``."""
    answer.client_data.require(CREATE, challenge, party.origin)
    # Before any signature is verified: a key may be of a size that makes that slow.
    _require_attested(answer)
    return _verify(answer, party, challenge, user_handle)


def _require_attested(answer: RegistrationAnswer) -> None:
    from webauthn.helpers import parse_attestation_object
    from webauthn.helpers.structs import AttestationFormat

    with refusing("the attestation object"):
        attested = parse_attestation_object(answer.attestation_object)
    by_itself = attested.fmt == AttestationFormat.PACKED and attested.att_stmt.x5c is None
    if attested.fmt != AttestationFormat.NONE and not by_itself:
        raise PasskeyRefused("the authenticator attests what it is, which was not asked for")
    credential = attested.auth_data.attested_credential_data
    if credential is None:
        raise PasskeyRefused("the authenticator has made no credential")
    if not hmac.compare_digest(credential.credential_id, answer.credential_id):
        raise PasskeyRefused("the authenticator names another credential than the browser")
    require_public_key(credential.credential_public_key)


def _verify(answer: RegistrationAnswer, party: RelyingParty, challenge: bytes, user_handle: bytes) -> Passkey:
    from webauthn import verify_registration_response
    from webauthn.helpers import bytes_to_base64url
    from webauthn.helpers.cose import COSEAlgorithmIdentifier
    from webauthn.helpers.structs import (
        AuthenticatorAttestationResponse,
        CredentialDeviceType,
        RegistrationCredential,
    )

    with refusing("the registration"):
        verified = verify_registration_response(
            credential=RegistrationCredential(
                id=bytes_to_base64url(answer.credential_id),
                raw_id=answer.credential_id,
                response=AuthenticatorAttestationResponse(answer.client_data.raw, answer.attestation_object),
            ),
            expected_challenge=challenge,
            expected_rp_id=party.rp_id,
            expected_origin=party.origin,
            require_user_verification=True,
            supported_pub_key_algs=[COSEAlgorithmIdentifier(alg) for alg in ALGORITHMS],
        )
    return Passkey(
        credential_id=verified.credential_id,
        public_key=verified.credential_public_key,
        user_handle=user_handle,
        sign_count=verified.sign_count,
        backup_eligible=verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE,
        backed_up=verified.credential_backed_up,
        aaguid=verified.aaguid,
        transports=answer.transports,
    )
