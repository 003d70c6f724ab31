"""``python -m valetkey.token`` or ``valetkey-token``: this service in a process of its own."""

import sys

from valetkey.runtime.http.server import serve
from valetkey.token.app import create_token


def main() -> int:
    """The exit code, as ``serve`` says."""
    return serve("token", create_token)


if __name__ == "__main__":
    sys.exit(main())
