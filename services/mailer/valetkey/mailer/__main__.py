"""``python -m valetkey.mailer`` or ``valetkey-mailer``: the worker in a process of its own."""

import sys

from valetkey.mailer.app import create_mailer
from valetkey.runtime.http.server import serve


def main() -> int:
    """The exit code, as ``serve`` says."""
    return serve("mailer", create_mailer, public=False)


if __name__ == "__main__":
    sys.exit(main())
