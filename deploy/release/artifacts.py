"""The files of a release: wheels and what they need, the chart, bills of materials, notes, provenance and checksums.

The same tree of git gives the same bytes, on whatever day and in whatever directory.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from deploy.docker.image_requirements import image_rooms
from deploy.release import bill_of_materials, changelog, notes, requirements
from deploy.release.archive import make_reproducible, write_archive
from deploy.release.chart_changes import with_changes
from deploy.release.chart_images import with_images
from deploy.release.images import SERVICES, Images, image_name
from deploy.release.provenance import statement
from deploy.release.source import export, tree
from deploy.release.version import Version
from deploy.release.versioned_files import CHART, projects

CHECKSUMS = "SHA256SUMS"
_PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class _Build:
    source: Path
    into: Path
    version: Version
    moment: int

    def run(self, where: Path, *command: str | Path, given: str = "") -> None:
        """Run a program that is heard only when it fails."""
        done = subprocess.run(
            [str(word) for word in command],
            cwd=where,
            env={**os.environ, "SOURCE_DATE_EPOCH": str(self.moment)},
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.stderr.write(done.stdout)
            done.check_returncode()


def build(root: Path, version: Version, into: Path, images: Images | None) -> None:
    """Write every file of the release into an empty directory. Without ``images`` the chart names them by tag."""
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    of = tree(root)
    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory)
        export(root, of, source)
        text = (source / changelog.FILE).read_text(encoding="utf-8")
        # Whatever is built for a release carries its day.
        moment = int(changelog.released_at(text, version).timestamp())
        built = _Build(source, into, version, moment)
        _build_wheels(built)
        _package_chart(built, changelog.section(text, version), images)
        _package_for_machines(built)
        _list_materials(built)
        _write(into / notes.FILE, notes.notes(changelog.section(text, version), version, images))
        _write(into / requirements.FILE, requirements.requirements(source, version, into))
        _write(into / f"valetkey-{version}.provenance.json", statement(source, of, version, moment, into, images))
        _write_checksums(into)


def chart_archive(into: Path, version: Version) -> Path:
    """The archive of the chart."""
    return into / f"valetkey-{version}.tgz"


def _build_wheels(built: _Build) -> None:
    for project in projects(built.source):
        built.run(project.parent, sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", built.into)


def _package_chart(built: _Build, changes: str, images: Images | None) -> None:
    description, chart = built.source / CHART, built.source / CHART.parent
    _write(description, with_changes(description.read_text(encoding="utf-8"), changes))
    if images is not None:
        values = chart / "values.yaml"
        _write(values, with_images(values.read_text(encoding="utf-8"), images))
    built.run(built.source, _PROGRAMS / "helm", "package", chart, "--destination", built.into)
    make_reproducible(chart_archive(built.into, built.version), built.moment)


def _package_for_machines(built: _Build) -> None:
    """What the guide for machines without containers copies, and the guide."""
    directory = built.source / "deploy/systemd"
    files = [each for each in directory.iterdir() if each.suffix in {".md", ".service", ".timer"}]
    files.append(built.source / "deploy/postgres/roles.sql")
    name = f"valetkey-systemd-{built.version}"
    content = {f"{name}/{file.name}": file.read_bytes() for file in sorted(files)}
    write_archive(built.into / f"{name}.tgz", content, built.moment)


def _list_materials(built: _Build) -> None:
    """A bill of materials for each image, and one for the wheels: the lock, and the rooms that are built here."""
    for service in SERVICES:
        lock = Path(f"deploy/docker/requirements/{service}.lock")
        _list_material(built, image_name(service), service, lock, image_rooms(service))
    _list_material(built, "valetkey-wheels", "cli", requirements.LOCK, image_rooms(requirements.PROGRAM))


def _list_material(built: _Build, name: str, room: str, lock: Path, rooms: set[str]) -> None:
    """CycloneDX, of what a lock installs together with some rooms."""
    bill = built.into / f"{name}-{built.version}.cdx.json"
    locked = (built.source / lock).read_text(encoding="utf-8")
    ours = "".join(f"{each}=={built.version}\n" for each in sorted(rooms))
    options: list[str | Path] = ["--no-validate", "--output-reproducible", "--short-PURLs", "--output-file", bill]
    project = built.source / f"services/{room}/pyproject.toml"
    command: list[str | Path] = [_PROGRAMS / "cyclonedx-py", "requirements", *options, "--pyproject", project, "-"]
    built.run(built.source, *command, given=f"{locked}\n{ours}")
    _write(bill, bill_of_materials.with_ours(bill.read_text(encoding="utf-8"), rooms))


def _write_checksums(into: Path) -> None:
    sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in sorted(into.iterdir())]
    _write(into / CHECKSUMS, "".join(sums))


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
