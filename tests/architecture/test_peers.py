"""The table of tools that are proven to work says what the tests prove."""

import ast
from pathlib import Path

from peers.matrix import PEERS, README, documented
from support.repository import ROOT

FOLDERS = ("tests/peers", "tests/nightly/peers")


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {f"{path.relative_to(ROOT)}::{each.name}" for each in functions if each.name.startswith("test_")}


def test_every_test_of_a_peer_is_in_the_table_and_every_row_has_its_test() -> None:
    there = set().union(*(names_in(path) for folder in FOLDERS for path in (ROOT / folder).glob("test_*.py")))

    assert {peer.proven_by for peer in PEERS} == there


def test_the_table_is_the_one_in_the_readme() -> None:
    assert README.read_text(encoding="utf-8") == documented(), "run `make peers-table`"
