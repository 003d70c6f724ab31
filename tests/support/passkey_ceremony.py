"""Enrolling and using a passkey without a browser: what is asked for, and what is made of the answer."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from support.software_authenticator import SoftwareAuthenticator
from valetkey.authorize.login.passkeys.answer import read_assertion, read_registration
from valetkey.authorize.login.passkeys.assertion import verify_assertion
from valetkey.authorize.login.passkeys.options import Enrolling, assertion_options, registration_options
from valetkey.authorize.login.passkeys.registration import verify_registration
from valetkey.core.authentication.passkey import Passkey, new_user_handle
from valetkey.core.authentication.relying_party import RelyingParty

PARTY = RelyingParty("id.example.com", "https://id.example.com")
OTHER_HANDLE = bytes(range(64))


@dataclass(slots=True)
class Ceremony:
    """One user with one authenticator, at one relying party."""

    device: SoftwareAuthenticator = field(default_factory=lambda: SoftwareAuthenticator(PARTY.origin))
    handle: bytes = field(default_factory=new_user_handle)
    challenge: bytes = field(default_factory=lambda: secrets.token_bytes(72))

    @property
    def creation(self) -> str:
        """What the browser is asked for at an enrolment."""
        return registration_options(PARTY, "Valetkey", Enrolling(self.handle, "ada", "Ada"), self.challenge, [])

    @property
    def request(self) -> str:
        """What the browser is asked for at a login."""
        return assertion_options(PARTY, self.challenge)

    def enrol(self, **wrong: object) -> Passkey:
        """A passkey, where the answer is right."""
        return self.enrol_by(self.device.create(self.creation, **wrong))

    def enrol_by(self, text: str) -> Passkey:
        """The same by an answer that was made elsewhere."""
        return verify_registration(read_registration(text), PARTY, self.challenge, self.handle)

    def use(self, passkey: Passkey, *, named: bool = False, **wrong: object) -> Passkey:
        """The passkey after a login, where the answer is right."""
        return self.use_by(self.device.get(self.request, **wrong), passkey, named=named)

    def use_by(self, text: str, passkey: Passkey, *, named: bool = False) -> Passkey:
        """The same by an answer that was made elsewhere."""
        return verify_assertion(read_assertion(text), PARTY, self.challenge, passkey, named=named)
