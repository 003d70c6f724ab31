"""The Docker engine, through its own command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from functools import cache
from typing import Any

IMAGE_TAG = os.environ.get("VALETKEY_IMAGE_TAG", "dev")
ROOMS = {
    "authorize": {"wire", "core", "runtime", "storage", "authorize"},
    "token": {"wire", "core", "runtime", "storage", "token"},
    "introspection": {"wire", "core", "runtime", "storage", "introspection"},
    "mailer": {"wire", "core", "runtime", "storage", "mailer"},
    "compact": {"wire", "core", "runtime", "storage", "authorize", "token", "introspection", "mailer", "compact"},
    "key_rotation": {"wire", "core", "runtime", "storage", "key_rotation"},
    "cli": {"wire", "core", "runtime", "storage", "key_rotation", "mailer", "administration", "cli"},
}
SERVICES = ("authorize", "token", "introspection")
# Images that listen: one of each service, and one that is all of them.
SERVERS = (*SERVICES, "compact")
HARDENED = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
# The same for who speaks to the engine without its command line.
HARDENED_OPTIONS: dict[str, Any] = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
}


def image_of(service: str) -> str:
    """The name of the image as ``make images`` tags it."""
    return f"valetkey-{service.replace('_', '-')}:{IMAGE_TAG}"


def docker(*arguments: str, check: bool = True, seconds: float = 120) -> subprocess.CompletedProcess[str]:
    """One command of the engine; its streams as text. An ``AssertionError`` tells what it said when it failed."""
    done = subprocess.run(["docker", *arguments], check=False, capture_output=True, text=True, timeout=seconds)
    assert not check or done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr[-2000:]}"
    return done


def inspect(what: str) -> dict[str, Any]:
    """What the engine knows about a container, an image or a network."""
    found: list[dict[str, Any]] = json.loads(docker("inspect", what).stdout)
    return found[0]


@cache
def why_no_engine() -> str:
    """Empty when there is an engine with every image, else what is missing, to be read by people."""
    if shutil.which("docker") is None:
        return "no docker command: the images were not looked at"
    if docker("info", check=False).returncode != 0:
        return "no Docker engine answers: the images were not looked at"
    missing = [image_of(each) for each in ROOMS if docker("image", "inspect", image_of(each), check=False).returncode]
    return f"no image {', '.join(missing)}: make images" if missing else ""


@cache
def why_no_compose() -> str:
    """Empty when ``docker compose`` is there, else what is missing."""
    if why_no_engine():
        return why_no_engine()
    if docker("compose", "version", check=False).returncode != 0:
        return "no docker compose (version 2): the composed installation was not tried"
    return ""


def python_in(service: str, program: str) -> str:
    """What a Python program prints inside an image, hardened as it is meant to run."""
    python = ("--entrypoint", "/opt/valetkey/bin/python")
    return docker("run", "--rm", *HARDENED, *python, image_of(service), "-c", program).stdout
