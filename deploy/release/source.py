"""What a release is built from: the files that git tracks, as they are in the checkout, and nothing beside them."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from deploy.release.git import git
from deploy.release.refusal import Refusal


def check_clean(root: Path) -> None:
    """Raise ``Refusal`` if the checkout holds anything that is not committed, or is to be ignored."""
    changed = git(root, "status", "--porcelain")
    if changed:
        raise Refusal(f"the checkout has changes that are not committed:\n{changed}")


def tree(root: Path) -> str:
    """What git calls the tracked files as they are now: the tree of the next commit, or of this one if it is clean."""
    with tempfile.TemporaryDirectory() as directory:
        environment = {**os.environ, "GIT_INDEX_FILE": str(Path(directory) / "index")}
        git(root, "read-tree", "HEAD", environment=environment)
        git(root, "add", "--update", environment=environment)
        return git(root, "write-tree", environment=environment)


def export(root: Path, of: str, into: Path) -> None:
    """Write the files of a tree into an empty directory."""
    # Modes are those of a checkout, on whatever machine: the engine compares them with what it has built before.
    command = ["git", "-c", "tar.umask=0022", "archive", "--format=tar", of]
    packed = subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE).stdout
    subprocess.run(["tar", "--extract", "--directory", into], input=packed, check=True)
