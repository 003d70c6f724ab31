"""``valetkey client apply``: make the registrations what a file says they are, as often as you like."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from urllib.parse import quote

import click

from valetkey.administration.allowed_groups import warn_of_lockout
from valetkey.administration.apply.change import Plan
from valetkey.administration.apply.clients_file import read_declaration
from valetkey.administration.apply.declaration import Declaration, DeclaredSecrets
from valetkey.administration.apply.declared_secret import read_declared_password, read_declared_secret
from valetkey.administration.apply.execute import Execution, read_stored
from valetkey.administration.apply.people_execute import HandOver
from valetkey.administration.apply.plan import Terms, plan_changes
from valetkey.administration.apply.yaml_document import MAX_BYTES, YamlError, read_text
from valetkey.administration.installation import Installation
from valetkey.cli.failure import Conflict, Failure
from valetkey.cli.installation import with_installation
from valetkey.cli.option import confirm, example, output_option, yes_option
from valetkey.cli.output import Output, say, write_lines
from valetkey.cli.plan_output import enumerated, plan_lines, plan_record, pruned_sentence
from valetkey.cli.secret_file import secret_file
from valetkey.core.client.authentication.secret import is_spelled_one_way, secret_digest
from valetkey.core.client.registration import registration_notices

DEFAULT_OWNER = "valetkey-apply"
_STDIN = Path("-")
_MOST_TOLD = 100
_TWO_SPELLINGS = (
    "Some clients form-urlencode those for HTTP Basic (RFC 6749 §2.3.1) and some do not; "
    "use letters, digits, - and _ only."
)


@click.command(
    "apply",
    epilog=example(
        "valetkey client apply -f clients.yaml --dry-run",
        "valetkey client apply -f clients.yaml --owner platform --prune --yes",
    ),
)
@click.option(
    "-f",
    "--file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    help="What is to be registered; - is standard input.",
)
@click.option("--owner", default=DEFAULT_OWNER, show_default=True, help="In whose name; owns what it creates.")
@click.option("--adopt", is_flag=True, help="Take over what has another owner, or none.")
@click.option(
    "--prune",
    is_flag=True,
    help="Delete what this owner owns and the file does not have; refused where that is more than half of a kind.",
)
@click.option("--prune-all", is_flag=True, help="Prune even where everything goes.")
@click.option(
    "--secrets-directory",
    type=click.Path(exists=True, file_okay=False, writable=True, path_type=Path),
    help="Where generated secrets go: <client_id>.secret for each client, <username>.password for each user.",
)
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@yes_option
@output_option
@with_installation
async def command(  # noqa: PLR0913 - one parameter per option
    installation: Installation,
    file: Path,
    owner: str,
    secrets_directory: Path | None,
    output: Output,
    *,
    adopt: bool,
    prune: bool,
    prune_all: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """Make clients, scopes, groups and users what a file says.

    Everything is checked before anything changes, and shown as a diff. Applying twice changes nothing the second time.
    """
    text, directory = _read(file), Path() if file == _STDIN else file.parent
    declaration, problems = read_declaration(text, directory, _name(file))
    secrets = DeclaredSecrets(_declared_secrets(declaration, problems), _declared_passwords(declaration, problems))
    terms = Terms(
        owner,
        adopt=adopt,
        prune=prune or prune_all,
        prune_all=prune_all,
        can_generate=secrets_directory is not None,
        issuer=installation.settings.issuer,
        installation=installation.settings.installation_rules,
    )
    make_plan = partial(plan_changes, declaration, secrets, terms=terms, now=installation.clock())
    plan = make_plan(await read_stored(installation.database, declaration, owner))
    _require_applicable(plan, problems)
    if not output.is_json:
        write_lines(*plan_lines(plan))
    elif plan.excessive and dry_run:
        output.one(_record(plan, owner, applied=False))
    _require_sparing(plan, owner)
    if plan.changes and not dry_run:
        confirm(f"Make {len(plan.changes)} change(s)?", yes=yes)
        await Execution(
            *(installation, declaration, plan, make_plan, owner),
            _hand_over(secrets_directory, "secret"),
            _hand_over(secrets_directory, "password"),
        ).run()
    if output.is_json:
        output.one(_record(plan, owner, applied=not dry_run))
    for declared in declaration.clients:
        say(*(f"client {declared.client.client_id}: {notice}" for notice in registration_notices(declared.client)))
    _conclude(plan, owner, dry_run=dry_run)
    if not dry_run:
        for declared in declaration.clients:
            if (warning := await warn_of_lockout(installation.database, declared.client)) is not None:
                say(warning)


def _hand_over(directory: Path | None, suffix: str) -> HandOver | None:
    if directory is None:
        return None
    # A user name may hold a slash, and a client_id never does.
    return lambda name, secret: secret_file(directory / f"{quote(name, safe='@+')}.{suffix}", secret)


def _read(file: Path) -> str:
    try:
        with nullcontext(sys.stdin.buffer) if file == _STDIN else file.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise Failure(f"{_name(file)} cannot be read ({error.strerror}); name one that you may read.") from error
    try:
        return read_text(data)
    except YamlError as error:
        raise Failure(f"{_name(file)}: {error}") from error


def _name(file: Path) -> str:
    return "standard input" if file == _STDIN else str(file)


def _declared_secrets(declaration: Declaration, problems: list[str]) -> dict[str, bytes]:
    digests = {}
    for declared in declaration.clients:
        if declared.secret_file is None:
            continue
        try:
            secret = read_declared_secret(declared.secret_file)
        except ValueError as error:
            problems.append(f"client {declared.client.client_id}: {error}")
            continue
        digests[declared.client.client_id] = secret_digest(secret)
        if not is_spelled_one_way(secret):
            say(f"Warning: the secret of {declared.client.client_id} has +, % or :. {_TWO_SPELLINGS}")
    return digests


def _declared_passwords(declaration: Declaration, problems: list[str]) -> dict[str, str]:
    passwords = {}
    for declared in declaration.users:
        if declared.password_file is None:
            continue
        try:
            passwords[declared.username] = read_declared_password(declared.password_file)
        except ValueError as error:
            problems.append(f"user {declared.username}: {error}")
    return passwords


def _require_applicable(plan: Plan, problems: list[str]) -> None:
    found = [*problems, *plan.problems, *plan.conflicts]
    if not found:
        return
    kind = Failure if problems or plan.problems else Conflict
    told = [f"- {problem}" for problem in found[:_MOST_TOLD]]
    if len(found) > _MOST_TOLD:
        told.append(f"- and {len(found) - _MOST_TOLD} more")
    raise kind(f"The file has {len(found)} problem(s); nothing was changed:", *told)


def _require_sparing(plan: Plan, owner: str) -> None:
    if plan.excessive:
        raise Failure(
            f"--prune would delete most of what {owner} owns; nothing was changed:",
            *(f"- {pruned_sentence(pruned)}" for pruned in plan.excessive),
            "See whether the file is whole and --owner is its owner. "
            "If all of this has to go, add --prune-all (the chart: clients.pruneAll=true).",
        )


def _record(plan: Plan, owner: str, *, applied: bool) -> dict[str, object]:
    return {"owner": owner, "applied": applied, **plan_record(plan)}


def _conclude(plan: Plan, owner: str, *, dry_run: bool) -> None:
    done = "would be made" if dry_run else "made"
    say(f"{len(plan.changes)} change(s) {done}, {plan.unchanged} unchanged.")
    if plan.left_over:
        say(f"Kept, though the file of {owner} no longer has it: {enumerated(plan.left_over)}.")
