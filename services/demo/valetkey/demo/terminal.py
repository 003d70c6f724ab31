"""What the demo says on the terminal: each line as exactly one, everything unprintable in it escaped."""

from __future__ import annotations

import sys
from typing import TextIO

from valetkey.runtime.telemetry.redaction import one_line


def say(*lines: str, stream: TextIO | None = None) -> None:
    """Print the lines, on standard output unless told otherwise. Raises ``OSError`` where nothing reads it."""
    stream = stream or sys.stdout
    text = "".join(f"{one_line(line)}\n" for line in lines)
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()
