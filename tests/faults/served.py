"""``python -m faults.served SERVICE CLOCK [MUTATION]``: a service as it is, with a clock that can be wrong.

``CLOCK`` is a file with the seconds that the clock is ahead. With a mutation the service is broken on purpose.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import cast

from valetkey.runtime.http.server import serve
from valetkey.runtime.settings.settings import Service

_LONGEST = 32


class WrongClock:
    """As far ahead of real time as its file says, at every reading."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY)

    def __call__(self) -> datetime:
        ahead = float(os.pread(self._file, _LONGEST, 0))
        return datetime.now(UTC) + timedelta(seconds=ahead)


def main() -> int:
    """The exit code, as ``serve`` says."""
    service, clock, *mutations = sys.argv[1:]
    for mutation in mutations:
        import_module("faults.mutations").MUTATIONS[mutation].apply()
    create = getattr(import_module(f"valetkey.{service}.app"), f"create_{service}")
    return serve(cast("Service", service), partial(create, clock=WrongClock(Path(clock))))


if __name__ == "__main__":
    sys.exit(main())
