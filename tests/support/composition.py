"""deploy/compose.yaml as it is, started by ``docker compose`` beside whatever else runs on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from deploy.release.registry import python_image
from support.containers import IMAGE_TAG, docker, inspect
from support.demo_profile import demo_party
from support.relying_party import RelyingParty
from support.repository import ROOT
from valetkey.demo.free_port import LOOPBACK, free_port

STAND_IN = ROOT / "tests/system/stand_in"
# In this order: what the file names, and what a machine without a registry may have instead.
IMAGES = {
    "NGINX_IMAGE": ("nginx:1.28-bookworm", "valetkey-stand-in-nginx:dev"),
    "POSTGRES_IMAGE": ("postgres:17-bookworm", "postgres:15"),
    "REDIS_IMAGE": ("redis:7-bookworm", "redis:7"),
}
_UP_SECONDS = 400


@dataclass
class Composition:
    """A project of its own, with secrets of its own; ``up`` and ``down`` belong together."""

    directory: Path
    replicas: int = 2
    project: str = field(default_factory=lambda: f"valetkey-test-{os.getpid()}")

    def __post_init__(self) -> None:
        self.port = free_port()
        self.issuer = f"http://{LOOPBACK}:{self.port}"
        shutil.copytree(ROOT / "deploy", self.directory / "deploy", ignore=shutil.ignore_patterns("secrets"))
        self._deploy = self.directory / "deploy"
        self._files = [self._deploy / "compose.yaml"]
        self._environment = {
            "VALETKEY_ISSUER": self.issuer,
            "VALETKEY_PUBLISHED_PORT": str(self.port),
            "VALETKEY_REPLICAS": str(self.replicas),
            "VALETKEY_TAG": IMAGE_TAG,
        }

    def up(self) -> None:
        """Everything, with the profile demo, until it is healthy. An ``AssertionError`` shows the last messages."""
        self._choose_images()
        subprocess.run([self._deploy / "compose/secrets.sh"], check=True)
        done = self._compose("--profile", "demo", "up", "--detach", "--wait")
        assert done.returncode == 0, done.stderr[-3000:] + self._compose("logs", "--tail", "5").stdout[-6000:]

    def down(self) -> None:
        """Containers, networks and volumes are gone."""
        self._compose("--profile", "*", "down", "--volumes", "--timeout", "1")

    def secret(self, name: str) -> str:
        """What ``secrets.sh`` made."""
        return (self._deploy / "compose/secrets" / name).read_text(encoding="utf-8")

    @property
    def containers(self) -> list[str]:
        """The names of all containers, those that have ended included."""
        named = docker(
            "ps", "--all", "--format", "{{.Names}}", "--filter", f"label=com.docker.compose.project={self.project}"
        )
        return sorted(named.stdout.split())

    def replicas_of(self, service: str) -> list[str]:
        """The names of the containers of a service."""
        return [name for name in self.containers if name.removeprefix(f"{self.project}-")[:-2] == service]

    def operate(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """``docker compose run --rm operator ...``."""
        return self._compose("run", "--rm", "--no-deps", "operator", *arguments)

    def party(self, client: str) -> RelyingParty:
        """A client of the demo profile and its user: web, machine or api."""
        return demo_party(self.issuer, client, self.secret)

    def _compose(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        files = [word for file in self._files for word in ("--file", str(file))]
        return subprocess.run(
            ["docker", "compose", "--project-name", self.project, *files, *arguments],
            env={**os.environ, **self._environment},
            check=False,
            capture_output=True,
            text=True,
            timeout=_UP_SECONDS,
        )

    def _choose_images(self) -> None:
        for variable, (wanted, local) in IMAGES.items():
            if is_here(wanted) or docker("pull", "--quiet", wanted, check=False).returncode == 0:
                continue
            if variable == "NGINX_IMAGE" and not is_here(local):
                build_stand_in(local)
            assert is_here(local), f"neither {wanted} nor {local} can be had"
            sys.stderr.write(f"\n{wanted} cannot be had: {local} stands in\n")
            self._environment[variable] = local
        if "docker-entrypoint.sh" not in str(
            inspect(self._environment.get("POSTGRES_IMAGE", IMAGES["POSTGRES_IMAGE"][0]))
        ):
            self._files.append(STAND_IN / "postgres.yaml")


def is_here(image: str) -> bool:
    """Whether the engine has it."""
    return docker("image", "inspect", image, check=False).returncode == 0


def build_stand_in(image: str) -> None:
    """nginx out of Debian's packages."""
    file = str(STAND_IN / "nginx.Dockerfile")
    argument = f"PYTHON_IMAGE={python_image()}"
    docker(
        "build",
        "--network",
        "host",
        "--build-arg",
        argument,
        "--tag",
        image,
        "--file",
        file,
        str(STAND_IN),
        seconds=600,
    )
