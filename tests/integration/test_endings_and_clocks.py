"""What has ended is no good on any replica, and nothing else is, whatever the clocks say.

Every ending, over everything that can be held, at two replicas of every service, with clocks that are minutes off.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from support.administration import Administration
from support.ending import ENDINGS, EVERYTHING, Ending, Holdings, alive, hold, works
from support.eventually import eventually
from support.fleet import Fleet
from support.systems import running_system
from support.tier import NIGHTLY

if TYPE_CHECKING:
    from valetkey.core.ports.clock import Clock
    from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres

REPLICAS = 2
# Seconds by which each clock is ahead of PostgreSQL's. The two of them are four minutes apart: within the tolerance.
SKEWS: dict[str, dict[str, float]] = {
    "all agree": {},
    "the operator is behind": {"operator": -120},
    "the operator is ahead": {"operator": 120},
    "issuers are ahead, the operator is behind": {"authorize": 120, "token": 120, "operator": -120},
    "issuers are behind, the operator is ahead": {"authorize": -120, "token": -120, "operator": 120},
    "token is ahead, introspection is behind": {"token": 120, "introspection": -120},
    "one replica of each is ahead, the other behind": {
        f"{service}-{number}": (-1) ** number * 120
        for service in ("authorize", "token", "introspection")
        for number in range(REPLICAS)
    },
}

METHODS = ("client_secret_basic", "none")
# By day, every skew meets half of the endings and every ending half of the skews, each time with one method.
CASES = [
    (skew, method, ending)
    for row, skew in enumerate(SKEWS)
    for column, method in enumerate(METHODS)
    for number, ending in enumerate(ENDINGS)
    if NIGHTLY or ((row + number) % 2 == 0 and (row // 2 + number // 2) % 2 == column)
]


def clock_of(seconds: float) -> Clock:
    return lambda: datetime.now(UTC) + timedelta(seconds=seconds)


def clocks_of(skew: Mapping[str, float]) -> dict[tuple[str, int], Clock]:
    return {
        (service, number): clock_of(skew.get(f"{service}-{number}", skew.get(service, 0)))
        for service in ("authorize", "token", "introspection")
        for number in range(REPLICAS)
    }


@pytest.fixture(scope="module")
def skewed(
    request: pytest.FixtureRequest, postgres_server: EmbeddedPostgres, migrated_template: str
) -> Iterator[tuple[Fleet, Administration]]:
    """A system whose clocks differ, and an operator whose clock does."""
    skew = SKEWS[request.param]
    with running_system(postgres_server, migrated_template, replicas=REPLICAS, clocks=clocks_of(skew)) as system:
        operator = Administration(system.settings, clock_of(skew.get("operator", 0)))
        yield Fleet(system, system.run(system.administration.create_catalog())), operator


@pytest.fixture
async def holdings(request: pytest.FixtureRequest, skewed: tuple[Fleet, Administration]) -> AsyncIterator[Holdings]:
    """Everything that a confidential and a public client can be given."""
    held = await hold(skewed[0], request.param)
    yield held
    for party in (held.party, held.machine, held.api):
        await party.browser.close()


@pytest.mark.requirement("security 55a: an ending is never compared with a clock, and what is made after it is good")
@pytest.mark.parametrize(("skewed", "holdings", "ending"), CASES, indirect=["skewed", "holdings"], ids=str)
async def test_what_has_ended_is_dead_on_every_replica_and_the_rest_lives(
    skewed: tuple[Fleet, Administration], holdings: Holdings, ending: Ending
) -> None:
    fleet, operator = skewed

    await ending.end(fleet, operator, holdings)

    assert await alive(fleet, holdings) == EVERYTHING - ending.kills
    if ending.is_for_good:
        return
    # A replica that has yet to hear that its client has ended, and is there again, makes what is dead on arrival.
    await eventually(lambda: works(fleet, holdings))
