"""A release of Valetkey to start processes of: the working tree, or wheels that an earlier commit was built into."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from support.repository import ROOT

PREVIOUS_WHEELS = ROOT / "tests" / "upgrade" / "previous_release"
_RUNNER = ROOT / "tests" / "upgrade" / "run_release.py"


@dataclass(frozen=True, slots=True)
class Release:
    """``directory`` holds every room of it, and nothing else; None is the working tree.

    ``settings`` are those that the previous release does not know.
    """

    version: str
    directory: Path | None = None
    settings: Mapping[str, str] = field(default_factory=dict)

    def command(self, module: str, *arguments: str) -> list[str]:
        """What starts a module of this release, with the third-party libraries of this environment."""
        if self.directory is None:
            return [sys.executable, "-m", module, *arguments]
        libraries = sysconfig.get_path("purelib")
        # -S reads no .pth file, so the rooms of the working tree cannot be found; -I looks into no PYTHONPATH.
        return [sys.executable, "-I", "-S", str(_RUNNER), str(self.directory), libraries, module, *arguments]


def this_release() -> Release:
    """The working tree, in which one user may have as much as a whole load of them makes."""
    limits = ("SESSIONS_PER_USER", "GRANTS_PER_USER_AND_CLIENT", "CODES_PER_USER_AND_CLIENT")
    more = ("CODES_PER_SESSION", "CODES_PER_USER", "INTERACTIONS_PER_BROWSER")
    return Release(version("valetkey-runtime"), settings={f"VALETKEY_{name}": "100000" for name in (*limits, *more)})


def install_previous_release(directory: Path) -> Release:
    """Unpack the wheels of the previous release, without what they depend on."""
    wheels = sorted(PREVIOUS_WHEELS.glob("*.whl"))
    uv = Path(sysconfig.get_path("scripts")) / "uv"
    options = ["--quiet", "--no-config", "--offline", "--no-index", "--no-deps", "--target", str(directory)]
    subprocess.run([uv, "pip", "install", "--python", sys.executable, *options, *wheels], check=True)
    versions = {wheel.name.split("-")[1] for wheel in wheels}
    assert len(versions) == 1, versions
    return Release(versions.pop(), directory)
