"""Addresses that their users change: what each link does, for exactly one caller, and what ends it."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from support.eventually import eventually
from support.postgres import postgres_stores
from support.seed import make_session, make_user, password_hash
from valetkey.core.authentication.account_token import TokenPurpose, generate_token, token_digest
from valetkey.core.authentication.user import User
from valetkey.core.mail.content import EmailReverted
from valetkey.core.mail.mail import Mail
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.storage.mail_sealer import MailSealer
from valetkey.storage.postgres.database.errors import Conflict
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Statement
from valetkey.storage.postgres.tables.account_tokens import AccountTokens
from valetkey.storage.postgres.tables.email_changes import (
    MOST_REVERTS,
    ChangedEmail,
    EmailChanges,
    Revert,
    TooManyChanges,
)
from valetkey.storage.postgres.tables.mail_outbox import MailLimits, MailOutbox
from valetkey.storage.postgres.tables.own_account import OwnAccounts
from valetkey.storage.postgres.tables.user_lifecycle import UserLifecycle
from valetkey.storage.postgres.tables.users import Users

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR, WEEK = timedelta(hours=1), timedelta(days=7)
VERIFY, CHANGE, REVERT, RESET = (
    TokenPurpose.EMAIL_VERIFICATION,
    TokenPurpose.EMAIL_CHANGE,
    TokenPurpose.EMAIL_REVERT,
    TokenPurpose.PASSWORD_RESET,
)
END_EVERYTHING = Statement("test.end_everything", "UPDATE installation SET epoch = epoch + 1")
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
OWN = Statement("test.own", "UPDATE users SET managed_by = 'git' WHERE subject = $1")
ONCE = pytest.mark.requirement("account: a link in a mail counts once, across replicas")
ENDS = pytest.mark.requirement(
    "account: a link ends with its user, with the address it was made at, and with everything"
)


class World:
    """The stores of one replica, and a short way to make links."""

    def __init__(self, database: Database, queue: int = 1000) -> None:
        self.database = database
        self.tokens = AccountTokens(database)
        self.users = Users(database)
        self.outbox = MailOutbox(database, MailSealer([secrets.token_bytes(32)]), MailLimits(queue=queue))
        self.changes = EmailChanges(database, self.outbox)
        self.reverts: list[bytes] = []

    async def link(self, user: User, purpose: TokenPurpose, email: str | None = None) -> bytes:
        digest = new_digest(purpose)
        assert await self.tokens.put(digest, purpose, user, NOW, NOW + HOUR, email=email)
        return digest

    async def change(self, digest: bytes, now: datetime = NOW) -> ChangedEmail | None:
        self.reverts.append(new_digest(REVERT))
        return await self.changes.change(digest, now, Revert(self.reverts[-1], now + WEEK), told)

    async def change_to(self, user: User, email: str) -> bytes:
        """Change the address; what undoes it."""
        assert await self.change(await self.link(await self.read(user), CHANGE, email))
        return self.reverts[-1]

    async def revert(self, digest: bytes, now: datetime = NOW) -> ChangedEmail | None:
        return await self.changes.revert(digest, now, told)

    async def read(self, user: User) -> User:
        found = await self.users.find_by_subject(user.subject)
        assert found is not None
        return found

    async def mails(self) -> list[str]:
        rows = await self.database.fetch(
            Statement("test.mails", "SELECT recipient FROM mail_outbox ORDER BY recipient")
        )
        return [row["recipient"] for row in rows]


def new_digest(purpose: TokenPurpose) -> bytes:
    digest = token_digest(purpose, generate_token())
    assert digest is not None
    return digest


def told(subject: UUID, recipient: str) -> Mail:
    return Mail(recipient=recipient, subject=subject, content=EmailReverted(name="Ada", at=NOW))


@pytest.fixture
async def world(database: Database) -> World:
    return World(database)


@pytest.fixture
async def elsewhere(postgres_dsn: str) -> AsyncIterator[World]:
    """The stores of another replica."""
    async with Database(postgres_dsn, max_size=20) as opened:
        yield World(opened)


@pytest.fixture
async def ada(database: Database) -> User:
    user = make_user()
    await postgres_stores(database).users.create(user, password_hash())
    return user


async def at_once(dsn: str, user: User, works: list[Callable[[], Awaitable[object]]]) -> list[object]:
    """What becomes of works that all wait for the user's row before any of them goes on."""
    connection = await asyncpg.connect(dsn)
    watching = await asyncpg.connect(dsn)
    try:
        held = connection.transaction()
        await held.start()
        await connection.execute("SELECT FROM users WHERE subject = $1 FOR UPDATE", user.subject)
        tasks = [asyncio.ensure_future(work()) for work in works]

        async def all_wait() -> bool:
            waiting = await watching.fetchval(WAITING)
            return bool(waiting == len(works))

        await eventually(all_wait)
        await held.rollback()
        return await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        await connection.close()
        await watching.close()


