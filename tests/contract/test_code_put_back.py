"""The row of an authorization is there for as long as its code, put back into Redis, would be accepted somewhere."""

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest

from support.granting_party import NOW, Party
from support.postgres import Stores, postgres_stores
from valetkey.core.clock_tolerance import CLOCK_TOLERANCE
from valetkey.core.oauth.authorization_code import REMEMBERED_AFTER_END
from valetkey.core.sealed_value import ValueRefused, require_in_time
from valetkey.storage.postgres.database.pool import Database

# The longest life of a code that settings allow, and the shortest of an authorization.
CODE, AUTHORIZATION = timedelta(seconds=60), timedelta(seconds=60)
TICK = timedelta(microseconds=1)
# Clocks may be apart by the tolerance, whichever is ahead.
OFFSETS = [*itertools.product((timedelta(0), CLOCK_TOLERANCE), repeat=4)]


@pytest.fixture
def stores(database: Database) -> Stores:
    """Only PostgreSQL sweeps."""
    return postgres_stores(database)


@pytest.mark.requirement("security 56: nothing resurrects a spent code, whatever Redis says and clocks show")
@pytest.mark.parametrize("offsets", OFFSETS, ids=lambda offsets: "".join("+" if each else "0" for each in offsets))
async def test_what_a_code_was_redeemed_for_is_known_while_any_clock_accepts_the_code(
    party: Party, offsets: tuple[timedelta, ...]
) -> None:
    dating, redeeming, replaying, sweeping = offsets
    issued_at, redeemed_at = NOW + dating, NOW + redeeming
    new = await party.insert(
        bound_to_session=False, agreed_at=issued_at, issued_at=redeemed_at, expires_at=redeemed_at + AUTHORIZATION
    )
    # The last moment at which the replica that is asked again would accept the code.
    last = issued_at + CODE + CLOCK_TOLERANCE - replaying
    require_in_time(issued_at, CODE, last + replaying)
    with pytest.raises(ValueRefused):
        require_in_time(issued_at, CODE, last + replaying + TICK)

    await party.stores.authorizations.insert(party.new(issued_at=last + sweeping))
    await party.stores.authorizations.swept()

    assert await party.stores.authorizations.find_state(new.authorization_id, last + replaying) is not None
    assert await party.stores.authorizations.insert(replace(new, issued_at=last + replaying)) is None


async def test_once_no_code_could_come_back_the_row_is_swept(party: Party) -> None:
    new = await party.insert(expires_at=NOW + AUTHORIZATION)
    gone_at = NOW + AUTHORIZATION + REMEMBERED_AFTER_END

    await party.stores.authorizations.insert(party.new(issued_at=gone_at))
    await party.stores.authorizations.swept()
    before = await party.stores.authorizations.find_state(new.authorization_id, gone_at)
    await party.stores.authorizations.insert(party.new(issued_at=gone_at + TICK))
    await party.stores.authorizations.swept()

    assert before is not None
    assert not before.is_live
    assert await party.stores.authorizations.find_state(new.authorization_id, gone_at) is None
