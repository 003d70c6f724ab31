"""``python -m valetkey.introspection`` or ``valetkey-introspection``: this service in a process of its own."""

import sys

from valetkey.introspection.app import create_introspection
from valetkey.runtime.http.server import serve


def main() -> int:
    """The exit code, as ``serve`` says."""
    return serve("introspection", create_introspection)


if __name__ == "__main__":
    sys.exit(main())
