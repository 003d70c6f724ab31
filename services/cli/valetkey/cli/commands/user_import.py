"""``valetkey user import``: users of another system, with their subjects and passwords."""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

import click

from valetkey.administration.attributes import read_claim_table
from valetkey.administration.installation import Installation
from valetkey.administration.user_import.entry import ImportSource
from valetkey.administration.user_import.execute import ImportResult, import_users
from valetkey.cli.failure import Failure
from valetkey.cli.installation import with_installation
from valetkey.cli.option import example, output_option
from valetkey.cli.output import Output, say
from valetkey.core.oidc.claims.table import ClaimTable

_STDIN = Path("-")
_FORMATS = ("jsonl", "keycloak", "dex", "authentik")
# How many refused users the JSON answer names; standard error has all of them.
_MOST_NAMED = 1000
# The login checks a wrong password against a hash of each kind and cost that is stored.
_MANY_PARAMETERS = 4
Opened = tuple[str, Callable[[], BinaryIO]]


@click.command(
    "import",
    epilog=example(
        "valetkey user import users.jsonl --dry-run",
        "valetkey user import --format keycloak realm.json",
        "valetkey user import --format keycloak staff-realm.json staff-users-0.json staff-users-1.json",
        "kubectl get passwords.dex.coreos.com -o yaml | valetkey user import --format dex -",
        "valetkey user import --on-error continue - < users.jsonl",
    ),
)
@click.argument(
    "paths",
    nargs=-1,
    required=True,
    metavar="FILE...",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
)
@click.option("--format", "kind", type=click.Choice(_FORMATS), default="jsonl", show_default=True, help="Kind of file.")
@click.option("--dry-run", is_flag=True, help="Say what would become of each user, and store nothing.")
@click.option(
    "--on-error",
    type=click.Choice(["stop", "continue"]),
    default="stop",
    show_default=True,
    help="Whether a user who is refused ends the import.",
)
@click.option(
    "--group-names",
    type=click.Choice(["path", "name"]),
    default="path",
    show_default=True,
    help="Whether groups of Keycloak are called by their path, or by the last name in it.",
)
@output_option
@with_installation
async def command(
    installation: Installation,
    paths: tuple[Path, ...],
    kind: str,
    on_error: str,
    group_names: str,
    output: Output,
    *,
    dry_run: bool,
) -> None:
    """Bring in users of another system. FILE may be - for standard input.

    The subject (sub) stays what clients know, and the password what the person knows: hashes of argon2id, bcrypt and
    PBKDF2 are taken as they are, and become argon2id when the person signs in. Users who are there already are left as
    they are, so a command that was interrupted is typed again. Each who is refused is named with the reason; the exit
    code is then 1.
    """
    named: list[dict[str, str]] = []

    def tell(where: str, problem: str) -> None:
        say(f"{where}: {problem}")
        if len(named) < _MOST_NAMED:
            named.append({"where": where, "reason": problem})

    with _opened(paths, is_read_once=kind == "jsonl") as files:
        source = _source(kind, files, await read_claim_table(installation), by_path=group_names == "path")
        result = await import_users(installation, source, tell, goes_on=on_error == "continue", is_dry_run=dry_run)
    output.one(_record(result, named if output.is_json else None, is_dry_run=dry_run))
    _advise(result)
    if result.refused:
        raise Failure(_summary(result, is_dry_run=dry_run))


def _source(kind: str, files: Sequence[Opened], table: ClaimTable, *, by_path: bool) -> ImportSource:
    match kind:
        case "keycloak":
            from valetkey.administration.user_import.keycloak import KeycloakExport

            return KeycloakExport(files, table, by_path=by_path)
        case "dex":
            from valetkey.administration.user_import.dex import DexExport

            return DexExport(files)
        case "authentik":
            from valetkey.administration.user_import.authentik import AuthentikExport

            return AuthentikExport(files, table)
    from valetkey.administration.user_import.jsonl import JsonLines

    if len(files) > 1:
        raise click.UsageError("Give one file of JSON Lines, or - and `cat` them.")
    return JsonLines(files[0][1]())


@contextmanager
def _opened(paths: Sequence[Path], *, is_read_once: bool) -> Iterator[list[Opened]]:
    """The files. Each can be opened again; standard input is kept in a file for that, unless it is read once."""
    if paths.count(_STDIN) > 1:
        raise click.UsageError("Give - once.")
    with ExitStack() as stack:
        try:
            yield [(str(path), _opener(path, stack, is_read_once=is_read_once)) for path in paths]
        except OSError as error:
            if error.filename is None:
                raise
            raise Failure(f"{error.filename} cannot be read ({error.strerror}).") from error


def _opener(path: Path, stack: ExitStack, *, is_read_once: bool) -> Callable[[], BinaryIO]:
    if is_read_once:
        return lambda: sys.stdin.buffer if path == _STDIN else stack.enter_context(path.open("rb"))
    if path != _STDIN:
        return lambda: path.open("rb")
    kept = stack.enter_context(TemporaryFile())  # noqa: SIM115 - the stack closes it
    shutil.copyfileobj(sys.stdin.buffer, kept)
    kept.flush()
    return partial(_again, kept.fileno())


def _again(descriptor: int) -> BinaryIO:
    os.lseek(descriptor, 0, os.SEEK_SET)
    return os.fdopen(descriptor, "rb", closefd=False)


def _record(result: ImportResult, refused: list[dict[str, str]] | None, *, is_dry_run: bool) -> dict[str, object]:
    record: dict[str, object] = {
        "imported": result.imported,
        "unchanged": result.unchanged,
        "refused": result.refused,
        "without_password": result.without_password,
        "groups_created": result.groups_created,
        "complete": result.is_whole,
        "dry_run": is_dry_run,
    }
    return record if refused is None else record | _lists(result, refused)


def _lists(result: ImportResult, refused: list[dict[str, str]]) -> dict[str, object]:
    return {
        "left_out": _sorted(result.left_out),
        "hash_parameters": _sorted(result.hash_parameters),
        "refused_users": refused,
    }


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))


def _advise(result: ImportResult) -> None:
    for what, count in _sorted(result.left_out).items():
        say(f"left out, for there is no place for it here: {what} ({count})")
    if result.without_password:
        say(f"{result.without_password} came without a password: `valetkey user set-password` gives one.")
    if len(result.hash_parameters) > _MANY_PARAMETERS:
        say(
            f"The passwords are hashed in {len(result.hash_parameters)} ways. A wrong password is checked in each of "
            "them (at most 8), so that no account is told from another, until their people have signed in."
        )


def _summary(result: ImportResult, *, is_dry_run: bool) -> str:
    users = "user was" if result.refused == 1 else "users were"
    if is_dry_run:
        return f"{result.refused} {users} refused; nothing was stored, as asked."
    if result.is_whole:
        return f"{result.refused} {users} refused; all others are here."
    return (
        f"{result.refused} {users} refused, and the import has ended there: {result.imported} are here, and no other "
        "of their batch. Mend the file and type the command again, or let it go on with --on-error continue."
    )
