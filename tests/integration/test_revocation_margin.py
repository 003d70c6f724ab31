"""A revocation outlives every token it kills, also where clocks differ and a token was on its way when it was revoked.

The replica that revokes counts from its own clock, and the token may have come from one that is ahead, or have been
signed a moment after: by the record's own count it is over while the token lives.
"""

from datetime import timedelta

import pytest

from support.revocation_store import new_target, open_replicas, revocation
from valetkey.core.oauth.revocation import REVOCATION_MARGIN
from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.tables.revocations import RevocationRecords

LIFE = timedelta(minutes=10)
WITHIN, BEYOND = REVOCATION_MARGIN / 2, REVOCATION_MARGIN * 2

pytestmark = pytest.mark.requirement("security 56: nothing resurrects a revoked token")


async def test_a_redis_that_was_emptied_learns_what_expired_a_moment_ago(postgres_dsn: str, redis_url: str) -> None:
    target = new_target()
    async with Database(postgres_dsn) as database:
        records = RevocationRecords(database)
        await records.record([revocation(target, system_clock() - LIFE - WITHIN, LIFE)])

        async with open_replicas(records, redis_url) as (replica,):
            await replica.load()

            assert await replica.is_revoked(target)


async def test_what_expired_a_moment_ago_is_not_swept_away(postgres_dsn: str) -> None:
    recent, old = new_target(), new_target()
    async with Database(postgres_dsn) as database:
        records = RevocationRecords(database)
        now = system_clock()
        await records.record(
            [revocation(recent, now - LIFE - WITHIN, LIFE), revocation(old, now - LIFE - BEYOND, LIFE)]
        )

        await records.record([revocation(new_target(), now)])

        assert [found.target for found in await records.find([recent, old])] == [recent]
