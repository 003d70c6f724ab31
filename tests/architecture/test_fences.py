"""What touches the inside of redis-py, aiohttp or asyncpg stands in one folder each, and each name is on a list."""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import version
from operator import attrgetter
from pathlib import Path

import pytest
from aiohttp import web, web_protocol
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import Connection

from support.repository import ROOT, service_modules, syntax

_PRIVATE = re.compile(r"_[a-zA-Z]\w*")
# Documented, for all that: a named tuple's.
_PUBLIC = {"_replace", "_asdict", "_fields", "_make"}
_OWN = {Path("services/runtime/valetkey/runtime/settings/secret.py"): {"_value"}}


@dataclass(frozen=True, slots=True)
class Name:
    """A name inside a library: what it is an attribute of, which file of the folder uses it, and for what."""

    owner: str
    name: str
    file: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Fence:
    """The one folder that may use the inside of a library."""

    project: str
    room: Path
    folder: Path
    names: tuple[Name, ...] = ()

    def sentences(self) -> list[str]:
        """One for each name that the library that is installed does not have."""
        return [
            f"{self.project} {version(self.project)} no longer has {one.owner}.{one.name}, "
            f"which {self.folder / one.file} uses for {one.purpose}; see {self.room}/README.md"
            for one in self.names
            if not hasattr(OWNERS[one.owner](), one.name)
        ]


async def _answer(_request: web.BaseRequest) -> web.StreamResponse:
    return web.Response()


OWNERS: dict[str, Callable[[], object]] = {
    "Connection": Connection,
    "ConnectionPool": ConnectionPool,
    "Parser": lambda: attrgetter("_parser")(Connection()),
    "web_protocol": lambda: web_protocol,
    "RequestHandler": lambda: web.RequestHandler,
    "Server": lambda: web.Server(_answer),
    "AppRunner": lambda: web.AppRunner,
}
_RUNTIME, _STORAGE = Path("services/runtime"), Path("services/storage")
FENCES = {
    "redis": Fence(
        "redis",
        _STORAGE,
        _STORAGE / "valetkey/storage/redis/client",
        (
            Name("Connection", "_reader", "pipelined_connection.py", "seeing that the server has closed"),
            Name(
                "Connection",
                "_writer",
                "pipelined_connection.py",
                "the transport, over which commands follow each other",
            ),
            Name("Connection", "_parser", "pipelined_connection.py", "errors of Redis as exceptions"),
            Name("Parser", "parse_error", "pipelined_connection.py", "errors of Redis as exceptions"),
            Name("Connection", "next_health_check", "pipelined_connection.py", "not checking a connection just used"),
            Name(
                "Connection", "health_check_interval", "pipelined_connection.py", "not checking a connection just used"
            ),
            Name("Connection", "_connect", "discovered_connection.py", "asking for the address at each connect"),
            Name("Connection", "read_response", "discovered_connection.py", "leaving a server that is no master"),
            Name("Connection", "check_health", "connection.py", "the PING of a connection that lay idle"),
            Name("Connection", "can_read", "connection.py", "finding an answer that was not asked for"),
            Name("Connection", "should_reconnect", "connection.py", "closing what redis-py wants closed"),
            Name(
                "Connection", "on_connect", "connection.py", "authentication, before the server is asked for its role"
            ),
            Name("ConnectionPool", "_available_connections", "connection.py", "giving a connection back"),
            Name("ConnectionPool", "_in_use_connections", "connection.py", "giving a connection back"),
            Name("ConnectionPool", "get_available_connection", "connection.py", "taking a connection"),
            Name("ConnectionPool", "ensure_connection", "connection.py", "connecting"),
            Name("ConnectionPool", "connection_kwargs", "pipelining.py", "the time-out of answers"),
        ),
    ),
    "aiohttp": Fence(
        "aiohttp",
        _RUNTIME,
        _RUNTIME / "valetkey/runtime/http/aiohttp_inside",
        (
            Name("web_protocol", "_ErrInfo", "protocol.py", "dropping the bytes that the parser quotes"),
            Name("RequestHandler", "_messages", "protocol.py", "dropping the bytes that the parser quotes"),
            Name("RequestHandler", "_message_tail", "protocol.py", "keeping nothing of a protocol that is not spoken"),
            Name("RequestHandler", "_manager", "protocol.py", "the limits that the server has"),
            Name("RequestHandler", "_loop", "protocol.py", "closing the connection of a client that does not read"),
            Name(
                "RequestHandler", "_handle_request", "protocol.py", "answering Expect and Upgrade before aiohttp does"
            ),
            Name("RequestHandler", "handle_error", "protocol.py", "an error response that repeats nothing"),
            Name("RequestHandler", "start", "protocol.py", "closing the connection of a client that does not read"),
            Name("Server", "_kwargs", "protocol.py", "a protocol of our own with the options of the application"),
            Name("Server", "_loop", "protocol.py", "a protocol of our own with the options of the application"),
            Name("Server", "_connections", "protocol.py", "the number of connections, without a copy of them"),
            Name("AppRunner", "_make_server", "protocol.py", "a server of our own for an application"),
        ),
    ),
    # Its documented interface suffices: the pool is ours, the connections are used as they are.
    "asyncpg": Fence("asyncpg", _STORAGE, _STORAGE / "valetkey/storage/postgres/database"),
}


