"""Starts the demo as a person would, and checks that it answers, and that Ctrl-C leaves nothing of it."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil

from valetkey.demo.free_port import free_port, hold_port, is_free
from valetkey.demo.listening import NEIGHBOURS

ROOT = Path(__file__).resolve().parent.parent
DESCRIPTION = ROOT / ".demo" / "demo.json"
LOG = ROOT / "build" / "demo.log"
READY_WITHIN = 60.0
GONE_WITHIN = 20.0


def main() -> None:
    port = hold_port(free_port(beside=NEIGHBOURS))
    DESCRIPTION.unlink(missing_ok=True)
    LOG.parent.mkdir(exist_ok=True)

    started = time.monotonic()
    with LOG.open("wb") as log:
        # In a session of its own, so that the signal below reaches what Ctrl-C would reach, and not us.
        demo = subprocess.Popen(
            ["make", "demo", f"ARGS=--no-open --issuer-port {port}"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_for(lambda: demo.poll() is not None or answers(f"http://localhost:{port}"), READY_WITHIN, "is not ready")
        if demo.poll() is not None:
            fail("ended by itself")
        print(f"ready after {time.monotonic() - started:.1f} s")

        family = psutil.Process(demo.pid).children(recursive=True)
        stopped = time.monotonic()
        os.killpg(demo.pid, signal.SIGINT)
        wait_for(lambda: demo.poll() is not None, GONE_WITHIN, "did not obey Ctrl-C")
        survivors = [process for process in family if is_running(process)]
        if survivors:
            fail(f"left {survivors} running")
        if not is_free(port):
            fail(f"left port {port} occupied")
        print(f"{len(family)} processes, all gone after {time.monotonic() - stopped:.1f} s")
    finally:
        if demo.poll() is None:
            os.killpg(demo.pid, signal.SIGKILL)


def answers(issuer: str) -> bool:
    """Whether the demo has described itself, and serves metadata and keys under the issuer it was told to be."""
    try:
        if json.loads(DESCRIPTION.read_text())["issuer"] != issuer:
            return False
        metadata = fetch(f"{issuer}/.well-known/openid-configuration")
        return metadata["issuer"] == issuer and bool(fetch(str(metadata["jwks_uri"]))["keys"])
    except (FileNotFoundError, json.JSONDecodeError, urllib.error.URLError, ConnectionError):
        return False


def fetch(url: str) -> dict[str, object]:
    with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 - our own demo, over http on loopback
        document: dict[str, object] = json.load(response)
    return document


def is_running(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for(condition: Callable[[], bool], seconds: float, otherwise: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            fail(f"{otherwise} after {seconds:.0f} s")
        time.sleep(0.1)


def fail(what: str) -> None:
    print(LOG.read_text(errors="replace")[-8_000:])
    sys.exit(f"the demo {what}")


if __name__ == "__main__":
    main()
