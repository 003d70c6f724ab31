"""What every file of the services keeps to, wherever it stands."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

from support.repository import ROOT, repository_files, service_modules, syntax

LONGEST = 400
CODE = {".py", ".proto", ".sql", ".html", ".css", ".js", ".mjs", ".sh"}

ENVIRONMENT = {("os", "environ"), ("os", "environb"), ("os", "getenv"), ("os", "getenvb")}
READS_THE_ENVIRONMENT = {
    Path("services/runtime/valetkey/runtime/settings/environment.py"): "it is where settings come from"
}

CLOCK = {
    *(("datetime", name) for name in ("now", "utcnow", "today")),
    ("date", "today"),
    ("time", "time"),
    ("time", "time_ns"),
}
READS_THE_CLOCK = {
    Path("services/runtime/valetkey/runtime/lifecycle/clock.py"): "it is the clock that is passed to other modules",
    Path("services/resource_server/valetkey/resource_server/clock.py"): "the library is installed without runtime",
}

PRINTS = {("click", "echo"), ("click", "secho"), ("click", "echo_via_pager"), ("sys", "stdout"), ("sys", "stderr")}
CLI = Path("services/cli/valetkey/cli")
WRITES_TO_THE_TERMINAL = {
    CLI / "output.py": "it escapes what came from outside",
    CLI / "operator_audit.py": "audit events are JSON, escaped where they are made",
    CLI / "command_table.py": "it prints the help of our own commands into the README",
}

CATCHES_EVERYTHING = {
    Path("services/runtime/valetkey/runtime/http/errors.py"): "whatever is not an OAuthError is a bug, answered once",
}


def test_a_file_is_read_in_one_sitting() -> None:
    code = [path for path in repository_files() if path.suffix in CODE and "_pb2" not in path.name]

    lengths = {path: len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in code}

    assert not {path: length for path, length in lengths.items() if length > LONGEST}


def test_only_settings_read_the_environment() -> None:
    readers = modules_that(lambda module: any(uses(module, ENVIRONMENT)))

    assert readers == set(READS_THE_ENVIRONMENT)


def test_only_the_clock_knows_what_time_it_is() -> None:
    readers = modules_that(lambda module: any(uses(module, CLOCK)))

    assert readers == set(READS_THE_CLOCK)


def test_commands_print_in_one_place() -> None:
    writers = modules_that(lambda module: any(uses(module, PRINTS)) or any(prints(module)))

    assert {path for path in writers if path.is_relative_to(CLI)} == set(WRITES_TO_THE_TERMINAL)


def test_everything_is_caught_in_one_place() -> None:
    catchers = [path for path in service_modules() for _ in catch_alls(syntax(path))]

    assert catchers == list(CATCHES_EVERYTHING)


def modules_that(is_found: Callable[[ast.Module], bool]) -> set[Path]:
    return {path for path in service_modules() if is_found(syntax(path))}


def uses(module: ast.Module, names: set[tuple[str, str]]) -> Iterator[ast.AST]:
    """Where ``owner.name`` or ``from owner import name`` stands for one of the names."""
    for node in ast.walk(module):
        match node:
            case ast.Attribute(value=ast.Name(id=owner) | ast.Attribute(attr=owner), attr=name):
                if (owner, name) in names:
                    yield node
            case ast.ImportFrom(module=str(owner), names=imported):
                yield from (alias for alias in imported if (owner, alias.name) in names)


def prints(module: ast.Module) -> Iterator[ast.AST]:
    """Where ``print`` is called."""
    for node in ast.walk(module):
        match node:
            case ast.Call(func=ast.Name(id="print")):
                yield node


def catch_alls(module: ast.Module) -> Iterator[ast.AST]:
    """Where any exception is caught and not raised again, or suppressed."""
    for node in ast.walk(module):
        match node:
            case ast.ExceptHandler(type=None | ast.Name(id="Exception" | "BaseException"), body=[*_, last]):
                if not (isinstance(last, ast.Raise) and last.exc is None):
                    yield node
            case ast.Call(func=ast.Name(id="suppress") | ast.Attribute(attr="suppress"), args=arguments):
                yield from (a for a in arguments if isinstance(a, ast.Name) and a.id in {"Exception", "BaseException"})