@pytest.mark.parametrize("library", FENCES)
async def test_every_name_of_the_inside_that_is_used_is_there(library: str) -> None:
    gone = FENCES[library].sentences()

    assert not gone, "\n".join(gone)


async def test_a_name_that_is_gone_is_told_with_its_use_and_the_place_to_read() -> None:
    fence = Fence("redis", _STORAGE, Path("folder"), (Name("Connection", "_gone", "file.py", "something"),))

    (sentence,) = fence.sentences()

    assert sentence == (
        f"redis {version('redis')} no longer has Connection._gone, which folder/file.py uses for something; "
        "see services/storage/README.md"
    )


@pytest.mark.parametrize("library", FENCES)
def test_the_list_has_the_private_names_that_the_folder_uses(library: str) -> None:
    fence = FENCES[library]
    listed = {(one.name, one.file) for one in fence.names if one.name.startswith("_")}
    files = [path for path in service_modules() if path.is_relative_to(fence.folder)]

    used = {(name, path.name) for path in files for name in (*foreign_names(path), *inherited_names(path, library))}

    # The same name in a second file of the folder needs no second line.
    assert {name for name, _ in used} == {name for name, _ in listed}
    assert listed <= used


def test_nothing_else_uses_the_inside_of_these_libraries() -> None:
    outside = [path for path in service_modules() if not any(path.is_relative_to(f.folder) for f in FENCES.values())]

    touching = {
        str(path): names
        for path in outside
        if (names := {*foreign_names(path), *(name for library in FENCES for name in inherited_names(path, library))})
    }

    assert not touching


@pytest.mark.parametrize("library", FENCES)
def test_a_room_that_uses_an_inside_bounds_the_version_and_says_why(library: str) -> None:
    fence = FENCES[library]
    project = tomllib.loads((ROOT / fence.room / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (requirement,) = [line for line in project["dependencies"] if re.match(rf"{library}\b", line)]
    readme = (ROOT / fence.room / "README.md").read_text(encoding="utf-8")

    assert re.search(r",<\d", requirement), requirement
    assert f"`{fence.folder.relative_to(fence.room / 'valetkey' / fence.room.name)}/`" in _section(readme, "Fences")


def _section(text: str, title: str) -> str:
    _, found, rest = text.partition(f"\n## {title}\n")
    assert found, f"there is no section {title}"
    return rest.partition("\n## ")[0]


def foreign_names(path: Path) -> set[str]:
    """Private names of anything that is not the object itself, and private names and modules that are imported."""
    return {*_foreign_names(path)} - _PUBLIC - _OWN.get(path, set())


def _foreign_names(path: Path) -> Iterator[str]:
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Attribute) and _PRIVATE.fullmatch(node.attr) and not _is_own(node.value):
            yield node.attr
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in FENCES:
            parts = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            yield from filter(_PRIVATE.fullmatch, parts)
        elif isinstance(node, ast.Import):
            parts = [part for alias in node.names for part in alias.name.split(".")]
            yield from filter(_PRIVATE.fullmatch, parts if parts[0] in FENCES else [])


def _is_own(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "super"
    return isinstance(node, ast.Name) and node.id in {"self", "cls"}


def inherited_names(path: Path, library: str) -> Iterator[str]:
    """Private names that a class uses or replaces and that a class of the library it is made of has."""
    classes = [node for node in ast.walk(syntax(path)) if isinstance(node, ast.ClassDef) and node.bases]
    if not classes or library not in (ROOT / path).read_text(encoding="utf-8"):
        return
    module = import_module(".".join(path.with_suffix("").parts[2:]))
    for node in classes:
        names = _names_of_bases(getattr(module, node.name, object), library)
        for part in ast.walk(node):
            if isinstance(part, ast.Attribute) and _is_own(part.value) and part.attr in names:
                yield part.attr
            elif isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) and part.name in names:
                yield part.name


def _names_of_bases(made: type, library: str) -> set[str]:
    bases = [base for base in made.__mro__ if base.__module__.split(".")[0] == library]
    return {name for base in bases for name in _names_of(base)}


@cache
def _names_of(base: type) -> frozenset[str]:
    return frozenset(re.findall(r"(?:self\.|def )(_[a-z]\w*)", inspect.getsource(base)))
