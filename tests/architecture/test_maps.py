"""The map in each room's README names every folder and file, and nothing that is not there."""

import re
from pathlib import Path

import pytest

from support.repository import ROOT, repository_files, rooms

ROOMS = [room for room in rooms() if room.name != "proto"]
NOT_ON_A_MAP = {"__init__.py", "__main__.py", "py.typed", "templates", "static", "versions"}


def places(room: Path) -> set[str]:
    """Every folder of the room, at any depth, and every file that is in no folder."""
    package = room / "valetkey" / room.name
    inside = [path.relative_to(package) for path in repository_files() if path.is_relative_to(package)]
    folders = {f"{parent.as_posix()}/" for path in inside for parent in path.parents if parent.name}
    files = {path.name for path in inside if len(path.parts) == 1}
    return {place for place in folders | files if not NOT_ON_A_MAP & set(place.split("/"))}


def mapped(room: Path) -> list[str]:
    text = (ROOT / room / "README.md").read_text(encoding="utf-8")
    found = re.search(r"^## Map\n\n(Start reading at .*?)\n\n\|(.*?)\n(?=\n|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"{room}/README.md has no section `## Map` that says where to start reading"
    return [name for row in found[2].splitlines()[2:] for name in re.findall(r"`([^`]+)`", row.split("|")[1])]


@pytest.mark.parametrize("room", ROOMS, ids=str)
def test_the_map_of_a_room_is_its_tree(room: Path) -> None:
    names = mapped(room)

    assert sorted(names) == sorted(places(room))


@pytest.mark.parametrize("room", ROOMS, ids=str)
def test_files_that_a_map_names_are_there(room: Path) -> None:
    text = (ROOT / room / "README.md").read_text(encoding="utf-8")
    section = text[text.index("## Map") :].split("\n## ")[0]
    names = set(re.findall(r"`((?:\w+/)*\w+\.py)`", section))
    package = room / "valetkey" / room.name
    there = {path.relative_to(package).as_posix() for path in repository_files() if path.is_relative_to(package)}

    missing = {name for name in names if not any(path == name or path.endswith(f"/{name}") for path in there)}

    # A row may point into another room.
    elsewhere = {path.as_posix() for path in repository_files()}
    assert not {name for name in missing if not any(path.endswith(f"/{name}") for path in elsewhere)}
