"""The directory that the demo keeps everything in, for one demo at a time. Logs outlive it, and what is to be kept."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from valetkey.demo.demo_error import DemoError

_MODE = 0o755
_LOCK = "lock"
_KEPT = "kept"
_UNTIL_THE_END = ("certificate.key", "certificate.pem", "demo.json", "demo.json.new", "env", "postgres", "redis")
_UNTIL_THE_NEXT_START = ("log", "audit")


@contextmanager
def data_directory(directory: Path) -> Iterator[Path]:
    """The absolute directory, ours until the end of the block. Raises ``DemoError`` where another demo has it.

    Other users may enter it, because PostgreSQL may have to run as another user; what is in it has modes of its own.
    """
    path = directory.absolute()
    try:
        path.mkdir(mode=_MODE, parents=True, exist_ok=True)
        path.chmod(_MODE)
        lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise DemoError(f"{path} cannot be used ({error.strerror}): start the demo where you may write.") from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoError(f"A demo is running in {path} already: end it first, or start from elsewhere.") from None
        _remove(path, *_UNTIL_THE_END, *_UNTIL_THE_NEXT_START)
        try:
            yield path
        finally:
            _remove(path, *_UNTIL_THE_END)
    finally:
        os.close(lock)


def kept_directory(directory: Path) -> Path:
    """Where what is kept between runs is; a run that keeps nothing leaves it alone."""
    kept = directory / _KEPT
    kept.mkdir(mode=_MODE, exist_ok=True)
    return kept


def open_private(path: Path) -> int:
    """A new file that only we may read; a file descriptor to write to."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def _remove(directory: Path, *names: str) -> None:
    """Remove what is ours; other files stay."""
    for name in names:
        entry = directory / name
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)
