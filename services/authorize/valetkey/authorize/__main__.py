"""``python -m valetkey.authorize`` or ``valetkey-authorize``: this service in a process of its own."""

import sys

from valetkey.authorize.app import create_authorize
from valetkey.runtime.http.server import serve


def main() -> int:
    """The exit code, as ``serve`` says."""
    return serve("authorize", create_authorize)


if __name__ == "__main__":
    sys.exit(main())
