"""What git knows of the checkout."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path


def git(root: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """What git prints. Raises ``CalledProcessError``."""
    done = subprocess.run(["git", *arguments], cwd=root, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip()


def tracked_files(root: Path) -> list[Path]:
    """Every file of the checkout, relative to its root; symbolic links and submodules excepted."""
    listed = git(root, "ls-files", "-z").split("\0")
    return [path for path in map(Path, filter(None, listed)) if (root / path).is_file()]
