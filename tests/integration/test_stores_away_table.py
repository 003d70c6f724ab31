"""The README's table of what goes on without a store says what ``test_stores_away`` proves: no more and no less."""

import re

import pytest

from integration import test_stores_away as proof
from integration.test_stores_away import Operation
from support.repository import ROOT

NAMES = {"Redis": "redis", "PostgreSQL": "postgres", "both": "both"}
WORDS: dict[str, list[Operation]] = {
    "client credentials": [proof.client_credentials],
    "refresh": [proof.refresh],
    "discovery": [proof.discovery],
    "JWKS": [proof.keys],
    "introspection": [proof.introspection, proof.introspection_of_revoked],
    "redeeming": [proof.redemption],
    "refreshing": [proof.refresh],
    "revoking": [proof.revocation],
    "logging in": [proof.login, proof.single_sign_on],
    "UserInfo": [proof.userinfo],
}
EVERYTHING = {operation for operations in proof.REFUSED_WITHOUT.values() for operation in operations} | {
    operation for operations in proof.WORKS_WITHOUT.values() for operation in operations
}


def table() -> dict[str, tuple[str, str]]:
    """Row by row: what still works, and what is refused."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.split("## When a store is away")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if "|" in line]
    return {NAMES[name]: (works, refused) for name, works, refused in rows[2:]}


def operations_in(cell: str) -> set[Operation]:
    return {operation for word, named in WORDS.items() if re.search(rf"\b{word}\b", cell) for operation in named}


@pytest.mark.parametrize("names", list(NAMES.values()))
def test_whatever_the_readme_says_still_works_is_proved(names: str) -> None:
    works, _ = table()[names]

    assert operations_in(works) <= set(proof.WORKS_WITHOUT[names])


@pytest.mark.parametrize("names", list(NAMES.values()))
def test_whatever_the_readme_says_is_refused_is_proved(names: str) -> None:
    works, refused = table()[names]
    expected = EVERYTHING - operations_in(works) if refused == "everything else" else operations_in(refused)

    assert expected == set(proof.REFUSED_WITHOUT[names])


def test_the_readme_names_every_operation_that_is_proved() -> None:
    named = {operation for cells in table().values() for cell in cells for operation in operations_in(cell)}

    assert named == EVERYTHING
