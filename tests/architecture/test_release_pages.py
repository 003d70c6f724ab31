"""What pages say about releases: how to get one, and no version that is still to come."""

import re
import tomllib

import pytest

from deploy.release.version import Version
from deploy.release.versioned_files import mentions
from support.repository import ROOT, repository_files

INSTALLER = re.compile(r"(?:pip3?|pipx|uv(?: tool)?) (?:install|download|add|run)\b(.*)")
WRITTEN = {".md", ".txt", ".html", ".yaml", ".yml", ".tpl", ".toml", ".py", ".sh", ".service"}


def test_nothing_installs_a_distribution_of_ours_from_an_index() -> None:
    """They are on none: what is found there under such a name is another's."""
    pages = [path for path in repository_files() if path.suffix in WRITTEN and path.parts[0] != "tests"]
    lines = [(path, line) for path in pages for line in (ROOT / path).read_text(encoding="utf-8").splitlines()]

    installed = [(path, found[1]) for path, line in lines if (found := INSTALLER.search(line))]

    named = [(str(path), what) for path, what in installed if re.search(r"(?<![\w/])valetkey[-_]", what)]
    assert installed
    assert [each for each in named if ".whl" not in each[1]] == []


@pytest.mark.parametrize("part", [0, 1, 2])
def test_no_page_names_a_version_that_is_still_to_come(part: int) -> None:
    """The release after it would be refused for that line."""
    current = str(tomllib.loads((ROOT / "proto/pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])
    numbers = [int(number) for number in current.split(".")]
    coming = [*numbers[:part], numbers[part] + 1, *([0] * (2 - part))]

    assert list(mentions(ROOT, list(repository_files()), Version(*coming))) == []


def test_the_guides_name_targets_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    guides = [ROOT / "deploy/release/README.md", ROOT / "deploy/systemd/README.md", ROOT / "CONTRIBUTING.md"]

    named = {name for guide in guides for name in re.findall(r"make (release[a-z-]*)", guide.read_text("utf-8"))}

    assert named == {"release", "release-images", "release-files", "release-chart"}
    assert named <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
