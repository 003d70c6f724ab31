"""What goes into each image, and onto a machine without containers, is locked, and is what its room asks for."""

import re
from functools import cache
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from support.repository import ROOT

IMAGES = ["authorize", "token", "introspection", "mailer", "compact", "key_rotation", "cli"]
LOCKS = ROOT / "deploy/docker/requirements"
MACHINE = ROOT / "deploy/systemd/requirements.lock"
EVERY_LOCK = [*(LOCKS / f"{image}.lock" for image in (*IMAGES, "build")), MACHINE]


def name_of(lock: Path) -> str:
    return f"{lock.parent.name}/{lock.stem}"


def test_every_image_has_a_lock_and_every_lock_an_image() -> None:
    locks = {path.stem for path in LOCKS.iterdir()}

    assert locks == {*IMAGES, "build"}


@pytest.mark.parametrize("lock", EVERY_LOCK, ids=name_of)
def test_the_versions_that_are_tested_are_installed(lock: Path) -> None:
    everywhere = pinned((ROOT / "requirements.lock").read_text(encoding="utf-8"))

    versions = pinned(lock.read_text(encoding="utf-8"))

    assert versions
    assert not {name: version for name, version in versions.items() if everywhere[name] != version}


@pytest.mark.parametrize("lock", EVERY_LOCK, ids=name_of)
def test_a_lock_names_no_source_and_every_hash(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    packages = re.findall(r"^[a-z0-9].*?(?=^[a-z0-9]|\Z)", text, re.MULTILINE | re.DOTALL)

    assert packages
    assert all("--hash=sha256:" in package for package in packages)
    assert not re.findall(r"https?://|--(?:extra-)?index-url|--find-links| @ ", text)


@pytest.mark.parametrize("image", IMAGES)
def test_the_lock_of_an_image_is_what_its_room_needs_and_no_more(image: str) -> None:
    lock = (LOCKS / f"{image}.lock").read_text(encoding="utf-8")

    locked = {name for name, marker in markers(lock) if marker is None or Marker(marker).evaluate()}

    assert locked == {name for name in needed(f"valetkey-{image.replace('_', '-')}") if "valetkey" not in name}


def test_the_lock_of_a_machine_is_what_the_program_needs_with_every_service_and_no_more() -> None:
    lock = MACHINE.read_text(encoding="utf-8")

    locked = {name for name, marker in markers(lock) if marker is None or Marker(marker).evaluate()}

    extras = frozenset({"serve"})
    assert locked == {name for name in needed("valetkey-cli", extras) if "valetkey" not in name}


def pinned(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", lock, re.MULTILINE))


def markers(lock: str) -> list[tuple[str, str | None]]:
    found = re.findall(r"^([a-z0-9-]+)==[^\s;]+(?: ; (.*?))? \\$", lock, re.MULTILINE)
    return [(name, marker or None) for name, marker in found]


@cache
def needed(distribution: str, extras: frozenset[str] = frozenset()) -> frozenset[str]:
    """This distribution and whatever it needs, on this Python and this machine, as their own metadata tell."""
    found: set[str] = {canonicalize_name(distribution)}
    for line in requires(distribution) or ():
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in (extras or {""})):
            found |= needed(requirement.name, frozenset(requirement.extras))
    return frozenset(found)
