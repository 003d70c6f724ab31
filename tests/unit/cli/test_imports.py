"""What a command loads: reading help must not wait for the libraries that the command would run on."""

import subprocess
import sys

import pytest

from valetkey.cli.__main__ import COMMANDS

# Each takes a noticeable part of a second of processor time to load.
STORES = ("asyncpg", "redis", "alembic", "sqlalchemy")
SERVERS = ("aiohttp", "jinja2", "google.protobuf", "opentelemetry.sdk")
FILES = ("yaml", "ijson")
CRYPTOGRAPHY = ("cryptography", "jwt", "argon2")
EVERYTHING = STORES + SERVERS + FILES + CRYPTOGRAPHY
# Commands stand on what administers PostgreSQL.
BESIDE_POSTGRES = tuple(name for name in STORES if name != "asyncpg") + SERVERS


def loaded_by(*arguments: str) -> set[str]:
    """Every module that is there once the command line has been answered."""
    program = (
        "import sys\n"
        "from valetkey.cli.__main__ import cli\n"
        f"try:\n    cli({[*arguments]!r}, prog_name='valetkey')\n"
        "finally:\n    print(*sys.modules, file=sys.stderr)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert run.stdout.startswith(("Usage:", "valetkey ")), run.stdout
    return set(run.stderr.split())


def test_what_is_loaded_is_seen() -> None:
    assert {"click", "valetkey.cli.__main__"} <= loaded_by("--help")


@pytest.mark.parametrize("arguments", [("--help",), ("--version",)])
def test_the_list_of_commands_loads_none_of_them(arguments: tuple[str, ...]) -> None:
    loaded = loaded_by(*arguments)

    assert not loaded & set(EVERYTHING)
    assert not {f"valetkey.cli.commands.{entry.module}" for entry in COMMANDS.values()} & loaded


def test_no_command_waits_for_redis_or_a_server_before_it_runs() -> None:
    program = (
        "import sys\n"
        "from valetkey.cli.__main__ import COMMANDS, cli\n"
        "for name in COMMANDS:\n"
        "    before = {*sys.modules}\n"
        "    cli.get_command(None, name)\n"
        "    print(name, *{*sys.modules} - before)\n"
    )

    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    loaded = {name: set(modules) for name, *modules in map(str.split, run.stdout.splitlines())}
    assert {*loaded} == {*COMMANDS}
    assert {name: modules & {*BESIDE_POSTGRES} for name, modules in loaded.items()} == {
        name: set() for name in COMMANDS
    }


@pytest.mark.parametrize("command", ["check login", "config show", "doctor", "migrate", "login", "token inspect"])
def test_help_of_what_needs_no_table_waits_for_no_store(command: str) -> None:
    assert not loaded_by(*command.split(), "--help") & set(STORES + SERVERS)


@pytest.mark.parametrize("command", ["user list", "user import", "kubernetes create-secret"])
def test_help_of_what_reads_files_waits_for_no_reader_of_them(command: str) -> None:
    assert not loaded_by(*command.split(), "--help") & set(BESIDE_POSTGRES + FILES)
