"""The library is loaded when the first passkey answers, and not before."""

import subprocess
import sys

from support.passkey_ceremony import Ceremony
from valetkey.authorize.login.passkeys.library import load_library

# What the library brings, which nothing else here loads.
LARGE = ("webauthn", "cbor2", "OpenSSL", "pyasn1")
PROGRAM = f"""
import asyncio, sys
from datetime import UTC, datetime
import valetkey.authorize.app
from support.passkey_ceremony import Ceremony
from valetkey.authorize.login.passkeys.library import load_library

ceremony = Ceremony(device=None)
ceremony.creation, ceremony.request
loaded = [name for name in {LARGE} if name in sys.modules and name != "cbor2"]
asyncio.run(load_library())
print(loaded, "webauthn" in sys.modules)
"""


def test_asking_for_passkeys_does_not_load_it() -> None:
    # cbor2 is what the authenticator of these tests writes with.
    told = subprocess.run([sys.executable, "-c", PROGRAM], cwd="tests", capture_output=True, text=True, check=True)

    assert told.stdout.split() == ["[]", "True"]


async def test_loading_it_twice_is_nothing() -> None:
    await load_library()
    await load_library()

    assert Ceremony().enrol().sign_count == 1
