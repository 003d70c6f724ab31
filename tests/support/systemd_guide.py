"""The guide for machines without containers: its commands, typed where the files of a release are."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from support.systemd_unit import UNITS

_GUIDE = (UNITS / "README.md").read_text(encoding="utf-8")
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("VALETKEY_")}
# This machine's own directories of wheels are none of the guide's.
ENVIRONMENT.pop("PIP_FIND_LINKS", None)


def _blocks(section: str) -> list[list[str]]:
    """The commands of each block of a section, as root types them."""
    text = re.split(r"^## ", _GUIDE.partition(f"\n## {section}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    consoles = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    return [re.findall(r"^# (.*)$", console, re.MULTILINE) for console in consoles]


INSTALL, DOWNLOAD, INSTALL_OFFLINE = _blocks("Installing")
(START,) = _blocks("Starting")


@dataclass(frozen=True)
class Machine:
    """The files of the release, and what would be ``/opt/valetkey``."""

    files: Path
    program_directory: Path

    def type(self, commands: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
        """Run commands of the guide where the files are; they stop at the first that fails."""
        script = "\n".join(commands).replace("/opt/valetkey", str(self.program_directory))
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.files,
            env={**ENVIRONMENT, **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    def program(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the program that has been installed."""
        command = [str(self.program_directory / "bin/valetkey"), *arguments]
        return subprocess.run(command, env={**ENVIRONMENT, **variables}, capture_output=True, text=True, check=False)
