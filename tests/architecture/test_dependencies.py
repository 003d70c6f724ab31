"""Where the packages of others come from, and which of them a checkout has."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from aiohttp.http_parser import HttpRequestParser, HttpRequestParserPy

from support.repository import ROOT, repository_files, rooms

# Written in two parts, so that this file does not name them either.
REGISTRIES = re.compile(
    "|".join(
        rf"{name}\.{domain}"
        for name, domain in [
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("npmjs", "(org|com)"),
            ("yarnpkg", "com"),
            ("proxy.golang", "org"),
            ("crates", "io"),
            ("rubygems", "org"),
        ]
    ),
    re.IGNORECASE,
)


def test_no_file_names_the_address_of_a_package_registry() -> None:
    naming = [path for path in repository_files() if REGISTRIES.search((ROOT / path).read_text(errors="ignore"))]

    assert not naming


def test_the_lock_names_no_source_and_the_hash_of_every_package() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    packages = re.findall(r"^[a-z0-9].*?(?=^[a-z0-9]|\Z)", lock, re.MULTILINE | re.DOTALL)

    assert packages
    assert not [package.split("\n")[0] for package in packages if "--hash=sha256:" not in package]
    assert not re.findall(r"https?://|--(?:extra-)?index-url|--find-links| @ ", lock)


def test_what_is_asked_for_is_what_is_locked() -> None:
    asked = {_name(line) for line in _lines("requirements.in")}

    assert not asked - _locked()


@pytest.mark.parametrize("room", rooms(), ids=str)
def test_every_dependency_of_a_room_is_locked(room: Path) -> None:
    project = tomllib.loads((ROOT / room / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = [line for lines in project.get("optional-dependencies", {}).values() for line in lines]
    needed = {_name(line) for line in [*project["dependencies"], *optional]}

    missing = {name for name in needed - _locked() if not name.startswith("valetkey-")}

    assert not missing


def _locked() -> set[str]:
    return {_name(line) for line in _lines("requirements.lock") if "==" in line}


def _lines(file: str) -> list[str]:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and line[0].isalnum()]


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None
    return re.sub(r"[-_.]+", "-", found[0]).lower()


@pytest.mark.requirement("security 54: aiohttp is pinned, for its parser is the front door")
def test_the_http_parser_that_is_locked_is_the_one_that_runs() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = re.search(r"^aiohttp==(\S+)", lock, re.MULTILINE)

    assert locked
    assert version("aiohttp") == locked[1]
    assert HttpRequestParser is not HttpRequestParserPy, "the C parser is not in use"
