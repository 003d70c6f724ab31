"""Which pages the site has: those that the navigation in ``mkdocs.yaml`` names, by their paths in the repository."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = Path(__file__).with_name("mkdocs.yaml")


class _Loader(yaml.SafeLoader):
    """Reads a file of mkdocs; what its tags stand for is of no concern here."""


_Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda _loader, suffix, _node: suffix)


def pages() -> tuple[Path, ...]:
    """Every page of the site, relative to the root, in the order of the navigation."""
    configuration = yaml.load(CONFIGURATION.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a safe loader
    return tuple(_pages(configuration["nav"]))


def _pages(entry: object) -> Iterator[Path]:
    match entry:
        case str():
            yield Path(entry)
        case dict():
            for below in entry.values():
                yield from _pages(below)
        case list():
            for below in entry:
                yield from _pages(below)
