from collections.abc import AsyncIterator

import pytest

from support.authorize_server import Scene, running_scene, settings_for


@pytest.fixture
async def scene(postgres_dsn: str, redis_url: str) -> AsyncIterator[Scene]:
    """The service that talks to browsers, on stores of the test's own."""
    async with running_scene(settings_for(postgres_dsn, redis_url)) as scene:
        yield scene
