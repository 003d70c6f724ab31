"""From a clean checkout of ``main`` to one that is the release: all checks come before the first change."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from deploy.release import changelog
from deploy.release.git import git, tracked_files
from deploy.release.refusal import Refusal
from deploy.release.source import check_clean
from deploy.release.version import Version
from deploy.release.versioned_files import current_version, mentions, with_version

BRANCH = "main"


def prepare(root: Path, version: Version, day: date) -> list[Path]:
    """Set the version everywhere and date its changes; the files that have been written. Raises ``Refusal``."""
    _check_checkout(root, version)
    history = root / changelog.FILE
    text = history.read_text(encoding="utf-8")
    old = current_version(root)
    _check_order(version, old, changelog.newest_release(text))
    written = {**with_version(root, version), history: changelog.cut(text, version, day)}
    if version != old:
        left = list(mentions(root, tracked_files(root), old))
        if left:
            raise Refusal(f"these lines name {old} as the present version: {', '.join(left)}")
    for file, content in written.items():
        file.write_text(content, encoding="utf-8")
    return list(written)


def commit(root: Path, version: Version, files: list[Path]) -> None:
    """Commit the release, and give it an annotated tag whose message is its section of the changelog."""
    notes = changelog.section((root / changelog.FILE).read_text(encoding="utf-8"), version)
    git(root, "commit", "--quiet", "--message", f"release: {version}", "--", *map(str, files))
    git(root, "tag", "--annotate", f"v{version}", "--cleanup=verbatim", "--message", f"Valetkey {version}\n\n{notes}")


def _check_checkout(root: Path, version: Version) -> None:
    check_clean(root)
    branch = git(root, "branch", "--show-current")
    if branch != BRANCH:
        raise Refusal(f"releases are made on {BRANCH}, and this is {branch or 'no branch'}")
    if git(root, "tag", "--list", f"v{version}"):
        raise Refusal(f"the tag v{version} exists")


def _check_order(version: Version, current: Version, released: Version | None) -> None:
    # The checkout has the number of the next release as soon as its first incompatible change needs it.
    if released is not None and version <= released:
        raise Refusal(f"{version} is not higher than the newest release, {released}")
    if version < current:
        raise Refusal(f"{version} is lower than {current}, which the checkout says it is")
