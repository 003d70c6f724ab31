"""Lines of several processes in one stream.

A pipe tears what is longer than 4096 bytes, unless writers take turns.
"""

from __future__ import annotations

import fcntl
import io
import os
import threading
from typing import TYPE_CHECKING, BinaryIO, TextIO, cast

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# Record locks are the process's: its threads need one between themselves.
_threads = threading.Lock()


class WholeWrites(io.RawIOBase):
    """Writes to a descriptor of ours, and lets no other process that shares ``lock`` write in between."""

    def __init__(self, descriptor: int, lock: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._lock = lock

    def fileno(self) -> int:
        """The descriptor, which stays open."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether a person looks on."""
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        """Write all of it. Raises ``OSError``."""
        rest = memoryview(data)
        length = rest.nbytes
        with _threads:
            fcntl.lockf(self._lock, fcntl.LOCK_EX)
            try:
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
            finally:
                fcntl.lockf(self._lock, fcntl.LOCK_UN)
        return length


def whole_lines(stream: TextIO, lock: int) -> TextIO:
    """The same stream, for lines that come in one piece; ``lock`` is a descriptor of a file that all writers share."""
    writes = cast("BinaryIO", WholeWrites(stream.fileno(), lock))  # all that the wrapper asks of it
    return io.TextIOWrapper(writes, encoding="utf-8", errors="backslashreplace", write_through=True)
