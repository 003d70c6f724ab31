"""``python -m valetkey.introspection``: this service in a process of its own."""

import sys

from valetkey.introspection.app import create_introspection
from valetkey.runtime.http.server import serve

if __name__ == "__main__":
    sys.exit(serve("introspection", create_introspection))
