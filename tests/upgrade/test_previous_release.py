"""The previous release is whole, and is another one than this."""

import tomllib

from support.release import PREVIOUS_WHEELS, this_release
from support.repository import ROOT, rooms


def test_every_room_of_the_previous_release_is_there_in_one_version_older_than_this() -> None:
    projects = [tomllib.loads((ROOT / room / "pyproject.toml").read_text())["project"] for room in rooms()]
    wheels = [wheel.name.split("-")[:2] for wheel in PREVIOUS_WHEELS.glob("*.whl")]
    current, previous = {project["version"] for project in projects}, {version for _, version in wheels}

    assert sorted(name for name, _ in wheels) == sorted(project["name"].replace("-", "_") for project in projects)
    assert len(previous) == 1
    assert current == {this_release().version}
    assert parts(previous.pop()) < parts(current.pop())


def parts(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]
