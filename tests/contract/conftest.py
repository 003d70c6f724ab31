from collections.abc import AsyncIterator, Iterator

import pytest

from support.granting_party import NOW, SECRET, Party
from support.kept_values import Hands, Kept
from support.postgres import Stores
from support.seed import make_client, make_session, make_user, password_hash
from valetkey.runtime.telemetry.audit import AuditEvent, audit_told_to
from valetkey.storage.redis.client.connection import connect


@pytest.fixture
async def party(stores: Stores) -> Party:
    client, session = make_client(), make_session(make_user(), NOW)
    await stores.clients.insert(client, NOW)
    await stores.users.create(session.user, password_hash())
    await stores.sessions.create(SECRET, session, None)
    return Party(stores, client, session)


@pytest.fixture
async def kept(redis_url: str) -> AsyncIterator[Kept]:
    async with connect(redis_url) as redis:
        yield Kept(redis, Hands())


@pytest.fixture
def told() -> Iterator[list[AuditEvent]]:
    """Audit events, as they come."""
    events: list[AuditEvent] = []
    with audit_told_to(events.append):
        yield events
