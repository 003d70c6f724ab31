"""The table of tools that are proven to work says what the tests prove."""

import ast
from pathlib import Path

import pytest

from peers.last_run import Passed, key_of, read_record, recorded
from peers.matrix import PEERS, README, Peer, documented
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


def test_every_row_has_passed_once() -> None:
    assert {key_of(peer) for peer in PEERS} == read_record().keys(), "run `make peers-record`"


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ({"passed"}, Passed("2", "2026-03-04")),
        ({"passed", "failed"}, None),
        ({"failed"}, None),
        ({"passed", "skipped"}, Passed("1", "2026-01-02")),
        ({"skipped"}, Passed("1", "2026-01-02")),
        (set(), Passed("1", "2026-01-02")),
    ],
)
def test_a_row_is_recorded_where_every_case_passed_and_is_gone_where_one_failed(
    outcomes: set[str], expected: Passed | None
) -> None:
    peer = Peer("a tool", "2", "code", "none", "tests/peers/test_tool.py::test_it")
    before = {key_of(peer): Passed("1", "2026-01-02")}

    assert recorded(before, [peer], {peer.proven_by: outcomes}, "2026-03-04").get(key_of(peer)) == expected
