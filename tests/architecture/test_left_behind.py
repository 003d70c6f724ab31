"""What unauthenticated requests, sessions, clients and users can leave is in one table, with bounds and their test."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from support.left_behind import BEGIN, END, MEMORY, PAGE, PLACES, REDIS, written
from support.left_behind_postgres import POSTGRES
from support.left_behind_row import Row
from support.repository import ROOT
from valetkey.storage.postgres.schema.privileges import ROLES
from valetkey.storage.redis.kept.keyspace import KEYSPACE

SERVICES = ROOT / "services"
# What keeps something from one request to the next, in the services.
_CACHES = re.compile(r"@(lru_cache|cache)\b|self\.\w+.* = (BoundedCache|OrderedDict|bytearray)\(")
_ROOMS = ("core", "runtime", "storage", "authorize", "token", "introspection")
# The structure that caches are made of.
_APART = {"core/bounded_cache.py"}
# Not left by a request: made by migrations, operators and the rotation of keys.
_OPERATORS = {"published_jwk_set", "signing_keys"}
ROWS = [row for rows in PLACES.values() for row in rows]
pytestmark = pytest.mark.requirement("security 55c: whatever can be left behind is bounded in count and bytes")


def test_the_page_has_the_table() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert BEGIN in page
    assert END in page
    assert page == written(page), "run: make left-behind-table"


def test_every_kind_of_key_in_redis_is_in_it() -> None:
    assert {row.what for row in REDIS} == {pattern.prefix for pattern in KEYSPACE}


def test_every_table_that_a_service_may_add_to_is_in_it() -> None:
    servers = ("valetkey_authorize", "valetkey_token", "valetkey_introspection")

    written_to = {table for role in servers for table, privileges in ROLES[role].items() if "INSERT" in privileges}

    assert {row.what for row in POSTGRES} == written_to - _OPERATORS


def test_every_cache_in_the_code_is_in_it() -> None:
    found = set[tuple[str, str]]()
    for room in _ROOMS:
        for path in (SERVICES / room).rglob("*.py"):
            module = path.relative_to(SERVICES / room / "valetkey").as_posix()
            for match in _CACHES.finditer(path.read_text(encoding="utf-8")):
                found.add((module, match[1] or match[2]))

    told = {tuple(row.what.split(" ")) for row in MEMORY}
    missing = {(module, kind) for module, kind in found if (module, kind) not in told and module not in _APART}

    assert not missing


@pytest.mark.parametrize("row", MEMORY, ids=lambda row: row.what)
def test_what_it_names_in_the_code_is_there(row: Row) -> None:
    module, name = row.what.split(" ")

    source = (SERVICES / module.partition("/")[0] / "valetkey" / module).read_text(encoding="utf-8")

    assert re.search(rf"\b{name}\b", source)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.what} by {row.who}")
def test_every_row_has_a_bound_in_number_and_in_bytes_and_a_test_that_exists(row: Row) -> None:
    path, _, name = row.test.partition("::")

    assert name in functions_in(ROOT / path)
    assert row.count
    assert row.size


@cache
def functions_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(function.name for function in functions)
