"""The files of this repository, as git sees them."""

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def repository_files() -> tuple[Path, ...]:
    """Every file that is or would be committed, relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout.decode()
    return tuple(path for path in map(Path, sorted(filter(None, listed.split("\0")))) if (ROOT / path).is_file())


@cache
def service_modules() -> tuple[Path, ...]:
    """Every Python file of the services, relative to the root."""
    return tuple(path for path in repository_files() if path.parts[0] == "services" and path.suffix == ".py")


@cache
def rooms() -> tuple[Path, ...]:
    """Every directory with a distribution of its own, relative to the root."""
    services = {Path(*path.parts[:2]) for path in repository_files() if path.parts[0] == "services"}
    return (Path("proto"), *sorted(services))


def syntax(path: Path) -> ast.Module:
    """The parsed module."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), filename=str(path))
