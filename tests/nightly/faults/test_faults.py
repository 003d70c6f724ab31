"""Whatever breaks, no promise does: every fault under a workload, judged by its history. Architecture 3, 4."""

from collections.abc import Callable

import pytest

from faults.catalogue import FAULTS
from faults.fault import Fault
from faults.run import run
from faults.site import Site
from faults.table import Row

OPERATIONS = 300

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.requirement(
        "architecture 3, 4: whatever fails, nothing acknowledged is lost and nothing ended returns"
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_no_promise_is_broken_by(fault: Fault, site: Site, show_row: Callable[[Row], None]) -> None:
    if why_not := fault.why_not(site):
        pytest.skip(why_not)

    found = await run(site, fault, operations=OPERATIONS)

    show_row(Row.of(found))
    assert not found.violations, found.explanation
    assert len(found.calls) >= OPERATIONS
