"""Run a module of the release in a directory, and of no other.

``python -I -S run_release.py DIRECTORY LIBRARIES MODULE [ARGUMENT...]``: rooms come from the one, everything that
others wrote from the other. All rooms share a namespace, which would be put together from every place that has a part
of it; so this ends with an ``AssertionError`` where a room could come from anywhere else.
"""

import importlib
import importlib.util
import runpy
import sys
from pathlib import Path


def main() -> None:
    directory, libraries, module, *arguments = sys.argv[1:]
    sys.path[:] = [directory, *sys.path, libraries]
    rooms = Path(directory) / "valetkey"
    namespace = importlib.import_module("valetkey")
    assert list(namespace.__path__) == [str(rooms)], list(namespace.__path__)
    for room in sorted(path.parent.name for path in rooms.glob("*/py.typed")):
        spec = importlib.util.find_spec(f"valetkey.{room}")
        assert spec is not None
        assert spec.submodule_search_locations is not None
        assert [Path(place).parent for place in spec.submodule_search_locations] == [rooms], spec
    sys.argv[:] = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


main()
