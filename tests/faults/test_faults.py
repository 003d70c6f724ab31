"""One fault of each family under a workload, judged by its history; `tests/nightly` has all. Architecture 3, 4."""

from collections.abc import Callable

import pytest

from faults import catalogue, faults_of_failovers
from faults.fault import Fault
from faults.run import run
from faults.site import Site
from faults.table import Row

OPERATIONS = 300
SAMPLE = (
    "clients: every second one hangs up",
    "every replica killed",
    "redis: forgets which codes were spent",
    "postgresql: killed and back",
    "redis: connections reset in mid-reply",
    "clocks: all jump again and again",
)
FAILOVER = "sentinels: failed over, acknowledged writes lost"


def named(faults: tuple[Fault, ...], *names: str) -> list[Fault]:
    return [fault for fault in faults if fault.name in names]


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.requirement("architecture 3, 4: whatever fails, nothing acknowledged is lost and nothing ended returns")
@pytest.mark.parametrize("fault", named(catalogue.FAULTS, *SAMPLE), ids=str)
async def test_no_promise_is_broken_by(fault: Fault, site: Site, show_row: Callable[[Row], None]) -> None:
    found = await run(site, fault, operations=OPERATIONS)

    show_row(Row.of(found))
    assert not found.violations, found.explanation
    assert len(found.calls) >= OPERATIONS


@pytest.mark.slow
@pytest.mark.requirement("architecture 3: exactly once, even across a Redis failover")
@pytest.mark.parametrize("fault", named(faults_of_failovers.FAULTS, FAILOVER), ids=str)
async def test_no_promise_is_broken_when(fault: Fault, show_row: Callable[[Row], None]) -> None:
    async with Site(fault.redis()) as site:
        found = await run(site, fault, operations=OPERATIONS)

    show_row(Row.of(found))
    assert not found.violations, found.explanation
    assert len(found.calls) >= OPERATIONS


def test_every_fault_of_the_sample_is_in_the_catalogue() -> None:
    assert {fault.name for fault in named(catalogue.FAULTS, *SAMPLE)} == set(SAMPLE)
    assert len(named(faults_of_failovers.FAULTS, FAILOVER)) == 1


def test_the_sample_has_a_fault_of_each_family() -> None:
    for family in catalogue.FAMILIES:
        assert named(family.FAULTS, *SAMPLE), family.__name__
