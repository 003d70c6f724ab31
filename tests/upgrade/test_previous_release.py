"""The previous release is whole, and is another one than this."""

import re
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

from support.release import PREVIOUS_WHEELS, this_release
from support.repository import ROOT, rooms

WHEELS = sorted(PREVIOUS_WHEELS.glob("*.whl"))


def test_the_previous_release_has_every_room_that_its_own_rooms_ask_for() -> None:
    names = {wheel.name.split("-")[0].replace("_", "-") for wheel in WHEELS}

    asked = {name for wheel in WHEELS for name in rooms_asked_for(wheel)}

    assert names
    assert not asked - names


def test_the_previous_release_is_one_version_older_than_this() -> None:
    projects = [tomllib.loads((ROOT / room / "pyproject.toml").read_text())["project"] for room in rooms()]
    current, previous = {project["version"] for project in projects}, {wheel.name.split("-")[1] for wheel in WHEELS}

    assert len(previous) == 1
    assert current == {this_release().version}
    assert parts(previous.pop()) < parts(current.pop())


def rooms_asked_for(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        headers = Parser().parsestr(archive.read(metadata).decode())
    return re.findall(r"^(valetkey-[a-z-]+)", "\n".join(headers.get_all("Requires-Dist", [])), re.MULTILINE)


def parts(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]
