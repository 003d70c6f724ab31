"""Secrets generated elsewhere, such as a mounted Kubernetes Secret: read, and checked like generated ones."""

from __future__ import annotations

from pathlib import Path

from valetkey.core.client.authentication.method import MAX_SECRET_LENGTH

MIN_LENGTH = 32
MIN_DISTINCT = 12
MAX_PASSWORD_BYTES = 4096
_LOWEST, _HIGHEST = 0x21, 0x7E


def read_declared_secret(path: Path) -> str:
    """The secret in a file, without the line break at its end. ``ValueError`` says why there is none to be used.

    One SHA-256 of it is what is stored, so it must be as hard to guess as ours: people do not choose it.
    """
    secret = _read("secret_file", path, MAX_SECRET_LENGTH).decode("latin-1").removesuffix("\n").removesuffix("\r")
    if not MIN_LENGTH <= len(secret) <= MAX_SECRET_LENGTH or not all(_LOWEST <= ord(c) <= _HIGHEST for c in secret):
        raise ValueError(
            f"secret_file {path} must hold one line of {MIN_LENGTH} to {MAX_SECRET_LENGTH} printable ASCII characters"
        )
    if len(set(secret)) < MIN_DISTINCT:
        raise ValueError(f"secret_file {path} is too regular to be secret; 32 random bytes, base64url, will do")
    return secret


def read_declared_password(path: Path) -> str:
    """The password in a file, without the line break at its end. ``ValueError`` says why there is none to be used."""
    try:
        password = _read("password_file", path, MAX_PASSWORD_BYTES).decode()
    except UnicodeDecodeError:
        raise ValueError(f"password_file {path} is not UTF-8; save it in that encoding") from None
    password = password.removesuffix("\n").removesuffix("\r")
    if not password or "\n" in password:
        raise ValueError(f"password_file {path} must hold one line")
    return password


def _read(name: str, path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(most + 2)
    except OSError as error:
        raise ValueError(f"{name} {path} cannot be read ({error.strerror})") from None
