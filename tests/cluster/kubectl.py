"""The command line of Kubernetes."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Kubectl:
    """Called like the program; an ``AssertionError`` has what it said when it failed."""

    program: Path
    kubeconfig: Path

    @property
    def environment(self) -> dict[str, str]:
        """For programs that speak to this cluster, with this ``kubectl`` before others on their path."""
        path = f"{self.program.parent}:{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "KUBECONFIG": str(self.kubeconfig)}

    def __call__(self, *arguments: str | Path, stdin: str = "") -> str:
        done = self.tried(*arguments, stdin=stdin)
        assert done.returncode == 0, f"kubectl {' '.join(map(str, arguments))}: {done.stderr[-3000:]}"
        return done.stdout

    def tried(self, *arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """What came of it, good or bad."""
        return subprocess.run(
            [self.program, *arguments], env=self.environment, input=stdin, check=False, capture_output=True, text=True
        )

    def get(self, namespace: str, *what: str) -> Any:  # noqa: ANN401 - JSON
        """What ``kubectl get`` tells, as JSON."""
        return json.loads(self("--namespace", namespace, "get", *what, "--output=json"))

    def create_secret(self, namespace: str, name: str, values: Mapping[str, str]) -> None:
        """A Secret of these values."""
        manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": dict(values)}
        self("--namespace", namespace, "create", "--filename=-", stdin=json.dumps(manifest))
