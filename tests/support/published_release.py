"""A release of this working tree, pushed to a registry on this machine as a maintainer would push it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.release.versioned_files import current_version
from support.container_registry import ContainerRegistry, running_registry
from support.containers import docker
from support.release_checkout import run_release_program, write_release


@dataclass(frozen=True)
class PublishedRelease:
    """``chart`` is its name with its digest."""

    registry: ContainerRegistry
    checkout: Path
    version: str
    said_of_images: str
    chart: str

    @property
    def files(self) -> Path:
        """Where the files of the release are."""
        return self.checkout / "build/release"

    @property
    def path(self) -> str:
        """The registry, with the path in it."""
        return f"{self.registry.address}/team"

    @property
    def digests(self) -> dict[str, str]:
        """By the name of the image."""
        pushed = rf"^{re.escape(self.path)}/([a-z-]+)@(sha256:[0-9a-f]{{64}})$"
        return dict(re.findall(pushed, self.said_of_images, re.MULTILINE))


@contextmanager
def published_release(directory: Path) -> Iterator[PublishedRelease]:
    """Push everything; the engine forgets the names when it is over."""
    checkout = write_release(directory / "checkout")
    version = str(current_version(checkout))
    with running_registry(directory) as registry:
        path = f"{registry.address}/team"
        images = run_release_program(checkout, "images", path)
        digests = [word for file in (checkout / "build/digests").iterdir() for word in file.read_text().split()]
        run_release_program(checkout, "build", "--registry", path, *digests)
        chart = run_release_program(checkout, "chart", path).strip()
        yield PublishedRelease(registry, checkout, version, images, chart)
    named = docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", f"{path}/*").stdout.split()
    docker("image", "rm", *(name for name in named if not name.endswith(":<none>")))
