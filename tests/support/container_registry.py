"""A real registry, Debian's ``docker-registry``, on a port of this machine."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from valetkey.demo.free_port import LOOPBACK, free_port

_PROGRAM = "docker-registry"
_SECONDS_TO_START = 20
_PAUSE = 0.05
_MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)


def why_no_registry() -> str:
    """Empty where there is one to start, else what is missing, to be read by people."""
    return "" if shutil.which(_PROGRAM) else f"no {_PROGRAM} on PATH (Debian: {_PROGRAM}): nothing was pushed"


class ContainerRegistry:
    """``address`` is what engines and Helm call it."""

    def __init__(self, port: int) -> None:
        self.address = f"{LOOPBACK}:{port}"
        self._port = port

    def manifest(self, repository: str, reference: str) -> tuple[str, dict[str, Any]]:
        """The digest and the content of a manifest, by its tag or its digest."""
        connection = HTTPConnection(LOOPBACK, self._port, timeout=10)
        try:
            connection.request(
                "GET", f"/v2/{repository}/manifests/{reference}", headers={"Accept": ",".join(_MANIFESTS)}
            )
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        assert answer.status == 200, content
        return str(answer.headers["Docker-Content-Digest"]), json.loads(content)


@contextmanager
def running_registry(directory: Path) -> Iterator[ContainerRegistry]:
    """A registry with nothing in it, that keeps what it is given in a directory."""
    port = free_port()
    settings = directory / "registry.json"
    # JSON is YAML.
    settings.write_text(
        json.dumps(
            {
                "version": 0.1,
                "storage": {"filesystem": {"rootdirectory": str(directory / "kept")}},
                "http": {"addr": f"{LOOPBACK}:{port}"},
            }
        ),
        encoding="utf-8",
    )
    with (directory / "registry.log").open("wb") as log:
        process = subprocess.Popen([_PROGRAM, "serve", str(settings)], stdout=log, stderr=log)
    try:
        _wait_until_it_listens(process, port)
        yield ContainerRegistry(port)
    finally:
        process.terminate()
        process.wait()


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _SECONDS_TO_START
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection((LOOPBACK, port)).close()
        except ConnectionRefusedError:
            time.sleep(_PAUSE)
        else:
            return
    raise AssertionError("the registry does not listen")
