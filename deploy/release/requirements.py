"""What ``pip install --require-hashes`` reads on a machine without containers: our wheels and all that they need."""

from __future__ import annotations

import hashlib
from pathlib import Path

from deploy.docker.image_requirements import image_rooms
from deploy.release.version import Version

FILE = "requirements.txt"
LOCK = Path("deploy/systemd/requirements.lock")
# The program of operators, with every service.
PROGRAM = "cli[serve]"
_HEADER = """\
# Everything that Valetkey {version} needs on a machine without containers, each file by its hash. Beside the wheels:
#   pip install --require-hashes --only-binary :all: --find-links . --requirement {file}
# The distributions named valetkey-* are on no index; one of that name that is found there does not have these hashes.
"""


def requirements(root: Path, version: Version, wheels: Path) -> str:
    """The text of the file, for wheels that have been built into a directory."""
    ours = [_requirement(name, version, wheels) for name in sorted(image_rooms(PROGRAM))]
    lines = [line for line in (root / LOCK).read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return _HEADER.format(version=version, file=FILE) + "".join(ours) + "\n".join(lines) + "\n"


def _requirement(name: str, version: Version, wheels: Path) -> str:
    wheel = wheels / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return f"{name}=={version} \\\n    --hash=sha256:{digest}\n"
