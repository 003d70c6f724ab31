"""Images of one program, and of this machine's engine, in a node's containerd."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from support.composition import is_here
from support.containers import docker

if TYPE_CHECKING:
    from pathlib import Path

    from cluster.node import Node


def why_no_images(*names: str) -> str:
    """Empty where this machine's engine has them all, else what is missing, to be read by people."""
    if shutil.which("docker") is None or docker("info", check=False).returncode:
        return "no Docker engine answers: nothing was installed"
    missing = [name for name in names if not is_here(name)]
    return f"the Docker engine has no image {', '.join(missing)}: nothing was installed" if missing else ""


def import_image(node: Node, name: str, program: Path) -> None:
    """An image with nothing in it but a program that needs nothing else."""
    packed = subprocess.run(["tar", "-C", program.parent, "-c", program.name], check=True, capture_output=True).stdout
    change = f'ENTRYPOINT ["/{program.name}"]'
    subprocess.run(["docker", "import", "--change", change, "-", name], input=packed, check=True, capture_output=True)
    import_from_engine(node, name)


def import_from_engine(node: Node, *names: str) -> None:
    """Give a node what this machine's engine has."""
    with subprocess.Popen(["docker", "save", *names], stdout=subprocess.PIPE) as saved:
        command = node.command("ctr", "--namespace=k8s.io", "images", "import", "-")
        subprocess.run(command, stdin=saved.stdout, check=True, capture_output=True)
    assert saved.returncode == 0
