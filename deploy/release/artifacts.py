"""The files of a release: a wheel of each room, the chart, a bill of materials of each image, notes and checksums."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.docker.image_requirements import image_rooms
from deploy.release import changelog
from deploy.release.chart_images import COMPONENTS, with_images
from deploy.release.version import Version
from deploy.release.versioned_files import CHART, projects

CHECKSUMS = "SHA256SUMS"
_PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Images:
    """Images that have been pushed: their registry with the path in it, and the digest of each service's."""

    registry: str
    digests: Mapping[str, str]


def build(root: Path, version: Version, into: Path, images: Images | None) -> None:
    """Write every file of the release into an empty directory. Without ``images`` the chart names them by tag."""
    text = (root / changelog.FILE).read_text(encoding="utf-8")
    notes = changelog.section(text, version)
    values = (root / CHART.parent / "values.yaml").read_text(encoding="utf-8")
    if images is not None:
        values = with_images(values, images.registry, images.digests)
    # Whatever is built for a release carries its day, so that the same sources give the same wheels.
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(int(changelog.released_at(text, version).timestamp()))}
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    for project in projects(root):
        _run(environment, project.parent, sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", into)
    _package_chart(root, values, into, environment)
    for service in COMPONENTS:
        _write_bill_of_materials(root, service, version, into, environment)
    (into / "NOTES.md").write_text(notes, encoding="utf-8")
    _write_checksums(into)


def _package_chart(root: Path, values: str, into: Path, environment: Mapping[str, str]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        chart = Path(directory) / "valetkey"
        shutil.copytree(root / CHART.parent, chart)
        (chart / "values.yaml").write_text(values, encoding="utf-8")
        _run(environment, root, _PROGRAMS / "helm", "package", chart, "--destination", into)


def _write_bill_of_materials(
    root: Path, service: str, version: Version, into: Path, environment: Mapping[str, str]
) -> None:
    """CycloneDX, of what the image installs: its lock, and the rooms that are built here."""
    locked = (root / f"deploy/docker/requirements/{service}.lock").read_text(encoding="utf-8")
    rooms = "".join(f"{room}=={version}\n" for room in sorted(image_rooms(service)))
    name = f"valetkey-{service.replace('_', '-')}-{version}.cdx.json"
    command: list[str | Path] = [
        _PROGRAMS / "cyclonedx-py",
        "requirements",
        "--no-validate",
        "--output-reproducible",
        "--short-PURLs",
    ]
    command += ["--pyproject", root / f"services/{service}/pyproject.toml", "--output-file", into / name, "-"]
    _run(environment, root, *command, given=f"{locked}\n{rooms}")


def _write_checksums(into: Path) -> None:
    sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in sorted(into.iterdir())]
    (into / CHECKSUMS).write_text("".join(sums), encoding="utf-8")


def _run(environment: Mapping[str, str], where: Path, *command: str | Path, given: str = "") -> None:
    """Run a program that is heard only when it fails."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=where,
        env=environment,
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.stderr.write(done.stdout)
        done.check_returncode()
