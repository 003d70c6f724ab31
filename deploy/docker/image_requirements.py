"""``python image_requirements.py token``: what the image of that room needs from others, one requirement a line.

Those are the dependencies of its room and of every room that it needs in turn, with the extras that are asked for.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OURS = re.compile(r"(valetkey-[a-z-]+)(?:\[([a-z,]+)\])?$")


def image_requirements(room: str) -> set[str]:
    """Everything that is not a room, for the room of this directory name. Raises ``KeyError`` for no room of ours."""
    return {requirement for requirement in _all_requirements(room) if OURS.match(requirement) is None}


def image_rooms(room: str) -> set[str]:
    """The distributions of the room of this directory name and of every room that it needs, without extras."""
    return {found[1] for requirement in _all_requirements(room) if (found := OURS.match(requirement))}


def _all_requirements(room: str) -> set[str]:
    projects = {project["name"]: project for project in _projects()}
    seen: set[str] = set()
    waiting = [f"valetkey-{room.replace('_', '-')}"]
    while waiting:
        requirement = waiting.pop()
        ours = OURS.match(requirement)
        if ours is not None and requirement not in seen:
            waiting += _asked(projects[ours[1]], ours[2])
        seen.add(requirement)
    return seen


def _asked(project: dict[str, Any], extras: str | None) -> Iterator[str]:
    yield from project["dependencies"]
    for extra in (extras or "").split(","):
        if extra:
            yield from project["optional-dependencies"][extra]


def _projects() -> Iterator[dict[str, Any]]:
    for file in [ROOT / "proto/pyproject.toml", *sorted(ROOT.glob("services/*/pyproject.toml"))]:
        yield tomllib.loads(file.read_text(encoding="utf-8"))["project"]


if __name__ == "__main__":
    sys.stdout.writelines(f"{requirement}\n" for requirement in sorted(image_requirements(sys.argv[1])))
