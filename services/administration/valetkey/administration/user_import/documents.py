"""Small exports, which are read as a whole: YAML, of which JSON is a part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO

import yaml

from valetkey.administration.errors import Refused

MAX_BYTES = 64 << 20
# The one in C where there is one: it takes a tenth of the time.
_SAFE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SAFE):  # type: ignore[misc]
    """Takes what a tag of the other system stands for as unknown."""


def _unknown(loader: Any, suffix: str, _node: object) -> None:  # noqa: ANN401 - of PyYAML
    del loader, suffix


_Loader.add_multi_constructor("!", _unknown)


def read_documents(files: Sequence[tuple[str, Callable[[], BinaryIO]]]) -> Iterator[object]:
    """Every document of every file. Raises ``Refused``."""
    for name, opened in files:
        with opened() as stream:
            data = stream.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise Refused(f"{name}: longer than {MAX_BYTES} bytes; divide it.")
        try:
            yield from yaml.load_all(data.decode("utf-8-sig"), Loader=_Loader)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            # Not str(error), which quotes the file: it holds hashes.
            mark = getattr(error, "problem_mark", None)
            where = "" if mark is None else f" at line {mark.line + 1}"
            raise Refused(f"{name}: neither YAML nor JSON{where}.") from error
