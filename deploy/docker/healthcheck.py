#!/opt/valetkey/bin/python -IS
"""Exits 0 when the service in this container is ready for requests, else 1 with the reason that it gives."""

import os
import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException


def main() -> str | int:
    """What ``sys.exit`` shall be told."""
    port = int(os.environ.get("VALETKEY_MANAGEMENT_PORT") or 9090)
    connection = HTTPConnection("127.0.0.1", port, timeout=4)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        text = answer.read(1000).decode(errors="replace").strip()
    except (OSError, HTTPException) as error:
        return f"no answer: {error}"
    return 0 if answer.status == HTTPStatus.OK else text


if __name__ == "__main__":
    sys.exit(main())
