"""Writes a secret to a file that only its owner can read, before the store learns of it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from valetkey.cli.failure import Failure

_PRIVATE = 0o600


@contextmanager
def secret_file(path: Path, secret: str) -> Iterator[None]:
    """Put a secret into a file that only its owner may read, once the block has succeeded.

    It is on the disk before the block runs, so that no secret is stored that the operator does not have. It replaces
    the file at ``path`` atomically after the block, so that a failure leaves the old one. Raises ``Failure``.
    """
    waiting = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write(waiting, secret)
    except OSError as error:
        raise Failure(f"{path} cannot be written ({error.strerror}); name one where you may write.") from error
    try:
        yield
    except BaseException:
        waiting.unlink(missing_ok=True)
        raise
    try:
        waiting.replace(path)
    except OSError as error:
        raise Failure(f"{path} cannot be replaced ({error.strerror}); the new secret is in {waiting}.") from error


def _write(path: Path, secret: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _PRIVATE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def handed_over(name: str, secret: str, path: Path | None) -> Iterator[dict[str, object]]:
    """What the answer says of a new secret: itself, this once, or the file that has it once the block has succeeded."""
    if path is None:
        yield {name: secret}
        return
    with secret_file(path, secret):
        yield {f"{name}_file": path.absolute()}