async def test_a_confirmed_address_is_verified_and_nothing_else_changes(world: World, database: Database) -> None:
    user = make_user(email_verified=False)
    await world.users.create(user, password_hash())
    digest = await world.link(user, VERIFY, user.email)
    assert await world.tokens.find_link(digest, VERIFY, NOW) is not None

    assert await world.changes.verify(digest, NOW) == ChangedEmail(user.subject, user.email or "", user.email)

    read = await world.read(user)
    assert replace(read, updated_at=user.updated_at, email_verified=False) == user
    assert read.email_verified
    assert await world.changes.verify(digest, NOW) is None


async def test_a_changed_address_is_verified_signs_in_and_is_told_to_the_former(world: World, ada: User) -> None:
    assert await world.change(await world.link(ada, CHANGE, "ada@new.example")) == ChangedEmail(
        ada.subject, "ada@new.example", ada.email
    )

    read = await world.read(ada)
    assert (read.email, read.email_verified, read.epoch) == ("ada@new.example", True, ada.epoch)
    assert await world.users.find_by_login_name("Ada@New.example")
    assert await world.users.find_by_login_name(ada.email or "") is None
    assert await world.users.find_by_login_name(ada.username)
    assert await world.mails() == [ada.email]


@pytest.mark.requirement("account: only an address that was confirmed can be brought back")
async def test_an_address_that_was_never_confirmed_is_told_nothing(world: World) -> None:
    user = make_user(email_verified=False)
    await world.users.create(user, password_hash())

    await world.change_to(user, "ada@new.example")

    assert await world.mails() == []
    assert await world.revert(world.reverts[-1]) is None


async def test_a_user_name_that_is_the_address_of_before_stays(world: World) -> None:
    user = make_user("ada@old.example", email="ada@old.example")
    await world.users.create(user, password_hash())

    await world.change_to(user, "ada@new.example")

    assert await world.users.find_by_login_name("ada@old.example")
    assert await world.users.find_by_login_name("ada@new.example")


@pytest.mark.requirement("account: an address that is brought back ends everything of the one who took it")
async def test_an_address_that_is_brought_back(world: World, ada: User, database: Database) -> None:
    undo = await world.change_to(ada, "eve@evil.example")
    read = await world.read(ada)
    session = make_session(read, NOW)
    sessions = postgres_stores(database).sessions
    assert await sessions.create("s" * 43, session, None)
    pending = await world.link(read, CHANGE, "eve@other.example")
    reset = await world.link(read, RESET)

    reverted = await world.revert(undo)

    assert reverted is not None
    assert (reverted.email, reverted.former) == (ada.email, "eve@evil.example")
    assert [each.epoch for each in reverted.revocations if each.epoch is not None] == [ada.epoch + 1]
    read = await world.read(ada)
    assert (read.email, read.email_verified, read.epoch) == (ada.email, True, ada.epoch + 1)
    assert await sessions.find("s" * 43, NOW) is None
    assert await world.change(pending) is None
    assert await world.tokens.use(reset, RESET, NOW) is None
    assert await world.mails() == sorted([ada.email or "", ada.email or "", "eve@evil.example"])
    assert await world.users.find_by_login_name("eve@evil.example") is None


