"""Gathers the pages of the site, under the paths that they have in the repository, into a folder for mkdocs."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from deploy.docs.links import Link, links, rewritten
from deploy.docs.navigation import ROOT, pages

_OF_THE_SITE = Path("deploy/docs/assets")
_LOGO = Path("services/authorize/valetkey/authorize/pages/static/favicon.svg")


def stage(into: Path, repository: str = "") -> None:
    """Copy pages and pictures. A link to what is no page leads to ``repository``, a URL, or is its text alone."""
    shutil.rmtree(into, ignore_errors=True)
    there = frozenset(pages())
    for page in there:
        text = (ROOT / page).read_text(encoding="utf-8")
        for link in links(page, text):
            if link.is_image:
                _copy(link.place, into)
        written = rewritten(page, text, partial(_on_the_site, there=there, repository=repository))
        (into / page).parent.mkdir(parents=True, exist_ok=True)
        (into / page).write_text(written, encoding="utf-8")
    shutil.copytree(ROOT / _OF_THE_SITE, into / "assets")
    shutil.copy(ROOT / _LOGO, into / "assets/logo.svg")


def _on_the_site(link: Link, *, there: frozenset[Path], repository: str) -> str | None:
    if link.is_image or link.place in there:
        return None
    index = link.place / "README.md"
    if index in there:
        path = link.target.partition("#")[0].rstrip("/")
        return f"[{link.text}]({path}/README.md{link.fragment})"
    return f"[{link.text}]({repository}/{link.place.as_posix()})" if repository else link.text


def _copy(picture: Path, into: Path) -> None:
    (into / picture).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / picture, into / picture)
