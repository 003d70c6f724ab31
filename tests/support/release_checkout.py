"""Repositories that hold this working tree, and the program that makes releases of them."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

from deploy.release import changelog
from deploy.release.versioned_files import current_version
from support.repository import ROOT, repository_files

_DAY = date(2031, 2, 3)
_WHO = ("GIT_AUTHOR", "GIT_COMMITTER")
_IDENTITY = {f"{who}_{what}": "release@example.com" for who in _WHO for what in ("NAME", "EMAIL")}


def write_repository(directory: Path) -> None:
    """This working tree as the first commit of a repository of its own, as old as the commit that is checked out."""
    for path in repository_files():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / path).is_symlink():
            target.symlink_to((ROOT / path).readlink())
        else:
            target.write_bytes((ROOT / path).read_bytes())
            target.chmod((ROOT / path).stat().st_mode & 0o777)
    # A link to a directory is no file to `repository_files`.
    for link in filter(Path.is_symlink, (ROOT / "helm/valetkey/files").iterdir()):
        target = directory / link.relative_to(ROOT)
        if not target.is_symlink():
            target.symlink_to(link.readlink())
    git(directory, "init", "--quiet", "--initial-branch=main")
    git(directory, "add", "--all")
    commit(directory, "everything")


def write_release(directory: Path) -> Path:
    """This working tree as a repository of one commit, the release of the version that the working tree has."""
    directory.mkdir()
    write_repository(directory)
    history = directory / changelog.FILE
    text = history.read_text(encoding="utf-8")
    if changelog.newest_release(text) != current_version(directory):
        history.write_text(changelog.cut(text, current_version(directory), _DAY), encoding="utf-8")
        commit(directory, "released", "--amend")
    return directory


def clone(repository: Path, directory: Path) -> Path:
    """A clone that may be changed, in a directory that is not there yet."""
    git(repository, "clone", "--quiet", "--local", ".", str(directory))
    return directory


def commit(checkout: Path, message: str, *options: str) -> None:
    """Commit whatever has changed."""
    git(checkout, "commit", "--quiet", "--all", "--message", message, *options)


def git(where: Path, *arguments: str) -> str:
    """What git prints."""
    return _run(where, "git", *arguments, environment={**os.environ, **_dated_identity()}).stdout.strip()


def release(checkout: Path, *arguments: str, umask: int = 0o022, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m deploy.release`` with no more of this environment than it needs."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(checkout.parent), **_dated_identity(), **variables}
    return subprocess.run(
        [sys.executable, "-m", "deploy.release", *arguments],
        cwd=checkout,
        env=environment,
        umask=umask,
        capture_output=True,
        text=True,
        check=False,
    )


def run_release_program(checkout: Path, *arguments: str) -> str:
    """What ``python -m deploy.release`` prints with all of this environment, as mirrors and engines may need it."""
    command = [sys.executable, "-m", "deploy.release", *arguments]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def _dated_identity() -> dict[str, str]:
    """Images carry the time of the commit: the same time here means that the engine has most of them already."""
    command = ("git", "log", "-1", "--format=%cI")
    return {**_IDENTITY, "GIT_COMMITTER_DATE": _run(ROOT, *command, environment=os.environ.copy()).stdout.strip()}


def _run(where: Path, *command: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=where, env=environment, check=True, capture_output=True, text=True)