@pytest.mark.requirement("account: an attacker cannot make the link worthless that undoes a change")
@pytest.mark.parametrize("how", ["password", "further change", "brought back later", "verification"])
async def test_what_undoes_a_change_outlives_what_an_attacker_does(world: World, ada: User, how: str) -> None:
    undo = await world.change_to(ada, "eve@evil.example")
    if how == "password":
        await UserLifecycle(world.database).set_password(ada.subject, password_hash("of eve"), NOW)
    elif how == "further change":
        for number in range(MOST_REVERTS - 1):
            await world.change_to(ada, f"eve@evil{number}.example")
    elif how == "brought back later":
        assert await world.revert(await world.change_to(ada, "eve@other.example"))
    else:
        await world.link(await world.read(ada), VERIFY, "eve@evil.example")

    assert await world.revert(undo)

    assert (await world.read(ada)).email == ada.email
    assert [await world.revert(each) for each in world.reverts] == [None] * len(world.reverts)


async def test_so_many_changes_can_be_undone_and_no_more_are_made(world: World, ada: User) -> None:
    for number in range(MOST_REVERTS):
        assert await world.changes.has_room(ada.subject, NOW)
        await world.change_to(ada, f"ada@{number}.example")
    assert not await world.changes.has_room(ada.subject, NOW)
    read = await world.read(ada)

    with pytest.raises(TooManyChanges):
        await world.change_to(ada, "ada@more.example")

    assert await world.read(ada) == read
    assert await world.changes.has_room(ada.subject, NOW + WEEK)


@ENDS
@pytest.mark.parametrize("purpose", [VERIFY, CHANGE, RESET])
@pytest.mark.parametrize(
    "how", ["time", "password", "disabled", "deleted", "everything", "operator", "changed", "there and back"]
)
async def test_a_link_ends(world: World, ada: User, purpose: TokenPurpose, how: str) -> None:
    digest = await world.link(ada, purpose, "ada@new.example" if purpose is CHANGE else ada.email)
    lifecycle, now = UserLifecycle(world.database), NOW
    if how == "time":
        now = NOW + HOUR
    elif how == "password":
        await lifecycle.set_password(ada.subject, password_hash(), NOW)
    elif how == "disabled":
        await lifecycle.disable(ada.subject, NOW)
        await lifecycle.enable(ada.subject, NOW)
    elif how == "deleted":
        await lifecycle.delete(ada.subject, NOW)
    elif how == "everything":
        await world.database.execute(END_EVERYTHING)
    elif how == "changed":
        await world.change_to(ada, "ada@third.example")
    else:
        assert await world.users.update(replace(ada, email="ada@third.example"), NOW, (), {})
        if how == "there and back":
            assert await world.users.update(ada, NOW, (), {})
    use = {
        VERIFY: lambda: world.changes.verify(digest, now),
        CHANGE: lambda: world.change(digest, now),
        RESET: lambda: world.tokens.use(digest, RESET, now),
    }

    assert await world.tokens.find_link(digest, purpose, now) is None
    assert await use[purpose]() is None


@ENDS
@pytest.mark.parametrize("how", ["time", "disabled", "deleted", "everything", "operator", "there and back"])
async def test_what_undoes_a_change_ends(world: World, ada: User, how: str) -> None:
    undo, now = await world.change_to(ada, "ada@new.example"), NOW
    lifecycle = UserLifecycle(world.database)
    if how == "time":
        now = NOW + WEEK
    elif how == "disabled":
        await lifecycle.disable(ada.subject, NOW)
    elif how == "deleted":
        await lifecycle.delete(ada.subject, NOW)
    elif how == "everything":
        await world.database.execute(END_EVERYTHING)
    else:
        assert await world.users.update(replace(ada, email="ada@third.example"), NOW, (), {})
        if how == "there and back":
            assert await world.users.update(replace(ada, email="ada@new.example"), NOW, (), {})

    assert await world.revert(undo, now) is None


