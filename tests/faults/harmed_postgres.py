"""A PostgreSQL that can run out of connections and of disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres

if TYPE_CHECKING:
    from collections.abc import Sequence

_MEGABYTES = 512
_SETTINGS = {"max_connections": "64", "max_wal_size": "96MB", "min_wal_size": "32MB"}
_PIECE = b"\0" * (1 << 20)


class HarmedPostgres(EmbeddedPostgres):
    """Its data lie on a small disk of their own where this process may mount one; ``why_not`` says why it may not."""

    def __init__(self) -> None:
        self.why_not = ""
        self._disk = Path(tempfile.mkdtemp(prefix="valetkey-disk-"))
        self._disk.chmod(0o755)
        self._mount()
        super().__init__(self._disk / "postgresql")

    def fill_disk(self) -> None:
        """Leave no byte to write to."""
        with self._ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(_PIECE)
            except OSError:
                return

    def empty_disk(self) -> None:
        """Make room again."""
        self._ballast.unlink()

    def close(self) -> None:
        """Stop, and remove the disk."""
        super().close()
        if not self.why_not:
            subprocess.run(["umount", "--lazy", self._disk], check=True)
        shutil.rmtree(self._disk, ignore_errors=True)

    @property
    def _ballast(self) -> Path:
        return self._disk / "ballast"

    def _mount(self) -> None:
        if os.geteuid() != 0:
            self.why_not = "only root can mount a small disk"
            return
        options = f"size={_MEGABYTES}m,mode=755"
        run = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", self._disk], capture_output=True, text=True, check=False
        )
        self.why_not = run.stderr.strip()

    def _prepare(self) -> Sequence[str | Path]:
        return [*super()._prepare(), *(f"--{name}={value}" for name, value in _SETTINGS.items())]
