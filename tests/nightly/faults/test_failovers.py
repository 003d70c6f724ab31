"""Masters of Redis are replaced and slots move, each time at a site of its own: there is no way back."""

from collections.abc import Callable

import pytest

from faults.fault import Fault
from faults.faults_of_failovers import FAULTS
from faults.run import run
from faults.site import Site
from faults.table import Row

OPERATIONS = 300

pytestmark = [
    pytest.mark.slow,
    pytest.mark.requirement("architecture 3: exactly once, even across a Redis failover"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_no_promise_is_broken_when(fault: Fault, show_row: Callable[[Row], None]) -> None:
    async with Site(fault.redis()) as site:
        found = await run(site, fault, operations=OPERATIONS)

    show_row(Row.of(found))
    assert not found.violations, found.explanation
    assert len(found.calls) >= OPERATIONS