@pytest.mark.requirement("account: a token of one purpose is worth nothing for another")
@pytest.mark.parametrize("made", list(TokenPurpose))
@pytest.mark.parametrize("used", list(TokenPurpose))
async def test_a_link_is_for_one_purpose(world: World, ada: User, made: TokenPurpose, used: TokenPurpose) -> None:
    token = generate_token()
    if made is REVERT:
        digest = await world.change_to(ada, "ada@new.example")
    else:
        digest = token_digest(made, token) or b""
        assert await world.tokens.put(digest, made, ada, NOW, NOW + HOUR, email="ada@new.example")

    found = await world.tokens.find_link(digest, used, NOW)

    assert (found is not None) == (made is used)
    assert (token_digest(made, token) == token_digest(used, token)) == (made is used)


@ENDS
async def test_a_link_for_an_address_of_before_is_not_stored(world: World, ada: User) -> None:
    await world.change_to(ada, "ada@new.example")

    assert not await world.tokens.put(new_digest(RESET), RESET, ada, NOW, NOW + HOUR)


@ONCE
@pytest.mark.parametrize("purpose", [VERIFY, CHANGE, REVERT])
async def test_one_of_many_on_two_replicas_uses_a_link(
    world: World, elsewhere: World, ada: User, postgres_dsn: str, purpose: TokenPurpose
) -> None:
    if purpose is REVERT:
        digest = await world.change_to(ada, "ada@new.example")
    else:
        digest = await world.link(ada, purpose, "ada@new.example" if purpose is CHANGE else ada.email)
    use = {
        VERIFY: lambda at: at.changes.verify(digest, NOW),
        CHANGE: lambda at: at.change(digest),
        REVERT: lambda at: at.revert(digest),
    }[purpose]

    results = await at_once(
        postgres_dsn,
        ada,
        [lambda at=at: use(at) for at in (world, elsewhere) * 4],  # type: ignore[misc]
    )

    assert sorted(type(result).__name__ for result in results) == ["ChangedEmail"] + ["NoneType"] * 7


@pytest.mark.requirement("account: a change and its undoing, and two changes at once, leave one address")
async def test_two_tabs_confirm_two_addresses(world: World, elsewhere: World, ada: User, postgres_dsn: str) -> None:
    first = await world.link(ada, CHANGE, "ada@one.example")
    second = await world.link(ada, CHANGE, "ada@two.example")

    results = await at_once(postgres_dsn, ada, [lambda: world.change(first), lambda: elsewhere.change(second)])

    (changed,) = (result for result in results if isinstance(result, ChangedEmail))
    read = await world.read(ada)
    assert read.email == changed.email
    assert results.count(None) == 1
    assert await world.mails() == [ada.email]


@pytest.mark.requirement("account: what an operator says of an address is not undone by a link that was under way")
async def test_an_operator_and_a_link_at_once(world: World, elsewhere: World, ada: User, postgres_dsn: str) -> None:
    undo = await world.change_to(ada, "ada@new.example")
    said = replace(ada, email="ada@operator.example", email_verified=True)

    reverted, updated = await at_once(
        postgres_dsn, ada, [lambda: world.revert(undo), lambda: elsewhere.users.update(said, NOW, (), {})]
    )

    assert updated is True
    assert reverted is None or isinstance(reverted, ChangedEmail)
    assert (await world.read(ada)).email in {ada.email, "ada@operator.example"}
    if reverted is None:
        assert (await world.read(ada)).email == "ada@operator.example"
    assert await world.revert(undo) is None


