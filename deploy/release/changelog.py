"""CHANGELOG.md, in the format of Keep a Changelog: what was released, and the section of the next release."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from deploy.release.refusal import Refusal
from deploy.release.version import Version

FILE = "CHANGELOG.md"
_UNRELEASED = "## [Unreleased]\n"
_RELEASE = re.compile(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)\n", re.MULTILINE)
_HEADING = re.compile(r"^## ", re.MULTILINE)


def newest_release(text: str) -> Version | None:
    """The highest version that has a section; None before the first release."""
    return max((Version.parse(found[1]) for found in _RELEASE.finditer(text)), default=None)


def cut(text: str, version: Version, day: date) -> str:
    """The text in which everything unreleased is the section of this version. Raises ``Refusal`` if nothing is."""
    before, heading, after = text.partition(_UNRELEASED)
    if not heading:
        raise Refusal(f"{FILE} has no section {_UNRELEASED.strip()!r}")
    if not re.search(r"^- ", _until_next_heading(after), re.MULTILINE):
        raise Refusal(f"{FILE} has nothing under {_UNRELEASED.strip()!r}")
    return f"{before}{heading}\n## [{version}] - {day.isoformat()}\n{after}"


def section(text: str, version: Version) -> str:
    """What the release changed, without its heading. Raises ``Refusal`` if it has no section."""
    return _until_next_heading(text[_find(text, version).end() :]).strip() + "\n"


def released_at(text: str, version: Version) -> datetime:
    """The first moment of the day of the release, UTC: the time that everything built for it carries."""
    return datetime.combine(date.fromisoformat(_find(text, version)[2]), datetime.min.time(), UTC)


def _find(text: str, version: Version) -> re.Match[str]:
    for found in _RELEASE.finditer(text):
        if found[1] == str(version):
            return found
    raise Refusal(f"{FILE} has no section for {version}: run `make release VERSION={version}` first")


def _until_next_heading(text: str) -> str:
    return _HEADING.split(text, maxsplit=1)[0]
