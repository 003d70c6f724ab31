from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, DummyCookieJar

from support.system import System
from support.wire import Wire


@pytest.fixture
async def wire(system: System) -> AsyncIterator[Wire]:
    """Requests written out by hand to the shared system."""
    async with ClientSession(cookie_jar=DummyCookieJar(), auto_decompress=False) as http:
        yield Wire(http, system.urls)
