"""The rooms of the house, and what may not be one."""

from pathlib import Path

import pytest

from support.repository import ROOT, repository_files, rooms

TOP_LEVEL = {"services", "deploy", "helm", "proto", "tests", "Makefile", "README.md", "skaffold.yaml"}
WHAT_TOOLS_EXPECT = {
    "pyproject.toml",
    "requirements.in",
    "requirements.lock",
    "LICENSE",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
}
NOT_A_ROOM = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager"}


def test_the_top_level_holds_the_rooms_and_what_tools_expect() -> None:
    entries = {path.parts[0] for path in repository_files()}

    unexpected = {entry for entry in entries - TOP_LEVEL - WHAT_TOOLS_EXPECT if not entry.startswith(".")}

    assert not unexpected


def test_the_namespace_belongs_to_no_room() -> None:
    packages = [path for path in repository_files() if path.match("valetkey/__init__.py")]

    assert not packages


@pytest.mark.parametrize("room", rooms(), ids=str)
@pytest.mark.parametrize("file", ["pyproject.toml", "README.md"])
def test_every_room_says_what_it_needs_and_what_it_is_for(room: Path, file: str) -> None:
    assert (ROOT / room / file).is_file()


@pytest.mark.parametrize("room", [room for room in rooms() if room.name != "proto"], ids=str)
def test_every_room_holds_one_typed_package_of_its_own_name(room: Path) -> None:
    packages = {path.parts[3] for path in repository_files() if path.is_relative_to(room / "valetkey")}

    assert packages == {room.name}
    assert (ROOT / room / "valetkey" / room.name / "__init__.py").is_file()
    assert (ROOT / room / "valetkey" / room.name / "py.typed").is_file()


def test_nothing_is_named_after_what_it_is_not() -> None:
    misnamed = [path for path in repository_files() if NOT_A_ROOM & {part.split(".")[0] for part in path.parts}]

    assert not misnamed
