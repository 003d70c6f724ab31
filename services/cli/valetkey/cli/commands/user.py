"""``valetkey user``: the people who sign in."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator
from dataclasses import replace

import click

from valetkey.administration.attributes import read_claim_table
from valetkey.administration.installation import Installation
from valetkey.administration.user_attributes import email_problem, parse_attributes, with_email
from valetkey.administration.users import (
    create_user,
    delete_user,
    disable_user,
    enable_user,
    find_user,
    get_user,
    list_users,
    new_user,
    password_hash_for,
    require_unowned_user,
    unlock_user,
    update_user,
)
from valetkey.administration.users import set_password as set_user_password
from valetkey.cli.commands import user_credentials, user_import, user_reset_link
from valetkey.cli.installation import with_installation
from valetkey.cli.option import confirm, example, output_option, yes_option
from valetkey.cli.output import Output, say
from valetkey.cli.password_option import PasswordChoice, password_options
from valetkey.core.authentication.user import User, listed_name

_COLUMNS = ("username", "email", "enabled", "subject")


def _claims(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise click.BadParameter(f"{name!r}: write NAME=VALUE")
    return {name: text for name, _, text in pairs}


async def _stored(installation: Installation, claims: dict[str, str]) -> dict[str, object]:
    if not claims:
        return {}
    try:
        return parse_attributes(claims, await read_claim_table(installation))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--claim'") from error


def _email(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and (problem := email_problem(value)) is not None:
        raise click.BadParameter(f"{value!r}: {problem}")
    return value


_claim_option = click.option(
    "--claim",
    "claims",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_claims,
    help="A claim, or an attribute of `valetkey attribute`; lists and objects as JSON; may be repeated.",
)

_force_option = click.option("--force", is_flag=True, help="Change the user although an applied file owns it.")


@click.group("user", epilog=example("valetkey user list"))
def command() -> None:
    """Create and end the accounts of people."""


command.add_command(user_import.command)
command.add_command(user_credentials.command)
command.add_command(user_reset_link.command)


@command.command(
    "create",
    epilog=example(
        "valetkey user create ada --email ada@example.com --claim name='Ada Lovelace'",
        "valetkey user create ada --password-file - < password.txt",
        "valetkey user create ada --generate-password -o json",
        "valetkey user create --if-absent ada --generate-password",
        "valetkey user create ada --no-password",
    ),
)
@click.argument("username")
@click.option("--email", callback=_email, help="E-mail address; the user may sign in with it too.")
@click.option("--email-verified", is_flag=True, help="The address is known to be the user's.")
@_claim_option
@click.option(
    "--if-absent", is_flag=True, help="Succeed and change nothing where the name is taken already, as jobs want it."
)
@click.option(
    "--no-password", is_flag=True, help="The user has none yet, and chooses one behind a `valetkey user reset-link`."
)
@password_options
@output_option
@with_installation
async def create(  # noqa: PLR0913 - one parameter per option
    installation: Installation,
    username: str,
    email: str | None,
    claims: dict[str, str],
    choice: PasswordChoice,
    output: Output,
    *,
    email_verified: bool,
    if_absent: bool,
    no_password: bool,
) -> None:
    """Create a user. The user name and the e-mail address both work for signing in."""
    if email_verified and email is None:
        raise click.UsageError("--email-verified needs --email.")
    if no_password and choice.is_given:
        raise click.UsageError("--no-password goes with no other option of a password.")
    if if_absent and (found := await find_user(installation, username)) is not None:
        output.one(_record(found))
        say(f"The user {username} is there already; nothing was changed.")
        return
    stored = await _stored(installation, claims)
    user = new_user(installation, username, email=email, email_verified=email_verified, claims=stored)
    if no_password:
        await create_user(installation, user, None)
        output.one(_record(user))
        say(f"There is no password yet: `valetkey user reset-link {shlex.quote(username)}` makes a link to choose one.")
        return
    password = choice.read()
    password_hash = password_hash_for(installation, user, password)
    with choice.handed_over(password) as handed:
        await create_user(installation, user, password_hash)
    output.one(_record(user) | handed)


@command.command(
    "update",
    epilog=example(
        "valetkey user update ada --email ada@example.org --email-verified",
        "valetkey user update ada --claim zoneinfo=Europe/London --remove-claim nickname",
        "valetkey user update ada --username ada.lovelace",
        "valetkey user update ada --disabled",
        """valetkey user update ada --claim address='{"locality": "London", "country": "United Kingdom"}'""",
    ),
)
@click.argument("user")
@click.option("--username", help="User name to sign in with from now on, and no longer with the old.")
@click.option(
    "--email", callback=_email, help="E-mail address; the user may sign in with it, and no longer with the old."
)
@click.option("--remove-email", is_flag=True, help="The user has no e-mail address any more.")
@click.option(
    "--email-verified/--email-unverified", default=None, help="Whether the address is known to be the user's."
)
@_claim_option
@click.option("--remove-claim", "removed", multiple=True, metavar="NAME", help="A claim that goes; may be repeated.")
@_force_option
@click.option("--enabled/--disabled", default=None, help="Whether the user may sign in; --disabled ends every session.")
@output_option
@with_installation
async def update(  # noqa: PLR0913 - one parameter per option
    installation: Installation,
    user: str,
    username: str | None,
    email: str | None,
    claims: dict[str, str],
    removed: tuple[str, ...],
    output: Output,
    *,
    remove_email: bool,
    email_verified: bool | None,
    force: bool,
    enabled: bool | None,
) -> None:
    """Change what is known of a user. Sessions and grants go on; clients see it when they ask again.

    The subject stays, and so do claims that are not named.
    """
    if both := sorted(claims.keys() & set(removed)):
        raise click.UsageError(f"Both given and removed: {', '.join(both)}.")
    if remove_email and (email is not None or email_verified):
        raise click.UsageError("--remove-email goes with neither --email nor --email-verified.")
    found = await get_user(installation, user)
    await require_unowned_user(installation, found, force=force)
    changed = with_email(found, email, is_verified=email_verified)
    if remove_email:
        changed = replace(changed, email=None, email_verified=False)
    if changed.email_verified and changed.email is None:
        raise click.UsageError("--email-verified needs an e-mail address.")
    if username is not None:
        changed = replace(changed, username=username)
    stored = await _stored(installation, claims)
    if enabled is False:
        async with installation.revoking() as publish:
            await update_user(installation, changed, removed, stored)
            await disable_user(installation, found.subject, publish)
    else:
        await update_user(installation, changed, removed, stored)
        if enabled and not found.enabled:
            await enable_user(installation, found.subject)
    output.one(_record(await get_user(installation, str(found.subject))))


@command.command("get", epilog=example("valetkey user get ada@example.com -o json"))
@click.argument("user")
@output_option
@with_installation
async def get(installation: Installation, user: str, output: Output) -> None:
    """Show a user. USER is a user name, an e-mail address or a subject."""
    output.one(_record(await get_user(installation, user)))


@command.command(
    "list",
    epilog=example(
        "valetkey user list -o json",
        "valetkey user list ada",
        "valetkey user list --limit 100 --after grace",
        "valetkey user list --group staff --disabled",
    ),
)
@click.argument("prefix", default="")
@click.option("--group", metavar="NAME", help="Only those who are in this group, directly or through other groups.")
@click.option("--enabled/--disabled", default=None, help="Only those who are enabled, or only those who are not.")
@click.option("--limit", type=click.IntRange(min=1), metavar="COUNT", help="At most so many; all unless given.")
@click.option("--after", default="", metavar="USERNAME", help="Begin behind this name: what a page before has told.")
@output_option
@with_installation
async def list_(
    installation: Installation,
    prefix: str,
    group: str | None,
    limit: int | None,
    after: str,
    output: Output,
    *,
    enabled: bool | None,
) -> None:
    """List users by name: all, or those whose user name or e-mail address begins with PREFIX."""
    shown = 0
    last: User | None = None

    async def pages() -> AsyncIterator[list[dict[str, object]]]:
        nonlocal shown, last
        async for page in list_users(
            installation, prefix=prefix, group=group, enabled=enabled, after=after, most=limit
        ):
            shown, last = shown + len(page), page[-1]
            yield [_record(user) for user in page]

    await output.pages(pages(), _COLUMNS)
    if last is not None and shown == limit:
        say(f"There may be more: --after {shlex.quote(listed_name(last, prefix))}")


@command.command("set-password", epilog=example("valetkey user set-password ada --password-file - < password.txt"))
@click.argument("user")
@password_options
@output_option
@with_installation
async def set_password(installation: Installation, user: str, choice: PasswordChoice, output: Output) -> None:
    """Give a user another password. Every session and grant of the user ends."""
    found = await get_user(installation, user)
    password = choice.read()
    password_hash = password_hash_for(installation, found, password)
    async with installation.revoking() as publish:
        with choice.handed_over(password) as handed:
            await set_user_password(installation, found.subject, password_hash, publish)
    output.one({"subject": found.sub, "username": found.username, **handed})


@command.command("disable", epilog=example("valetkey user disable ada"))
@click.argument("user")
@_force_option
@output_option
@with_installation
async def disable(installation: Installation, user: str, output: Output, *, force: bool) -> None:
    """Refuse a user from now on. Every session and grant of the user ends."""
    found = await get_user(installation, user)
    await require_unowned_user(installation, found, force=force)
    async with installation.revoking() as publish:
        await disable_user(installation, found.subject, publish)
    output.one(_record(await get_user(installation, str(found.subject))))


@command.command("enable", epilog=example("valetkey user enable ada"))
@click.argument("user")
@_force_option
@output_option
@with_installation
async def enable(installation: Installation, user: str, output: Output, *, force: bool) -> None:
    """Accept a disabled user again. What ended stays ended: the user signs in anew."""
    found = await get_user(installation, user)
    await require_unowned_user(installation, found, force=force)
    if not found.enabled:
        await enable_user(installation, found.subject)
    output.one(_record(await get_user(installation, str(found.subject))))


@command.command("unlock", epilog=example("valetkey user unlock ada", "valetkey user unlock ada@example.com -o json"))
@click.argument("user")
@output_option
@with_installation
async def unlock(installation: Installation, user: str, output: Output) -> None:
    """Forget the wrong passwords and codes counted against a user, so that a new browser is let in again.

    For a person whom others' guesses keep out, by whichever name. Those who guess may go on too, with as many attempts
    as in a new window. What was counted against addresses is left. Safe at any time; the password stays as it is.
    """
    found = await get_user(installation, user)
    cleared = [
        {"budget": each.budget, "attempts": each.attempts} | ({} if each.name is None else {"name": each.name})
        for each in await unlock_user(installation, found)
        if each.attempts > 0
    ]
    output.one({"subject": found.sub, "username": found.username, "cleared": cleared})
    say(_unlocked(found) if cleared else f"Nothing was counted against {found.username}; nothing was changed.")


def _unlocked(user: User) -> str:
    return f"{user.username} may try again at once, in any browser. One in which the person has signed in stays open."


@command.command("delete", epilog=example("valetkey user delete ada --yes"))
@click.argument("user")
@_force_option
@yes_option
@with_installation
async def delete(installation: Installation, user: str, *, force: bool, yes: bool) -> None:
    """Delete a user. Sessions, consents and grants go too; the subject is never used for another user."""
    found = await get_user(installation, user)
    await require_unowned_user(installation, found, force=force)
    confirm(f"Delete the user {found.username} ({found.sub}) and end everything?", yes=yes)
    async with installation.revoking() as publish:
        await delete_user(installation, found.subject, publish)
    say(f"The user {found.username} is gone.")


def _record(user: User) -> dict[str, object]:
    # Everything an operator may know; nothing of the password.
    return {
        "subject": user.sub,
        "username": user.username,
        "email": user.email,
        "email_verified": user.email_verified,
        "claims": user.claims,
        "groups": user.groups,
        "enabled": user.enabled,
        "valid_since": user.valid_since,
        "updated_at": user.updated_at,
    }
