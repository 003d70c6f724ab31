"""A decision is a short record beside the room that it concerns, and the README of the room leads to it."""

import re
from pathlib import Path

import pytest

from support.repository import ROOT, repository_files

PAGES = [path for path in repository_files() if path.name == "DECISIONS.md"]
PARTS = ["Context.", "Decision.", "Consequence.", "Look again"]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_record_has_its_four_parts(page: Path) -> None:
    records = re.split(r"^## ", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]

    assert records
    for record in records:
        assert re.findall(r"^- \*\*(.+?)\*\*", record, re.MULTILINE) == PARTS, record.splitlines()[0]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_the_readme_beside_it_links_to_it(page: Path) -> None:
    assert "](DECISIONS.md)" in (ROOT / page.parent / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_what_it_links_to_exists(page: Path) -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)\)", (ROOT / page).read_text(encoding="utf-8"))

    assert not [link for link in links if not (ROOT / page.parent / link).exists()]
