"""What the login page may rely on about users."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from support.postgres import Stores, postgres_stores
from support.seed import make_authorization, make_client, make_session, make_user, password_hash
from valetkey.core.authentication.group import Group
from valetkey.core.authentication.subject import subject_of
from valetkey.core.authentication.user import User, listed_name
from valetkey.core.oauth.revocation import RevocationKind, RevocationTarget, authorization_target, subject_target
from valetkey.storage.postgres.database.errors import Conflict
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Statement
from valetkey.storage.postgres.tables.groups import Groups
from valetkey.storage.postgres.tables.revocation_lifetime import IN_FLIGHT
from valetkey.storage.postgres.tables.user_lifecycle import UserLifecycle
from valetkey.storage.postgres.tables.users import Users

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
HASH = password_hash()


@pytest.mark.parametrize(
    "spelling", ["ada", "ADA", " Ada ", "\N{FULLWIDTH LATIN SMALL LETTER A}da", "ada@example.org", "Ada@EXAMPLE.org"]
)
@pytest.mark.requirement("security 40: every spelling of a name is the same account")
async def test_every_spelling_finds_the_user(stores: Stores, spelling: str) -> None:
    user = make_user("Ada", claims={"name": "Ada Lovelace", "address": {"country": "GB"}, "zoneinfo": "\u00e9"})
    await stores.users.create(user, HASH)

    found = await stores.users.find_by_login_name(spelling)

    assert found == (user, HASH)


@pytest.mark.parametrize("name", ["", " ", "ad", "adaa", "example.org", "ada\0", "ad%", "_da", "a" * 5000])
async def test_nothing_else_does(stores: Stores, name: str) -> None:
    await stores.users.create(make_user("ada"), HASH)

    found = await stores.users.find_by_login_name(name)

    assert found is None


async def test_a_disabled_user_is_found_as_disabled(stores: Stores) -> None:
    user = make_user()
    await stores.users.create(user, HASH)
    await stores.user_lifecycle.disable(user.subject, NOW)

    found = await stores.users.find_by_login_name("ada")

    assert found is not None
    assert not found[0].enabled


async def test_a_user_without_e_mail_is_found_by_name(stores: Stores) -> None:
    user = make_user("ada", email=None, email_verified=False)
    await stores.users.create(user, HASH)

    found = await stores.users.find_by_login_name("ada")

    assert found == (user, HASH)
    assert await stores.users.find_by_subject(user.subject) == user
    assert await stores.users.find_by_subject(uuid4()) is None


async def test_a_new_password_counts_from_now_on(stores: Stores) -> None:
    user, another = make_user(), password_hash("another")
    await stores.users.create(user, HASH)

    await stores.user_lifecycle.set_password(user.subject, another, NOW)

    found = await stores.users.find_by_login_name("ada")
    assert found is not None
    assert found[1] == another
    assert found[0].valid_since == NOW


@pytest.mark.requirement("security 21: whatever the clock says, a change of password is after what came before")
async def test_every_change_moves_valid_since(stores: Stores) -> None:
    user = make_user(valid_since=NOW)
    await stores.users.create(user, HASH)
    moments = [NOW]

    for moment in (NOW, NOW - timedelta(hours=1), LATER):
        await stores.user_lifecycle.set_password(user.subject, HASH, moment)
        found = await stores.users.find_by_subject(user.subject)
        assert found is not None
        moments.append(found.valid_since)

    assert moments == sorted(set(moments))


_VERSION_OF_GRANT = Statement("test.version", "SELECT xmin, xmax, revoked_at FROM authorizations WHERE id = $1")


@pytest.mark.parametrize("change", ["disable", "set_password", "delete"])
@pytest.mark.requirement("security 21: refuse after user disabled and after password change, on every replica")
@pytest.mark.parametrize("is_ahead", [True, False], ids=["clock ahead", "clock right"])
async def test_what_a_user_was_given_is_revoked(stores: Stores, change: str, *, is_ahead: bool) -> None:
    client, session = make_client(), make_session(make_user(), NOW)
    await stores.clients.insert(client, NOW)
    await stores.users.create(session.user, HASH)
    new = make_authorization(client, session, NOW, bound_to_session=False)
    await stores.authorizations.insert(new)
    subject, moment = session.user.subject, NOW if is_ahead else LATER

    if change == "set_password":
        revocations = await stores.user_lifecycle.set_password(subject, HASH, moment)
    elif change == "disable":
        revocations = await stores.user_lifecycle.disable(subject, moment)
    else:
        revocations = await stores.user_lifecycle.delete(subject, moment)

    # Release 0.1.0 would take the grant for a later one where the clock of its login was ahead, and judges by time what
    # was about to be handed out.
    user, grant = subject_target(str(subject)), authorization_target(new.authorization_id)
    by_name = {grant: (moment, moment + timedelta(hours=1), None)} if is_ahead else {}
    until = moment + IN_FLIGHT
    assert revocations is not None
    assert {each.target: (each.revoked_at, each.expires_at, each.epoch) for each in revocations} == {
        **by_name,
        user: (until, until + timedelta(hours=2), 1),
    }
    assert set(await stores.revocations.find([user, grant])) == set(revocations)


@pytest.mark.requirement("operations: a user with very many grants ends at once")
@pytest.mark.parametrize("change", ["disable", "set_password"])
async def test_ending_a_user_touches_no_grant(database: Database, change: str) -> None:
    stores, client, session = postgres_stores(database), make_client(), make_session(make_user(), NOW)
    await stores.clients.insert(client, NOW)
    await stores.users.create(session.user, HASH)
    new = make_authorization(client, session, NOW, bound_to_session=False)
    await stores.authorizations.insert(new)
    subject = session.user.subject
    before = await database.fetch_row(_VERSION_OF_GRANT, new.authorization_id)

    if change == "disable":
        await stores.user_lifecycle.disable(subject, LATER)
        await stores.user_lifecycle.enable(subject, LATER)
    else:
        await stores.user_lifecycle.set_password(subject, HASH, LATER)
    after = await database.fetch_row(_VERSION_OF_GRANT, new.authorization_id)
    rotated = await stores.authorizations.rotate(new.authorization_id, 1, client.uid, LATER)

    assert before is not None
    assert before == after
    assert rotated is None


async def test_an_unknown_user_cannot_be_changed(stores: Stores) -> None:
    unknown = uuid4()

    changes = [
        await stores.user_lifecycle.disable(unknown, NOW),
        await stores.user_lifecycle.set_password(unknown, HASH, NOW),
        await stores.user_lifecycle.delete(unknown, NOW),
    ]

    assert changes == [None, None, None]
    assert not list(await stores.revocations.find([RevocationTarget(RevocationKind.SUBJECT, str(unknown))]))


@pytest.mark.requirement("security 60: deleting and re-creating a user or client inherits nothing")
async def test_a_name_is_free_again_after_deletion(stores: Stores) -> None:
    first, second = make_user(), make_user()
    await stores.users.create(first, HASH)
    await stores.user_lifecycle.delete(first.subject, NOW)

    await stores.users.create(second, HASH)

    found = await stores.users.find_by_login_name("ada")
    assert found == (second, HASH)
    assert await stores.users.find_by_subject(first.subject) is None


@pytest.mark.parametrize(
    ("username", "email"),
    [
        ("ADA", None),
        ("ada@example.org", None),
        ("bob", "Ada@example.org"),
        ("bob", "ada"),
    ],
)
@pytest.mark.requirement("security 40: a name never means two accounts")
async def test_a_name_is_taken_in_every_spelling_and_place(
    database: Database, username: str, email: str | None
) -> None:
    users = Users(database)
    await users.create(make_user("ada"), HASH)

    with pytest.raises(Conflict, match=username):
        await users.create(make_user(username, email=email), HASH)

    assert [user.username for user in await users.list()] == ["ada"]


async def test_one_user_may_have_his_e_mail_as_his_name(database: Database) -> None:
    users, user = Users(database), make_user("ada@example.org", email="ada@example.org")
    await users.create(user, HASH)

    found = await users.find_by_login_name("ada@example.org")

    assert found == (user, HASH)


@pytest.mark.parametrize("name", ["", " ", "a\0b", "a b", "\u202ea", "a" * 255])
async def test_what_cannot_be_typed_is_no_name(database: Database, name: str) -> None:
    users = Users(database)

    with pytest.raises(ValueError, match="cannot be a user name"):
        await users.create(make_user(name, email=None), HASH)


async def test_another_hash_of_the_same_password_ends_nothing(stores: Stores) -> None:
    user, stronger = make_user(), password_hash()
    await stores.users.create(user, HASH)

    await stores.users.rehash_password(user.subject, HASH, stronger)
    await stores.users.rehash_password(user.subject, HASH, "too late")

    assert await stores.users.find_by_login_name("ada") == (user, stronger)


async def test_deleting_a_user_leaves_nothing_behind(database: Database) -> None:
    stores = postgres_stores(database)
    client, session = make_client(), make_session(make_user(), NOW)
    await stores.clients.insert(client, NOW)
    await stores.users.create(session.user, HASH)
    await stores.sessions.create("secret", session, None)
    await stores.authorizations.insert(make_authorization(client, session, NOW))
    await stores.consents.withdraw(session.user.subject, client.uid, NOW)

    await stores.user_lifecycle.delete(session.user.subject, LATER)

    left = await database.fetch(
        Statement(
            "test",
            """
            SELECT subject FROM users UNION ALL SELECT subject FROM login_names UNION ALL SELECT subject FROM sessions
            UNION ALL SELECT subject FROM consents UNION ALL SELECT subject FROM authorizations
            """,
        )
    )
    assert left == []


@pytest.mark.requirement("OIDC Core §2: a sub stays the user's")
async def test_a_user_keeps_the_sub_that_another_system_gave(database: Database) -> None:
    users, user = Users(database), make_user(subject=subject_of("auth0|17"), given_sub="auth0|17")
    await users.create(user, HASH)

    by_name, by_subject = await users.find_by_login_name("ada"), await users.find_by_subject(user.subject)

    assert by_name is not None
    assert by_subject == by_name[0] == user
    assert by_subject.sub == "auth0|17"


async def test_pages_of_users_have_each_once_whatever_their_size(database: Database) -> None:
    users = Users(database)
    made = [make_user(f"{letter}{number}") for letter in "aBc\u00e9" for number in range(5)]
    for user in made:
        await users.create(user, HASH)

    for size in (1, 3, 20, 50):
        for prefix, count in (("", 20), ("b", 5), ("b3", 1), ("C4@EXAMPLE", 1), ("none", 0)):
            found: list[User] = []
            after = ""
            while page := await users.list(size, after=after, prefix=prefix):
                found += page
                after = listed_name(page[-1], prefix)
            assert len(found) == len({user.subject for user in found}) == count, (size, prefix)
    assert [user.username for user in await users.list()] == sorted(user.username for user in made)


async def test_users_are_listed_by_state_and_by_group(database: Database) -> None:
    users, groups, lifecycle = Users(database), Groups(database), UserLifecycle(database)
    made = {name: make_user(name) for name in ("ada", "alan", "bob", "eve")}
    for user in made.values():
        await users.create(user, HASH)
    await groups.create([Group("staff"), Group("admins"), Group("guests")], NOW)
    await groups.add_groups({"staff": ["admins"]})
    await groups.add_members({"admins": [made["ada"].subject], "staff": [made["alan"].subject, made["bob"].subject]})
    await lifecycle.disable(made["alan"].subject, NOW)
    await lifecycle.disable(made["eve"].subject, NOW)
    staff = await groups.find_below("staff")

    async def listed(**asked: Any) -> list[str]:  # noqa: ANN401 - what may be asked of a list
        return [user.username for user in await users.list(**asked)]

    assert staff == ["admins", "staff"]
    assert await groups.find_below("none") == []
    assert await listed(groups=staff) == ["ada", "alan", "bob"]
    assert await listed(groups=["admins"]) == ["ada"]
    assert await listed(groups=["guests"]) == []
    assert await listed(enabled=False) == ["alan", "eve"]
    assert await listed(enabled=True) == ["ada", "bob"]
    assert await listed(enabled=False, groups=staff) == ["alan"]
    assert await listed(enabled=True, groups=staff, prefix="a") == ["ada"]
    assert await listed(prefix="a", enabled=False) == ["alan"]
    assert await listed(groups=staff, most=1, after="ada") == ["alan"]
