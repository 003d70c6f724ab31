"""Credentials beside passwords: each counts once where it may, for its owner, and for an owner who has not ended."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from support.postgres import Stores, postgres_stores
from support.seed import make_user, password_hash
from valetkey.core.authentication.acr import Enrolled
from valetkey.core.authentication.factor import Factor, Method
from valetkey.core.authentication.recovery_code import code_digest, generate_codes
from valetkey.core.authentication.session import Session
from valetkey.core.authentication.user import User
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Statement
from valetkey.storage.postgres.tables.credentials import Credentials
from valetkey.storage.postgres.tables.user_lifecycle import UserLifecycle

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
END_EVERYTHING = Statement("test.end_everything", "UPDATE installation SET epoch = epoch + 1")
STEP = 58_000_000


@pytest.fixture
async def credentials(database: Database) -> Credentials:
    return Credentials(database)


@pytest.fixture
async def ada(database: Database) -> User:
    user = make_user()
    await postgres_stores(database).users.create(user, password_hash())
    return user


async def digests_of(credentials: Credentials, user: User) -> list[bytes]:
    digests = [digest for code in generate_codes() if (digest := code_digest(user.subject, code)) is not None]
    assert await credentials.replace_recovery_codes(user, [(uuid4(), digest) for digest in digests], NOW)
    return digests


async def add_totp(credentials: Credentials, user: User) -> UUID:
    credential_id = uuid4()
    assert await credentials.add_totp(user, credential_id, "App", b"sealed", STEP, NOW)
    return credential_id


async def test_a_user_begins_with_a_password(credentials: Credentials, ada: User) -> None:
    assert await credentials.enrolled(ada.subject) == Enrolled(frozenset({Method.PASSWORD}))
    assert await credentials.list(ada.subject) == []
    assert await credentials.enrolled(uuid4()) == Enrolled(frozenset())


async def test_what_was_added_is_listed_without_what_is_secret(credentials: Credentials, ada: User) -> None:
    credential_id = await add_totp(credentials, ada)
    await digests_of(credentials, ada)

    listed = await credentials.list(ada.subject)

    assert len(listed) == 11
    (app,) = (each for each in listed if each.method is Method.TOTP)
    assert (app.credential_id, app.name, app.created_at, app.used_at) == (credential_id, "App", NOW, NOW)
    methods = {Method.PASSWORD, Method.TOTP, Method.RECOVERY_CODE}
    assert await credentials.enrolled(ada.subject) == Enrolled(frozenset(methods))


@pytest.mark.requirement("TOTP: a time step counts once, across replicas")
async def test_a_step_counts_once_however_many_try(credentials: Credentials, ada: User) -> None:
    credential_id = await add_totp(credentials, ada)
    for round_ in range(1, 21):
        used = await asyncio.gather(
            *(credentials.use_totp(ada.subject, credential_id, STEP + round_, NOW) for _ in range(12))
        )
        assert sorted(used) == [False] * 11 + [True]


@pytest.mark.requirement("TOTP: a code of an earlier step is worth nothing after a later one")
@pytest.mark.parametrize("step", [STEP - 1, STEP])
async def test_the_step_of_the_enrolment_and_those_before_are_used_up(
    credentials: Credentials, ada: User, step: int
) -> None:
    credential_id = await add_totp(credentials, ada)

    assert not await credentials.use_totp(ada.subject, credential_id, step, NOW)
    assert not await credentials.use_totp(uuid4(), credential_id, STEP + 1, NOW)


async def test_a_secret_is_sealed_anew_where_its_code_counts(credentials: Credentials, ada: User) -> None:
    credential_id = await add_totp(credentials, ada)
    assert await credentials.use_totp(ada.subject, credential_id, STEP + 1, NOW, b"anew")
    assert not await credentials.use_totp(ada.subject, credential_id, STEP + 1, NOW, b"never")

    assert await credentials.find_totp(ada.subject) == (credential_id, b"anew")


async def test_a_user_has_one_app(credentials: Credentials, ada: User) -> None:
    added = await asyncio.gather(*(credentials.add_totp(ada, uuid4(), "App", b"sealed", STEP, NOW) for _ in range(8)))

    assert sorted(added) == [False] * 7 + [True]


@pytest.mark.requirement("recovery codes: each counts once, across replicas")
async def test_a_recovery_code_counts_once_however_many_try(credentials: Credentials, ada: User) -> None:
    digests = await digests_of(credentials, ada)
    for left, digest in zip(range(9, -1, -1), digests, strict=True):
        used = await asyncio.gather(*(credentials.use_recovery_code(ada.subject, digest) for _ in range(12)))
        assert sorted(used, key=lambda each: each is not None) == [None] * 11 + [left]

    assert Method.RECOVERY_CODE not in (await credentials.enrolled(ada.subject)).methods


async def test_new_codes_take_the_place_of_all_before(credentials: Credentials, ada: User) -> None:
    former = await digests_of(credentials, ada)
    await credentials.use_recovery_code(ada.subject, former[0])
    await digests_of(credentials, ada)

    assert [await credentials.use_recovery_code(ada.subject, digest) for digest in former] == [None] * 10
    assert len(await credentials.list(ada.subject)) == 10


async def test_a_code_is_worth_nothing_to_another_user(credentials: Credentials, ada: User) -> None:
    digests = await digests_of(credentials, ada)

    assert await credentials.use_recovery_code(uuid4(), digests[0]) is None
    assert await credentials.use_recovery_code(ada.subject, digests[0]) == 9


@pytest.mark.requirement("recovery codes: none of before everything ended counts, so a restored backup has none")
async def test_codes_end_with_everything(credentials: Credentials, database: Database, ada: User) -> None:
    digests = await digests_of(credentials, ada)
    await add_totp(credentials, ada)
    await database.execute(END_EVERYTHING)

    assert await credentials.use_recovery_code(ada.subject, digests[0]) is None
    assert [each.method for each in await credentials.list(ada.subject)] == [Method.TOTP]
    assert Method.RECOVERY_CODE not in (await credentials.enrolled(ada.subject)).methods


@pytest.mark.requirement("security 21: a user who has ended meanwhile sets nothing up")
@pytest.mark.parametrize("how", ["password", "disabled", "everything", "deleted"])
async def test_who_has_ended_meanwhile_adds_nothing(
    credentials: Credentials, database: Database, ada: User, how: str
) -> None:
    lifecycle, later = UserLifecycle(database), NOW + timedelta(minutes=1)
    if how == "password":
        await lifecycle.set_password(ada.subject, password_hash(), later)
    elif how == "disabled":
        await lifecycle.disable(ada.subject, later)
    elif how == "everything":
        await database.execute(END_EVERYTHING)
    else:
        await lifecycle.delete(ada.subject, later)

    assert not await credentials.add_totp(ada, uuid4(), "App", b"sealed", STEP, later)
    assert not await credentials.replace_recovery_codes(ada, [(uuid4(), b"digest")], later)
    assert await credentials.list(ada.subject) == []


async def test_credentials_go_one_by_one_by_method_and_with_their_user(
    credentials: Credentials, database: Database, ada: User
) -> None:
    credential_id = await add_totp(credentials, ada)
    await digests_of(credentials, ada)
    (code, *_) = (each for each in await credentials.list(ada.subject) if each.method is Method.RECOVERY_CODE)

    assert await credentials.remove(uuid4(), credential_id) is None
    assert await credentials.remove(ada.subject, code.credential_id) is None
    assert await credentials.remove(ada.subject, credential_id) is Method.TOTP
    assert await credentials.remove_all(ada.subject, [Method.RECOVERY_CODE, Method.TOTP]) == 10
    await add_totp(credentials, ada)
    await UserLifecycle(database).delete(ada.subject, NOW)
    assert await credentials.list(ada.subject) == []


async def test_a_session_keeps_what_began_it(database: Database, ada: User) -> None:
    stores: Stores = postgres_stores(database)
    factors = (
        Factor(Method.PASSWORD, NOW),
        Factor(Method.TOTP, NOW + timedelta(microseconds=1)),
        Factor(Method.PASSKEY, NOW + timedelta(seconds=1), is_device_bound=True),
    )
    session = Session(uuid4(), ada, factors)
    await stores.sessions.create("secret", session, None)
    found = await stores.sessions.find("secret", NOW + timedelta(seconds=2))
    assert found == session

    fewer = replace(session, factors=(Factor(Method.PASSWORD, NOW + timedelta(minutes=1)),))
    assert await stores.sessions.renew("secret", fewer)
    assert await stores.sessions.find("secret", NOW + timedelta(minutes=1)) == fewer
