"""The library that verifies what authenticators sign, loaded when it is needed first.

It takes a tenth of a second and 9 MB, for attestation above all. A service whose users have no passkeys never loads it.
"""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from valetkey.authorize.login.passkeys.refusal import PasskeyRefused

_LIBRARY = "webauthn"
# What it raises, beside exceptions of its own, for keys and CBOR that are not what they should be.
_MALFORMED = (
    ArithmeticError,
    AttributeError,
    InvalidSignature,
    LookupError,
    RecursionError,
    TypeError,
    UnsupportedAlgorithm,
    ValueError,
)
_MAX_REASON = 120


async def load_library() -> None:
    """Load it off the event loop, once; verifying waits for nothing then."""
    if _LIBRARY not in sys.modules:
        await asyncio.to_thread(import_module, _LIBRARY)


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """Everything that the library finds wrong is a ``PasskeyRefused`` that says of what."""
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        yield
    except WebAuthnException as error:
        raise PasskeyRefused(f"{what}: {str(error)[:_MAX_REASON]}") from error
    except _MALFORMED as error:
        # Messages of these may repeat what was sent.
        raise PasskeyRefused(f"{what}: malformed, {type(error).__name__}") from error
