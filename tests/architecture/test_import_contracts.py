"""Which room may import which: the contracts themselves stand in pyproject.toml."""

import subprocess
import sys

from support.repository import ROOT


def test_every_import_contract_is_kept() -> None:
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"

    checked = subprocess.run(
        [sys.executable, "-c", program, "--no-logo"],
        cwd=ROOT,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

    assert checked.returncode == 0, checked.stdout
