"""``valetkey user``: the people who sign in."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import click

from valetkey.cli import ending
from valetkey.cli.failure import Failure
from valetkey.cli.operator_audit import audited
from valetkey.cli.option import confirm, example, output_option, yes_option
from valetkey.cli.output import Output, say
from valetkey.cli.password import hash_password
from valetkey.cli.password_option import PasswordChoice, password_options
from valetkey.cli.store import Stores, with_stores
from valetkey.cli.stored_user import LIST_COLUMNS, get_user, login_names, user_record
from valetkey.cli.user_attributes import email_problem, parse_attributes, with_email
from valetkey.core.authentication.user import User
from valetkey.storage.postgres.tables.user_lifecycle import UserEndings
from valetkey.storage.postgres.tables.users import Users
from valetkey.storage.redis.limits.login_attempts import LoginAttempts, account_of_user


def _claims(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, object]:
    try:
        return parse_attributes(values)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


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
    help="A claim about the user, an address as JSON; may be repeated.",
)


@click.group("user", epilog=example("valetkey user list"))
def command() -> None:
    """Create and end the accounts of people."""


@command.command(
    "create",
    epilog=example(
        "valetkey user create ada --email ada@example.com --claim name='Ada Lovelace'",
        "valetkey user create ada --password-file - < password.txt",
        "valetkey user create ada --generate-password -o json",
        "valetkey user create --if-absent ada --generate-password",
    ),
)
@click.argument("username")
@click.option("--email", callback=_email, help="E-mail address; the user may sign in with it too.")
@click.option("--email-verified", is_flag=True, help="The address is known to be the user's.")
@_claim_option
@click.option(
    "--if-absent", is_flag=True, help="Succeed and change nothing where the name is taken already, as jobs want it."
)
@password_options
@output_option
@with_stores
async def create(  # noqa: PLR0913 - one parameter per option
    stores: Stores,
    username: str,
    email: str | None,
    claims: dict[str, object],
    choice: PasswordChoice,
    output: Output,
    *,
    email_verified: bool,
    if_absent: bool,
) -> None:
    """Create a user. The user name and the e-mail address both work for signing in."""
    if email_verified and email is None:
        raise click.UsageError("--email-verified needs --email.")
    if if_absent and (found := await Users(stores.database).find_by_login_name(username)) is not None:
        output.one(user_record(found[0]))
        say(f"The user {username} is there already; nothing was changed.")
        return
    password, now = choice.read(), stores.clock()
    password_hash = hash_password(password, tuple(filter(None, (username, email))), stores.settings)
    user = User(
        subject=uuid4(),
        username=username,
        email=email,
        email_verified=email_verified,
        enabled=True,
        valid_since=now,
        updated_at=now,
        claims=claims,
    )
    with choice.handed_over(password) as handed, audited("user.created", subject=str(user.subject)):
        try:
            await Users(stores.database).create(user, password_hash)
        except ValueError as error:
            raise Failure(f"{error}: it must be 1 to 254 characters without spaces and control characters.") from error
    output.one(user_record(user) | handed)


@command.command(
    "update",
    epilog=example(
        "valetkey user update ada --email ada@example.org --email-verified",
        "valetkey user update ada --claim zoneinfo=Europe/London --remove-claim nickname",
        """valetkey user update ada --claim address='{"locality": "London", "country": "United Kingdom"}'""",
    ),
)
@click.argument("user")
@click.option(
    "--email", callback=_email, help="E-mail address; the user may sign in with it, and no longer with the old."
)
@click.option("--remove-email", is_flag=True, help="The user has no e-mail address any more.")
@click.option(
    "--email-verified/--email-unverified", default=None, help="Whether the address is known to be the user's."
)
@_claim_option
@click.option("--remove-claim", "removed", multiple=True, metavar="NAME", help="A claim that goes; may be repeated.")
@output_option
@with_stores
async def update(  # noqa: PLR0913 - one parameter per option
    stores: Stores,
    user: str,
    email: str | None,
    claims: dict[str, object],
    removed: tuple[str, ...],
    output: Output,
    *,
    remove_email: bool,
    email_verified: bool | None,
) -> None:
    """Change what is known of a user. Sessions and grants go on; clients see it when they ask again.

    Claims that are not named stay as they are.
    """
    if both := sorted(claims.keys() & set(removed)):
        raise click.UsageError(f"Both given and removed: {', '.join(both)}.")
    if remove_email and (email is not None or email_verified):
        raise click.UsageError("--remove-email goes with neither --email nor --email-verified.")
    found = await get_user(stores.database, user)
    changed = with_email(found, email, is_verified=email_verified)
    if remove_email:
        changed = replace(changed, email=None, email_verified=False)
    if changed.email_verified and changed.email is None:
        raise click.UsageError("--email-verified needs an e-mail address.")
    with audited("user.updated", subject=str(found.subject)):
        try:
            await Users(stores.database).update(changed, stores.clock(), removed, claims)
        except ValueError as error:
            raise Failure(f"{error}: it must be 1 to 254 characters without spaces and control characters.") from error
    output.one(user_record(await get_user(stores.database, str(found.subject))))


@command.command("get", epilog=example("valetkey user get ada@example.com -o json"))
@click.argument("user")
@output_option
@with_stores
async def get(stores: Stores, user: str, output: Output) -> None:
    """Show a user. USER is a user name, an e-mail address or a subject."""
    output.one(user_record(await get_user(stores.database, user)))


@command.command("list", epilog=example("valetkey user list -o json"))
@output_option
@with_stores
async def list_(stores: Stores, output: Output) -> None:
    """List every user."""
    output.many([user_record(user) for user in await Users(stores.database).list()], LIST_COLUMNS)


@command.command("set-password", epilog=example("valetkey user set-password ada --password-file - < password.txt"))
@click.argument("user")
@password_options
@output_option
@with_stores
async def set_password(stores: Stores, user: str, choice: PasswordChoice, output: Output) -> None:
    """Give a user another password. Every session and grant of the user ends."""
    found = await get_user(stores.database, user)
    password = choice.read()
    password_hash = hash_password(password, tuple(filter(None, (found.username, found.email))), stores.settings)
    async with stores.revoking() as publish:
        with choice.handed_over(password) as handed, audited("user.password_set", subject=str(found.subject)):
            await ending.set_password(stores, found.subject, password_hash, publish)
    output.one({"subject": found.subject, "username": found.username, **handed})


@command.command("disable", epilog=example("valetkey user disable ada"))
@click.argument("user")
@output_option
@with_stores
async def disable(stores: Stores, user: str, output: Output) -> None:
    """Refuse a user from now on. Every session and grant of the user ends."""
    found = await get_user(stores.database, user)
    async with stores.revoking() as publish:
        with audited("user.disabled", subject=str(found.subject)):
            await ending.disable_user(stores, found.subject, publish)
    output.one(user_record(await get_user(stores.database, str(found.subject))))


@command.command("enable", epilog=example("valetkey user enable ada"))
@click.argument("user")
@output_option
@with_stores
async def enable(stores: Stores, user: str, output: Output) -> None:
    """Accept a disabled user again. What ended stays ended: the user signs in anew."""
    found = await get_user(stores.database, user)
    if not found.enabled:
        with audited("user.enabled", subject=str(found.subject)):
            await UserEndings(stores.database).enable(found.subject, stores.clock())
    output.one(user_record(await get_user(stores.database, str(found.subject))))


@command.command("unlock", epilog=example("valetkey user unlock ada", "valetkey user unlock ada@example.com -o json"))
@click.argument("user")
@output_option
@with_stores
async def unlock(stores: Stores, user: str, output: Output) -> None:
    """Forget the wrong passwords counted against a user, so that a new browser is let in again.

    For a person whom others' guesses keep out, by whichever name. Those who guess may go on too, with as many attempts
    as in a new window. What was counted against addresses is left. Safe at any time; the password stays as it is.
    """
    found = await get_user(stores.database, user)
    async with stores.redis() as redis:
        attempts = LoginAttempts.from_settings(stores.settings, redis)
        with audited("user.unlocked", subject=str(found.subject)):
            forgotten = await attempts.forget(login_names(found), account_of_user(found.subject))
    cleared = [
        {"budget": each.budget, "attempts": each.attempts} | ({} if each.name is None else {"name": each.name})
        for each in forgotten
        if each.attempts > 0
    ]
    output.one({"subject": found.subject, "username": found.username, "cleared": cleared})
    say(_unlocked(found) if cleared else f"Nothing was counted against {found.username}; nothing was changed.")


def _unlocked(user: User) -> str:
    return f"{user.username} may try again at once, in any browser. One in which the person has signed in stays open."


@command.command("delete", epilog=example("valetkey user delete ada --yes"))
@click.argument("user")
@yes_option
@with_stores
async def delete(stores: Stores, user: str, *, yes: bool) -> None:
    """Delete a user. Sessions, consents and grants go too; the subject is never given to anybody else."""
    found = await get_user(stores.database, user)
    confirm(f"Delete the user {found.username} ({found.subject}) and end everything?", yes=yes)
    async with stores.revoking() as publish:
        with audited("user.deleted", subject=str(found.subject)):
            await ending.delete_user(stores, found.subject, publish)
    say(f"The user {found.username} is gone.")
