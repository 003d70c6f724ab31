"""``python -m valetkey.demo`` or ``valetkey-demo``: the demo without the program ``valetkey``."""

from __future__ import annotations

import argparse
import asyncio
import sys

from valetkey.demo.demo import run_demo
from valetkey.demo.demo_error import DemoError
from valetkey.demo.options import DEFAULT_ISSUER_PORT, DemoOptions
from valetkey.demo.terminal import say

_INTERRUPTED = 130


def main() -> int:
    """Run the demo; 0 when it was told to end, 1 when it could not start."""
    try:
        asyncio.run(run_demo(_options()))
    except DemoError as error:
        say(*error.lines, stream=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 0


def _options() -> DemoOptions:
    parser = argparse.ArgumentParser(prog="python -m valetkey.demo", description="Run Valetkey on this computer.")
    parser.add_argument(
        "--issuer-port", type=int, default=DEFAULT_ISSUER_PORT, help="port of the issuer; 0: a free one"
    )
    parser.add_argument("--issuer", default="", help="issuer to use instead, on loopback; https://127.0.0.1:PORT too")
    parser.add_argument("--redirect-uri", action="append", default=[], help="register one more; may be repeated")
    parser.add_argument("--keep", action="store_true", help="find users, clients and keys again the next time")
    parser.add_argument("--no-open", action="store_true", help="open no browser")
    chosen = parser.parse_args()
    return DemoOptions(
        issuer_port=chosen.issuer_port,
        issuer=chosen.issuer,
        redirect_uris=tuple(chosen.redirect_uri),
        open_browser=not chosen.no_open,
        keep=chosen.keep,
    )


def program() -> None:
    """What ``valetkey-demo`` runs."""
    sys.exit(main())


if __name__ == "__main__":
    program()
