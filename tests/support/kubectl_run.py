"""What a line with ``kubectl run`` would start: the shell is real, and ``kubectl`` writes down what it hears."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_STUB = """#!{python} -I
import json, pathlib, sys
folder, arguments = pathlib.Path({folder!r}), sys.argv[1:]
if "get" in arguments:
    (folder / "got").write_text(json.dumps(arguments))
    sys.stdout.write((folder / "answer").read_text())
else:
    (folder / "run").write_text(json.dumps(arguments))
"""


@dataclass(frozen=True)
class KubectlRun:
    """The arguments of ``kubectl get``, whose answer went into those of ``kubectl run``."""

    got: list[str]
    arguments: list[str]

    @property
    def options(self) -> list[str]:
        """What was said to ``kubectl``."""
        return self.arguments[: self.arguments.index("--")]

    @property
    def command(self) -> list[str]:
        """What was said to the program in the pod."""
        return self.arguments[self.arguments.index("--") + 1 :]

    @property
    def pod(self) -> dict[str, Any]:
        """The pod: the overrides over what ``kubectl run`` makes, containers merged by name."""
        assert "--override-type=strategic" in self.options, "else the overrides replace the list of containers"
        name = self.options[self.options.index("run") + 1]
        pod: dict[str, Any] = json.loads(self._option("--overrides"))
        (container,) = pod["spec"]["containers"]
        assert container["name"] == name, "a container of another name stands beside that of kubectl run"
        made = {"name": name, "image": self._option("--image"), "args": self.command}
        pod["metadata"] = {"name": name, **pod["metadata"], "labels": {"run": name, **pod["metadata"]["labels"]}}
        pod["spec"]["containers"] = [{**made, **container}]
        return pod

    def _option(self, name: str) -> str:
        (value,) = (word.partition("=")[2] for word in self.options if word.startswith(f"{name}="))
        return value


def kubectl_run(line: str, answer: str, folder: Path) -> KubectlRun:
    """Have a shell read the line; ``kubectl get`` prints the answer."""
    (folder / "answer").write_text(answer, encoding="utf-8")
    stub = folder / "kubectl"
    stub.write_text(_STUB.format(python=sys.executable, folder=str(folder)), encoding="utf-8")
    stub.chmod(0o755)
    subprocess.run(["/bin/sh", "-c", line], env={"PATH": str(folder)}, check=True, timeout=60)
    got, run = (json.loads((folder / name).read_text(encoding="utf-8")) for name in ("got", "run"))
    return KubectlRun(got, run)
