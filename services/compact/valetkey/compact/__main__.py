"""``python -m valetkey.compact`` or ``valetkey-compact``: all services in one process."""

import sys

from valetkey.compact.app import create_compact
from valetkey.runtime.http.server import serve


def main() -> int:
    """The exit code, as ``serve`` says."""
    return serve("compact", create_compact)


if __name__ == "__main__":
    sys.exit(main())
