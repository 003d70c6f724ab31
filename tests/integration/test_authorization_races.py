"""Two hundred rounds of concurrent callers: which one wins, and what never lives on."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TypeVar

import pytest

from support import granting_party
from support.granting_party import (
    NOW,
    End,
    change_the_password,
    delete_the_client,
    delete_the_user,
    disable_the_client,
    disable_the_client_for_a_while,
    disable_the_user,
    disable_the_user_for_a_while,
    log_out,
    revoke_it,
    withdraw_the_consent,
)
from support.postgres import Stores, postgres_stores
from support.seed import make_authorization, make_client, make_session, make_user, password_hash
from support.tier import rounds
from valetkey.core.oauth.authorization_code import REMEMBERED_AFTER_END
from valetkey.core.oauth.consent import Consent
from valetkey.core.oauth.revocation import authorization_target, client_target
from valetkey.core.oauth.stored_authorization import GrantedAuthorization, NewAuthorization
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Statement

T = TypeVar("T")
ROUNDS = rounds(60, nightly=200)
RIVALS = 8
HOLD = Statement("test.hold", "SELECT id FROM authorizations WHERE id = $1 FOR UPDATE")
HASH = password_hash()


@dataclass
class Party(granting_party.Party):
    """With the stores of two replicas."""

    replicas: tuple[Stores, Stores] = field(kw_only=True)


@pytest.fixture
async def replicas(postgres_dsn: str) -> AsyncIterator[tuple[Stores, Stores]]:
    async with Database(postgres_dsn, max_size=RIVALS) as one, Database(postgres_dsn, max_size=RIVALS) as two:
        yield postgres_stores(one), postgres_stores(two)


@pytest.fixture
async def party(replicas: tuple[Stores, Stores]) -> Party:
    return await sign_in(replicas)


async def sign_in(replicas: tuple[Stores, Stores]) -> Party:
    """A new user at a new client."""
    name = f"name{random.getrandbits(60)}"
    client, session = make_client(name), make_session(make_user(name), NOW)
    await replicas[0].clients.insert(client, NOW)
    await replicas[0].users.create(session.user, HASH)
    await replicas[0].sessions.create(name, session, None)
    await replicas[0].consents.add(session.user.subject, client.uid, Consent(), NOW)
    return Party(replicas[0], client, session, NOW, replicas=replicas)


async def at_once(*work: Callable[[], Awaitable[T]]) -> list[T]:
    """Start all of it at the same moment."""
    barrier = asyncio.Barrier(len(work))

    async def run(one: Callable[[], Awaitable[T]]) -> T:
        async with barrier:
            return await one()

    return list(await asyncio.gather(*map(run, work)))


@pytest.mark.requirement("security 20: races give one successor")
async def test_of_many_rotations_at_once_exactly_one_wins(party: Party) -> None:
    new = make_authorization(party.client, party.session, NOW)
    await party.stores.authorizations.insert(new)
    winners: Counter[int] = Counter()

    for generation in range(1, ROUNDS + 1):

        def rotate(replica: Stores, generation: int = generation) -> Callable[[], Awaitable[object]]:
            return lambda: replica.authorizations.rotate(new.authorization_id, generation, party.client.uid, NOW)

        results = await at_once(*(rotate(party.replicas[number % 2]) for number in range(RIVALS)))
        winners[sum(result is not None for result in results)] += 1

    assert winners == {1: ROUNDS}
    state = await party.stores.authorizations.find_state(new.authorization_id, NOW)
    assert state is not None
    assert state.generation == ROUNDS + 1


@pytest.mark.requirement("security 15: one success per code under any number of parallel redemptions on any replicas")
async def test_of_many_insertions_at_once_exactly_one_wins(party: Party) -> None:
    winners: Counter[int] = Counter()

    for _ in range(ROUNDS):
        new = make_authorization(party.client, party.session, NOW)

        def insert(replica: Stores, new: NewAuthorization = new) -> Callable[[], Awaitable[object]]:
            return lambda: replica.authorizations.insert(new)

        results = await at_once(*(insert(party.replicas[number % 2]) for number in range(RIVALS)))
        winners[sum(result is not None for result in results)] += 1

    assert winners == {1: ROUNDS}


@pytest.mark.requirement("security 15: one success per code under any number of parallel redemptions on any replicas")
async def test_of_many_who_take_over_an_abandoned_redemption_at_once_exactly_one_wins(party: Party) -> None:
    winners: Counter[int] = Counter()

    for _ in range(ROUNDS):
        new = make_authorization(party.client, party.session, NOW)
        await party.stores.authorizations.insert(new)

        def take_over(number: int, new: NewAuthorization = new) -> Callable[[], Awaitable[object]]:
            retry = replace(new, issued_at=NOW + timedelta(seconds=1 + number), unconfirmed_at=(NOW,))
            return lambda: party.replicas[number % 2].authorizations.insert(retry)

        results = await at_once(*map(take_over, range(RIVALS)))
        winners[sum(result is not None for result in results)] += 1

    assert winners == {1: ROUNDS}


ENDINGS = [
    revoke_it,
    log_out,
    withdraw_the_consent,
    disable_the_user,
    disable_the_user_for_a_while,
    change_the_password,
    delete_the_user,
    disable_the_client,
    disable_the_client_for_a_while,
    delete_the_client,
]


async def is_dead(party: Party, new: NewAuthorization) -> bool:
    """Whether nothing refreshes and every token it was given is revoked, by its own name or with its client's epoch."""
    authorizations = party.stores.authorizations
    targets = [authorization_target(new.authorization_id), client_target(party.client.client_id)]
    state = await authorizations.find_state(new.authorization_id, NOW)
    refreshed = [
        await authorizations.rotate(new.authorization_id, generation, party.client.uid, NOW) for generation in (1, 2)
    ]
    return (
        (state is None or not state.is_live)
        and refreshed == [None, None]
        and bool(list(await party.stores.revocations.find(targets)))
    )


