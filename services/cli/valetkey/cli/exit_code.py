"""What the exit code of every command means. Scripts may rely on these numbers."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """0 to 4 are about what was asked; 69, 75 and 78 are those of ``sysexits.h``; 143 is what shells say."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    NOT_FOUND = 3
    CONFLICT = 4
    UNAVAILABLE = 69
    RETRY_TIMEOUT = 75
    CONFIGURATION = 78
    TERMINATED = 143

    @property
    def meaning(self) -> str:
        """The code in words, for the table in the README."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.OK: "done, or nothing to do",
    ExitCode.REFUSED: "refused, or a check failed",
    ExitCode.USAGE: "the command line is wrong",
    ExitCode.NOT_FOUND: "what was named does not exist",
    ExitCode.CONFLICT: "at odds with what exists: a name is taken, it has another owner, or it changed meanwhile",
    ExitCode.UNAVAILABLE: "PostgreSQL, Redis or the issuer cannot be reached; try again",
    ExitCode.RETRY_TIMEOUT: "`--wait` is over and what was waited for is not there",
    ExitCode.CONFIGURATION: "the settings cannot be used, or the schema is not theirs",
    ExitCode.TERMINATED: "stopped by SIGTERM; what was not finished was rolled back",
}
