"""Addresses that their users change: what each link does, and that it is all or nothing."""

from dataclasses import replace

import pytest

from support.email_world import CHANGE, NOW, RESET, VERIFY, WEEK, EmailWorld, told
from support.postgres import postgres_stores
from support.seed import make_session, make_user, password_hash
from valetkey.core.authentication.user import User
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.storage.postgres.database.errors import Conflict
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.tables.email_changes import MOST_REVERTS, ChangedEmail, TooManyChanges
from valetkey.storage.postgres.tables.user_lifecycle import UserLifecycle


async def test_a_confirmed_address_is_verified_and_nothing_else_changes(emails: EmailWorld, database: Database) -> None:
    user = make_user(email_verified=False)
    await emails.users.create(user, password_hash())
    digest = await emails.link(user, VERIFY, user.email)
    assert await emails.tokens.find_link(digest, VERIFY, NOW) is not None

    assert await emails.changes.verify(digest, NOW) == ChangedEmail(user.subject, user.email or "", user.email)

    read = await emails.read(user)
    assert replace(read, updated_at=user.updated_at, email_verified=False) == user
    assert read.email_verified
    assert await emails.changes.verify(digest, NOW) is None


async def test_a_changed_address_is_verified_signs_in_and_is_told_to_the_former(
    emails: EmailWorld, email_user: User
) -> None:
    assert await emails.change(await emails.link(email_user, CHANGE, "ada@new.example")) == ChangedEmail(
        email_user.subject, "ada@new.example", email_user.email
    )

    read = await emails.read(email_user)
    assert (read.email, read.email_verified, read.epoch) == ("ada@new.example", True, email_user.epoch)
    assert await emails.users.find_by_login_name("Ada@New.example")
    assert await emails.users.find_by_login_name(email_user.email or "") is None
    assert await emails.users.find_by_login_name(email_user.username)
    assert await emails.mails() == [email_user.email]


@pytest.mark.requirement("account: only an address that was confirmed can be brought back")
async def test_an_address_that_was_never_confirmed_is_told_nothing(emails: EmailWorld) -> None:
    user = make_user(email_verified=False)
    await emails.users.create(user, password_hash())

    await emails.change_to(user, "ada@new.example")

    assert await emails.mails() == []
    assert await emails.revert(emails.reverts[-1]) is None


async def test_a_user_name_that_is_the_address_of_before_stays(emails: EmailWorld) -> None:
    user = make_user("ada@old.example", email="ada@old.example")
    await emails.users.create(user, password_hash())

    await emails.change_to(user, "ada@new.example")

    assert await emails.users.find_by_login_name("ada@old.example")
    assert await emails.users.find_by_login_name("ada@new.example")


@pytest.mark.requirement("account: an address that is brought back ends everything of the one who took it")
async def test_an_address_that_is_brought_back(emails: EmailWorld, email_user: User, database: Database) -> None:
    undo = await emails.change_to(email_user, "eve@evil.example")
    read = await emails.read(email_user)
    session = make_session(read, NOW)
    sessions = postgres_stores(database).sessions
    assert await sessions.create("s" * 43, session, None)
    pending = await emails.link(read, CHANGE, "eve@other.example")
    reset = await emails.link(read, RESET)

    reverted = await emails.revert(undo)

    assert reverted is not None
    assert (reverted.email, reverted.former) == (email_user.email, "eve@evil.example")
    assert [each.epoch for each in reverted.revocations if each.epoch is not None] == [email_user.epoch + 1]
    read = await emails.read(email_user)
    assert (read.email, read.email_verified, read.epoch) == (email_user.email, True, email_user.epoch + 1)
    assert await sessions.find("s" * 43, NOW) is None
    assert await emails.change(pending) is None
    assert await emails.use(RESET, reset, NOW) is None
    assert await emails.mails() == sorted([email_user.email or "", email_user.email or "", "eve@evil.example"])
    assert await emails.users.find_by_login_name("eve@evil.example") is None


@pytest.mark.requirement("account: an attacker cannot make the link worthless that undoes a change")
@pytest.mark.parametrize("how", ["password", "further change", "brought back later", "verification"])
async def test_what_undoes_a_change_outlives_what_an_attacker_does(
    emails: EmailWorld, email_user: User, how: str
) -> None:
    undo = await emails.change_to(email_user, "eve@evil.example")
    if how == "password":
        await UserLifecycle(emails.database).set_password(email_user.subject, password_hash("of eve"), NOW)
    elif how == "further change":
        for number in range(MOST_REVERTS - 1):
            await emails.change_to(email_user, f"eve@evil{number}.example")
    elif how == "brought back later":
        assert await emails.revert(await emails.change_to(email_user, "eve@other.example"))
    else:
        await emails.link(await emails.read(email_user), VERIFY, "eve@evil.example")

    assert await emails.revert(undo)

    assert (await emails.read(email_user)).email == email_user.email
    assert [await emails.revert(each) for each in emails.reverts] == [None] * len(emails.reverts)


async def test_so_many_changes_can_be_undone_and_no_more_are_made(emails: EmailWorld, email_user: User) -> None:
    for number in range(MOST_REVERTS):
        assert await emails.changes.has_room(email_user.subject, NOW)
        await emails.change_to(email_user, f"ada@{number}.example")
    assert not await emails.changes.has_room(email_user.subject, NOW)
    read = await emails.read(email_user)

    with pytest.raises(TooManyChanges):
        await emails.change_to(email_user, "ada@more.example")

    assert await emails.read(email_user) == read
    assert await emails.changes.has_room(email_user.subject, NOW + WEEK)


async def test_an_address_that_is_taken_by_now_changes_nothing(emails: EmailWorld, email_user: User) -> None:
    digest = await emails.link(email_user, CHANGE, "bob@example.org")
    await emails.users.create(make_user("bob"), password_hash())
    undo = await emails.change_to(email_user, "ada@new.example")
    again = await emails.link(await emails.read(email_user), CHANGE, "bob@example.org")
    assert await emails.change(digest) is None

    with pytest.raises(Conflict):
        await emails.change(again)

    await emails.users.create(make_user("taker", email=email_user.email), password_hash())
    with pytest.raises(Conflict):
        await emails.revert(undo)
    assert (await emails.read(email_user)).email == "ada@new.example"


@pytest.mark.requirement("account: no address is changed without telling the former one")
async def test_without_room_for_the_notice_nothing_changes(database: Database, email_user: User) -> None:
    emails = EmailWorld(database, queue=1)
    for _ in range(2):
        await emails.outbox.put(told(email_user.subject, "x@example.com"))
    digest = await emails.link(email_user, CHANGE, "ada@new.example")

    with pytest.raises(TemporarilyUnavailable):
        await emails.change(digest)

    assert await emails.read(email_user) == email_user
    assert await emails.tokens.find_link(digest, CHANGE, NOW) is not None