@pytest.mark.requirement("security 23: after an end has been answered, nothing minted from the grant is active")
@pytest.mark.parametrize("end", ENDINGS)
async def test_what_is_stored_while_it_ends_does_not_live_on(replicas: tuple[Stores, Stores], end: End) -> None:
    outcomes: Counter[str] = Counter()

    for _ in range(ROUNDS // 4):
        here = await sign_in(replicas)
        new = make_authorization(here.client, here.session, NOW)

        async def insert(here: Party = here, new: NewAuthorization = new) -> GrantedAuthorization | None:
            await asyncio.sleep(random.random() / 500)
            return await here.replicas[1].authorizations.insert(new)

        async def finish(here: Party = here, new: NewAuthorization = new) -> None:
            await asyncio.sleep(random.random() / 500)
            await end(here, new)

        granted, _ = await at_once(insert, finish)
        outcomes["stored" if granted else "refused"] += 1
        if granted is not None:
            assert await is_dead(here, new)

    assert outcomes["stored"] > 0, outcomes


@pytest.mark.requirement("security 23: interleaved refresh and revoke")
@pytest.mark.parametrize("end", ENDINGS)
async def test_what_is_refreshed_while_it_ends_does_not_live_on(replicas: tuple[Stores, Stores], end: End) -> None:
    for _ in range(ROUNDS // 4):
        here = await sign_in(replicas)
        new = make_authorization(here.client, here.session, NOW)
        await here.stores.authorizations.insert(new)

        async def rotate(here: Party = here, new: NewAuthorization = new) -> GrantedAuthorization | None:
            await asyncio.sleep(random.random() / 500)
            return await here.replicas[1].authorizations.rotate(new.authorization_id, 1, here.client.uid, NOW)

        async def finish(here: Party = here, new: NewAuthorization = new) -> None:
            await asyncio.sleep(random.random() / 500)
            await end(here, new)

        await at_once(rotate, finish)

        assert await is_dead(here, new)


@pytest.mark.requirement("operations: the database does not grow with traffic")
async def test_the_table_grows_with_grants_in_force_and_not_with_traffic(party: Party, database: Database) -> None:
    authorizations, lifetime = party.stores.authorizations, timedelta(minutes=10)
    kept = (lifetime + REMEMBERED_AFTER_END) // timedelta(minutes=1)
    sizes = []

    for minute in range(60):
        now = NOW + timedelta(minutes=minute)
        for _ in range(3):
            new = make_authorization(party.client, party.session, now, expires_at=now + lifetime)
            await authorizations.insert(new)
            for generation in range(1, 4):
                await authorizations.rotate(new.authorization_id, generation, party.client.uid, now)
        await authorizations.swept()
        rows = await database.fetch(Statement("test", "SELECT count(*) AS size FROM authorizations"))
        sizes.append(rows[0]["size"])

    assert max(sizes) <= 3 * kept + 3
    assert sizes[-1] <= 3 * kept + 3


@pytest.mark.requirement("RFC 9700 §4.14.2: a refresh token is rotated for exactly one caller")
async def test_who_holds_one_row_delays_no_refresh_of_another(
    replicas: tuple[Stores, Stores], postgres_dsn: str
) -> None:
    parties = [await sign_in(replicas) for _ in range(8)]
    granted = [await redeem(party) for party in parties]
    authorizations = replicas[0].authorizations

    async def refresh(number: int) -> GrantedAuthorization | None:
        return await authorizations.rotate(granted[number].authorization_id, 1, parties[number].client.uid, NOW)

    async with Database(postgres_dsn) as other, other.transaction("test.hold") as transaction:
        await transaction.fetch_row(HOLD, granted[0].authorization_id)
        refreshing = [asyncio.create_task(refresh(number)) for number in range(8)]
        others = await asyncio.gather(*refreshing[1:])
        still_waits = not refreshing[0].done()
    held = await refreshing[0]

    assert still_waits
    assert [each is not None and each.generation for each in (held, *others)] == [2] * 8


@pytest.mark.requirement("RFC 9700 §4.14.2: a refresh token is rotated for exactly one caller")
async def test_the_same_token_twice_in_one_batch_is_rotated_once(party: Party) -> None:
    granted = await redeem(party)

    async def refresh() -> GrantedAuthorization | None:
        return await party.stores.authorizations.rotate(granted.authorization_id, 1, party.client.uid, NOW)

    rotated = await asyncio.gather(*(refresh() for _ in range(5)))

    assert [each.generation for each in rotated if each is not None] == [2]


async def redeem(party: Party) -> NewAuthorization:
    """An authorization at its first generation."""
    new = make_authorization(party.client, party.session, NOW)
    assert await party.stores.authorizations.insert(new) is not None
    return new
