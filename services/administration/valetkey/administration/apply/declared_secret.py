"""Secrets generated elsewhere, such as a mounted Kubernetes Secret: read, and checked like generated ones."""

from __future__ import annotations

from pathlib import Path

from valetkey.core.client.authentication.method import MAX_SECRET_LENGTH

MIN_LENGTH = 32
MIN_DISTINCT = 12
_LOWEST, _HIGHEST = 0x21, 0x7E


def read_declared_secret(path: Path) -> str:
    """The secret in a file, without the line break at its end. ``ValueError`` says why there is none to be used.

    One SHA-256 of it is what is stored, so it must be as hard to guess as ours: people do not choose it.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SECRET_LENGTH + 2)
    except OSError as error:
        raise ValueError(f"secret_file {path} cannot be read ({error.strerror})") from None
    secret = data.decode("latin-1").removesuffix("\n").removesuffix("\r")
    if not MIN_LENGTH <= len(secret) <= MAX_SECRET_LENGTH or not all(_LOWEST <= ord(c) <= _HIGHEST for c in secret):
        raise ValueError(
            f"secret_file {path} must hold one line of {MIN_LENGTH} to {MAX_SECRET_LENGTH} printable ASCII characters"
        )
    if len(set(secret)) < MIN_DISTINCT:
        raise ValueError(f"secret_file {path} is too regular to be secret; 32 random bytes, base64url, will do")
    return secret
