"""Sites that are harmed: one for the tests of a worker, always left as it was found."""

from collections.abc import AsyncIterator

import pytest_asyncio

from faults.site import Site


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def site() -> AsyncIterator[Site]:
    """Every service twice, over one PostgreSQL and one Redis."""
    async with Site() as opened:
        yield opened
