"""What token may rely on where PostgreSQL may have stored an authorization, and the client was told to come again."""

from dataclasses import replace
from datetime import timedelta

import pytest

from support.granting_party import LATER, MATRIX, NOW, End, Party, as_granted, state_of


@pytest.mark.requirement("architecture 4: what PostgreSQL stored without saying so costs no user a login")
async def test_what_an_abandoned_redemption_stored_is_taken_over_once(party: Party) -> None:
    new = await party.insert()
    retry = replace(new, issued_at=LATER, unconfirmed_at=(NOW - timedelta(seconds=1), NOW))

    taken_over = await party.stores.authorizations.insert(retry)
    again = await party.stores.authorizations.insert(replace(retry, issued_at=LATER + timedelta(microseconds=1)))

    assert taken_over == as_granted(party, new, 1)
    assert again is None
    assert await state_of(party, new) == (party.client.uid, 1, True)


async def test_an_abandoned_redemption_that_stored_nothing_is_followed_by_one_that_does(party: Party) -> None:
    new = party.new(issued_at=LATER, unconfirmed_at=(NOW,))

    assert await party.stores.authorizations.insert(new) == as_granted(party, new, 1)
    assert await party.stores.authorizations.insert(replace(new, unconfirmed_at=())) is None


async def test_an_abandoned_redemption_that_arrives_late_changes_nothing(party: Party) -> None:
    new = await party.insert(issued_at=LATER, unconfirmed_at=(NOW,))

    late = await party.stores.authorizations.insert(replace(new, issued_at=NOW, unconfirmed_at=()))

    assert late is None
    assert await state_of(party, new) == (party.client.uid, 1, True)


async def test_what_was_refreshed_is_not_taken_over(party: Party) -> None:
    new = await party.insert()
    await party.stores.authorizations.rotate(new.authorization_id, 1, party.client.uid, LATER)

    taken_over = await party.stores.authorizations.insert(replace(new, issued_at=LATER, unconfirmed_at=(NOW, LATER)))

    assert taken_over is None


@pytest.mark.requirement("security 21: what has ended is not taken over either")
@pytest.mark.parametrize(("end", "bound"), MATRIX, ids=lambda value: getattr(value, "__name__", str(value)))
async def test_what_has_ended_is_not_taken_over(party: Party, end: End, bound: bool) -> None:
    new = await party.insert(bound_to_session=bound)
    await end(party, new)
    later = LATER + timedelta(seconds=1)

    await party.stores.authorizations.insert(replace(new, issued_at=later, unconfirmed_at=(NOW,)))

    assert await party.stores.authorizations.find_live(new.authorization_id, party.client.uid, later) is None
