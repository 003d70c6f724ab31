"""The files that carry the version of Valetkey, and whether another file names an old one as the present one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from deploy.release.refusal import Refusal
from deploy.release.version import Version

_PROJECT_VERSION = re.compile(r'^version = "(.*)"$', re.MULTILINE)
_CHART_VERSION = re.compile(r"^(version|appVersion): (.*)$", re.MULTILINE)
CHART = Path("helm/valetkey/Chart.yaml")

# "since 0.1.0" and the like are history. A version of something else is not looked for: locks have many.
_HISTORY = r"(?:since|before|until|from|as|of|release|releases|version) "
_HAS_OTHER_VERSIONS = (
    "CHANGELOG.md",
    "helm/valetkey/UPGRADING.md",
    "requirements.in",
    "*.lock",
    "package-lock.json",
    "go.mod",
    "go.sum",
    "tests/cluster/settings.py",  # the version of CNI
    "tests/peers/*",
    "tests/peers/*/*",
    "tests/protocol/test_telemetry_metrics.py",  # the version of OpenMetrics
    "tests/upgrade/previous_release/*",
)


def projects(root: Path) -> list[Path]:
    """The ``pyproject.toml`` of every room, absolute."""
    return [root / "proto/pyproject.toml", *sorted(root.glob("services/*/pyproject.toml"))]


def current_version(root: Path) -> Version:
    """What every room and the chart say. Raises ``Refusal`` unless all say the same."""
    found = {str(file.relative_to(root)): _PROJECT_VERSION.findall(_read(file)) for file in projects(root)}
    found[str(CHART)] = [version for _, version in _CHART_VERSION.findall(_read(root / CHART))]
    versions = {version for each in found.values() for version in each}
    if len(versions) != 1 or not all(found.values()):
        raise Refusal(f"the rooms and the chart disagree about the version: {found}")
    return Version.parse(versions.pop())


def with_version(root: Path, version: Version) -> dict[Path, str]:
    """The text that each of these files has once its version is this one."""
    texts = {file: _PROJECT_VERSION.sub(f'version = "{version}"', _read(file)) for file in projects(root)}
    texts[root / CHART] = _CHART_VERSION.sub(rf"\1: {version}", _read(root / CHART))
    return texts


def mentions(root: Path, files: list[Path], old: Version) -> Iterator[str]:
    """``file:line`` of whatever else would still name the old version, other than as history."""
    carries = {*projects(root), root / CHART}
    named = re.compile(rf"(?<![\w.-])v?{re.escape(str(old))}(?![\w-]|\.\d)")
    history = re.compile(rf"{_HISTORY}`?v?{re.escape(str(old))}", re.IGNORECASE)
    for file in files:
        if root / file in carries or any(file.match(pattern) for pattern in _HAS_OTHER_VERSIONS):
            continue
        for number, line in enumerate((root / file).read_text(encoding="utf-8", errors="ignore").splitlines(), 1):
            if named.search(history.sub("", line)):
                yield f"{file}:{number}"


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8")
