"""What authorize may rely on about passkeys: one user's, one use after the other, and only so many."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from support.eventually import eventually
from support.seed import make_user, password_hash
from valetkey.core.authentication.factor import Method
from valetkey.core.authentication.passkey import Passkey, new_user_handle
from valetkey.core.authentication.user import User
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Statement
from valetkey.storage.postgres.tables.credentials import Credentials
from valetkey.storage.postgres.tables.passkeys import MOST_PASSKEYS, KeptPasskey, Passkeys
from valetkey.storage.postgres.tables.users import Users

_GATE = Statement("test.gate", "SELECT FROM users WHERE subject = $1 FOR UPDATE")
_WAITING = Statement(
    "test.waiting",
    """
    SELECT count(*) AS waiting FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
    """,
)
_DISABLE = Statement("test.disable", "UPDATE users SET enabled = FALSE WHERE subject = $1")
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def passkeys(database: Database) -> Passkeys:
    return Passkeys(database)


@pytest.fixture
async def ada(database: Database) -> User:
    user = make_user()
    await Users(database).create(user, password_hash())
    return user


def kept(user: User, **changes: object) -> KeptPasskey:
    passkey = Passkey(
        credential_id=uuid4().bytes,
        public_key=b"a key",
        user_handle=new_user_handle(),
        sign_count=1,
        backup_eligible=False,
        backed_up=False,
        aaguid=str(uuid4()),
        transports=("hybrid", "internal"),
    )
    return KeptPasskey(uuid4(), user.subject, replace(passkey, **changes), "id.example.com")  # type: ignore[arg-type]


async def test_a_passkey_is_found_by_what_its_authenticator_calls_it(passkeys: Passkeys, ada: User) -> None:
    first, second = kept(ada), kept(ada, backup_eligible=True, backed_up=True, transports=(), sign_count=2**32 - 1)

    assert await passkeys.add(ada, first, "Laptop", NOW)
    assert await passkeys.add(ada, second, "Phone", LATER)

    assert await passkeys.find(first.passkey.credential_id) == first
    assert await passkeys.of_user(ada.subject) == [first, second]
    assert await passkeys.find(b"another") is None
    assert await passkeys.of_user(uuid4()) == []


@pytest.mark.requirement("WebAuthn §7.1: a credential is registered once, for one user")
async def test_a_passkey_is_of_one_user(passkeys: Passkeys, database: Database, ada: User) -> None:
    eve = make_user("eve")
    await Users(database).create(eve, password_hash())
    mine = kept(ada)
    await passkeys.add(ada, mine, "Laptop", NOW)

    for user in (ada, eve):
        assert not await passkeys.add(user, kept(user, credential_id=mine.passkey.credential_id), "Copy", NOW)

    assert await passkeys.find(mine.passkey.credential_id) == mine


@pytest.mark.requirement("security 55a: who has ended since the login adds nothing")
@pytest.mark.parametrize("ending", ["user_epoch", "installation_epoch", "disabled", "gone"])
async def test_a_user_who_has_ended_adds_nothing(
    passkeys: Passkeys, database: Database, ada: User, ending: str
) -> None:
    user = ada
    if ending == "user_epoch":
        user = replace(ada, epoch=ada.epoch + 1)
    elif ending == "installation_epoch":
        user = replace(ada, installation_epoch=ada.installation_epoch + 1)
    elif ending == "disabled":
        await database.execute(_DISABLE, ada.subject)
    else:
        user = make_user("gone")

    assert not await passkeys.add(user, kept(user), "Laptop", NOW)


@pytest.mark.requirement("security 55c: what a user can leave is bounded")
async def test_a_user_has_so_many(passkeys: Passkeys, ada: User) -> None:
    added = [await passkeys.add(ada, kept(ada), str(number), NOW) for number in range(MOST_PASSKEYS + 2)]

    assert added == [True] * MOST_PASSKEYS + [False] * 2


@pytest.mark.requirement("security 55c: what a user can leave is bounded, by enrolments in the same moment too")
async def test_of_enrolments_at_once_only_those_count_for_which_there_is_room(
    passkeys: Passkeys, database: Database, ada: User
) -> None:
    room = 3
    for number in range(MOST_PASSKEYS - room):
        await passkeys.add(ada, kept(ada), str(number), NOW)

    async def all_wait() -> bool:
        row = await database.fetch_row(_WAITING)
        return row is not None and row["waiting"] == len(enrolments)

    async with asyncio.TaskGroup() as tasks, database.transaction("test.gate") as gate:
        await gate.execute(_GATE, ada.subject)
        enrolments = [tasks.create_task(passkeys.add(ada, kept(ada), str(number), NOW)) for number in range(10)]
        await eventually(all_wait)

    assert sum(each.result() for each in enrolments) == room
    assert len(await passkeys.of_user(ada.subject)) == MOST_PASSKEYS


@pytest.mark.parametrize(
    ("backup_eligible", "known", "presented", "counts"),
    [
        (False, 0, 0, True),
        (False, 0, 1, True),
        (False, 5, 6, True),
        (False, 5, 5, False),
        (False, 5, 0, False),
        (True, 0, 0, True),
        (True, 5, 4, True),
        (True, 5, 0, True),
    ],
)
async def test_a_use_is_kept_where_the_counter_may_go_on_so(
    passkeys: Passkeys, ada: User, backup_eligible: bool, known: int, presented: int, counts: bool
) -> None:
    before = kept(ada, sign_count=known, backup_eligible=backup_eligible)
    await passkeys.add(ada, before, "Laptop", NOW)
    used = replace(before.passkey, sign_count=presented, backed_up=backup_eligible)

    assert await passkeys.use(before, used, LATER) is counts

    expected = used if counts else before.passkey
    assert await passkeys.find(expected.credential_id) == before._replace(passkey=expected)


@pytest.mark.requirement("WebAuthn §6.1.1: of uses with one counter, one counts, on whichever replica")
async def test_of_uses_at_once_one_counts(passkeys: Passkeys, ada: User) -> None:
    before = kept(ada)
    await passkeys.add(ada, before, "Laptop", NOW)
    used = replace(before.passkey, sign_count=2)

    counted = await asyncio.gather(*(passkeys.use(before, used, LATER) for _ in range(20)))

    assert sum(counted) == 1


async def test_a_passkey_that_is_removed_is_used_no_more(passkeys: Passkeys, database: Database, ada: User) -> None:
    before = kept(ada)
    await passkeys.add(ada, before, "Laptop", NOW)
    credentials = Credentials(database)

    assert await credentials.remove(ada.subject, before.credential_id) is Method.PASSKEY

    assert not await passkeys.use(before, replace(before.passkey, sign_count=2), LATER)
    assert await passkeys.find(before.passkey.credential_id) is None


@pytest.mark.parametrize("backup_eligible", [True, False])
async def test_a_passkey_counts_among_the_methods_of_its_user(
    passkeys: Passkeys, database: Database, ada: User, backup_eligible: bool
) -> None:
    await passkeys.add(ada, kept(ada, backup_eligible=backup_eligible), "Laptop", NOW)

    enrolled = await Credentials(database).enrolled(ada.subject)

    assert enrolled.methods == {Method.PASSWORD, Method.PASSKEY}
    assert enrolled.has_device_bound is not backup_eligible
