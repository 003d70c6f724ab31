"""Makes keys and seals them. A private key leaves this module only under a key-encryption key."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from valetkey.core.jose.keys import KeyState, PublicKey
from valetkey.core.jose.sign import generate_private_key, kid_of, public_jwk, to_pkcs8
from valetkey.storage.postgres.tables.signing_keys import StoredKey

if TYPE_CHECKING:
    from datetime import datetime

    from valetkey.core.jose.sealed_key import KeySealer
    from valetkey.key_rotation.actions import Create


async def make_key(action: Create, sealer: KeySealer, now: datetime) -> StoredKey:
    """A new key in the state that the action asks for. RSA takes a while: it is made beside the event loop."""
    private_key = await asyncio.to_thread(generate_private_key, action.alg)
    kid = kid_of(private_key)
    public = PublicKey(
        kid=kid,
        alg=action.alg,
        state=action.state,
        jwk=public_jwk(private_key),
        created_at=now,
        activated_at=now if action.state is KeyState.ACTIVE else None,
    )
    return StoredKey(public, sealer.seal(kid, to_pkcs8(private_key)))
