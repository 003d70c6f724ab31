"""Links about addresses that are pressed at once, at two replicas: one counts, and one address is left."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from support.email_world import CHANGE, NOW, REVERT, VERIFY, EmailWorld, at_once
from support.seed import make_user, password_hash
from valetkey.core.authentication.account_token import TokenPurpose
from valetkey.core.authentication.user import User
from valetkey.storage.postgres.tables.email_changes import ChangedEmail

ONCE = pytest.mark.requirement("account: a link in a mail counts once, across replicas")


@ONCE
@pytest.mark.parametrize("purpose", [VERIFY, CHANGE, REVERT])
async def test_one_of_many_on_two_replicas_uses_a_link(
    emails: EmailWorld, replica: EmailWorld, email_user: User, postgres_dsn: str, purpose: TokenPurpose
) -> None:
    if purpose is REVERT:
        digest = await emails.change_to(email_user, "ada@new.example")
    else:
        digest = await emails.link(email_user, purpose, "ada@new.example" if purpose is CHANGE else email_user.email)

    def pressing(at: EmailWorld) -> Callable[[], Awaitable[object]]:
        return lambda: at.use(purpose, digest, NOW)

    results = await at_once(postgres_dsn, email_user, [pressing(at) for at in (emails, replica) * 4])

    assert sorted(type(result).__name__ for result in results) == ["ChangedEmail"] + ["NoneType"] * 7


@pytest.mark.requirement("account: a change and its undoing, and two changes at once, leave one address")
async def test_two_tabs_confirm_two_addresses(
    emails: EmailWorld, replica: EmailWorld, email_user: User, postgres_dsn: str
) -> None:
    first = await emails.link(email_user, CHANGE, "ada@one.example")
    second = await emails.link(email_user, CHANGE, "ada@two.example")

    results = await at_once(postgres_dsn, email_user, [lambda: emails.change(first), lambda: replica.change(second)])

    (changed,) = (result for result in results if isinstance(result, ChangedEmail))
    read = await emails.read(email_user)
    assert read.email == changed.email
    assert results.count(None) == 1
    assert await emails.mails() == [email_user.email]


@pytest.mark.requirement("account: what an operator says of an address is not undone by a link that was under way")
async def test_an_operator_and_a_link_at_once(
    emails: EmailWorld, replica: EmailWorld, email_user: User, postgres_dsn: str
) -> None:
    undo = await emails.change_to(email_user, "ada@new.example")
    said = replace(email_user, email="ada@operator.example", email_verified=True)

    reverted, updated = await at_once(
        postgres_dsn, email_user, [lambda: emails.revert(undo), lambda: replica.users.update(said, NOW, (), {})]
    )

    assert updated is True
    assert reverted is None or isinstance(reverted, ChangedEmail)
    assert (await emails.read(email_user)).email in {email_user.email, "ada@operator.example"}
    if reverted is None:
        assert (await emails.read(email_user)).email == "ada@operator.example"
    assert await emails.revert(undo) is None


@pytest.mark.requirement("account: an address belongs to one user")
@pytest.mark.parametrize("round_", range(5))
async def test_two_users_confirm_the_same_address(
    emails: EmailWorld, replica: EmailWorld, email_user: User, round_: int
) -> None:
    bob = make_user(f"bob{round_}")
    await emails.users.create(bob, password_hash())
    links = [await emails.link(user, CHANGE, "we@shared.example") for user in (email_user, bob)]

    results = await asyncio.gather(emails.change(links[0]), replica.change(links[1]), return_exceptions=True)

    assert sorted(type(result).__name__ for result in results) == ["ChangedEmail", "Conflict"]
    found = await emails.users.find_by_login_name("we@shared.example")
    assert found is not None
    (changed,) = (result for result in results if isinstance(result, ChangedEmail))
    assert found[0].subject == changed.subject