@pytest.mark.requirement("account: an address belongs to one user")
@pytest.mark.parametrize("round_", range(5))
async def test_two_users_confirm_the_same_address(world: World, elsewhere: World, ada: User, round_: int) -> None:
    bob = make_user(f"bob{round_}")
    await world.users.create(bob, password_hash())
    links = [await world.link(user, CHANGE, "we@shared.example") for user in (ada, bob)]

    results = await asyncio.gather(world.change(links[0]), elsewhere.change(links[1]), return_exceptions=True)

    assert sorted(type(result).__name__ for result in results) == ["ChangedEmail", "Conflict"]
    found = await world.users.find_by_login_name("we@shared.example")
    assert found is not None
    (changed,) = (result for result in results if isinstance(result, ChangedEmail))
    assert found[0].subject == changed.subject


async def test_an_address_that_is_taken_by_now_changes_nothing(world: World, ada: User) -> None:
    digest = await world.link(ada, CHANGE, "bob@example.org")
    await world.users.create(make_user("bob"), password_hash())
    undo = await world.change_to(ada, "ada@new.example")
    again = await world.link(await world.read(ada), CHANGE, "bob@example.org")
    assert await world.change(digest) is None

    with pytest.raises(Conflict):
        await world.change(again)

    await world.users.create(make_user("taker", email=ada.email), password_hash())
    with pytest.raises(Conflict):
        await world.revert(undo)
    assert (await world.read(ada)).email == "ada@new.example"


@pytest.mark.requirement("account: no address is changed without telling the former one")
async def test_without_room_for_the_notice_nothing_changes(database: Database, ada: User) -> None:
    world = World(database, queue=1)
    for _ in range(2):
        await world.outbox.put(told(ada.subject, "x@example.com"))
    digest = await world.link(ada, CHANGE, "ada@new.example")

    with pytest.raises(TemporarilyUnavailable):
        await world.change(digest)

    assert await world.read(ada) == ada
    assert await world.tokens.find_link(digest, CHANGE, NOW) is not None


@pytest.mark.requirement("account: what an applied file owns is changed in that file")
async def test_a_user_whom_a_file_owns_changes_nothing(world: World, ada: User) -> None:
    digest = await world.link(ada, CHANGE, "ada@new.example")
    await world.database.execute(OWN, ada.subject)
    own = OwnAccounts(world.database, world.outbox)

    assert await own.is_owned(ada.subject)
    assert await world.change(digest) is None
    assert not await own.edit(ada, (), {"name": "Eve"}, NOW)
    assert await own.delete(ada, NOW, None) is None
    assert await world.read(ada) == ada


@pytest.mark.requirement("account: a deleted account leaves nothing, and its waiting mails go")
async def test_a_deleted_account_takes_its_mails_along_and_leaves_one(world: World, ada: User) -> None:
    await world.outbox.put(told(ada.subject, "ada@waiting.example"))
    await world.outbox.put(told(make_user("bob").subject, "bob@waiting.example"))
    digest = await world.link(ada, RESET)
    last = Mail(recipient=ada.email or "", content=EmailReverted(name="Ada", at=NOW))

    ended = await OwnAccounts(world.database, world.outbox).delete(ada, NOW, last)

    assert ended
    assert await world.users.find_by_subject(ada.subject) is None
    assert await world.users.find_by_login_name(ada.username) is None
    assert await world.mails() == [ada.email, "bob@waiting.example"]
    assert await world.tokens.find(digest, RESET, NOW) is None
    assert await OwnAccounts(world.database, world.outbox).delete(ada, NOW, last) is None


@pytest.mark.requirement("security 21: a user who has ended meanwhile edits and deletes nothing")
async def test_a_user_who_has_ended_meanwhile_edits_and_deletes_nothing(world: World, ada: User) -> None:
    await UserLifecycle(world.database).set_password(ada.subject, password_hash(), NOW)
    own, read = OwnAccounts(world.database, world.outbox), await world.read(ada)

    assert not await own.edit(ada, (), {"name": "Eve"}, NOW)
    assert await own.delete(ada, NOW, None) is None
    assert await world.read(ada) == read
