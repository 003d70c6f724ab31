"""``python -m valetkey.token``: this service in a process of its own."""

import sys

from valetkey.runtime.http.server import serve
from valetkey.token.app import create_token

if __name__ == "__main__":
    sys.exit(serve("token", create_token))
