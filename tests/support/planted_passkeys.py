"""Passkeys of users who did not have to set them up in a browser."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from support.software_authenticator import SoftwareAuthenticator
from valetkey.authorize.login.passkeys.answer import read_registration
from valetkey.authorize.login.passkeys.options import Enrolling, registration_options
from valetkey.authorize.login.passkeys.registration import verify_registration
from valetkey.core.authentication.passkey import new_user_handle
from valetkey.storage.postgres.tables.passkeys import KeptPasskey, Passkeys
from valetkey.storage.postgres.tables.users import Users

if TYPE_CHECKING:
    from support.administration import Administration
    from support.relying_party import Person
    from valetkey.core.authentication.relying_party import RelyingParty


async def plant_passkey(
    administration: Administration, party: RelyingParty, person: Person, device: SoftwareAuthenticator | None = None
) -> SoftwareAuthenticator:
    """Set one up where it is kept; what answers for it."""
    device = device or SoftwareAuthenticator(party.origin)
    handle, challenge = new_user_handle(), secrets.token_bytes(32)
    enrolling = Enrolling(handle, person.username, person.username)
    answer = read_registration(device.create(registration_options(party, "Valetkey", enrolling, challenge, [])))
    passkey = verify_registration(answer, party, challenge, handle)
    async with administration.database() as database:
        user = await Users(database).find_by_subject(UUID(person.subject))
        assert user is not None
        kept = KeptPasskey(uuid4(), user.subject, passkey, party.rp_id)
        assert await Passkeys(database).add(user, kept, "Laptop", administration.clock())
    return device
