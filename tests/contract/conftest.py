import pytest

from support.granting_party import NOW, SECRET, Party
from support.postgres import Stores
from support.seed import make_client, make_session, make_user, password_hash


@pytest.fixture
async def party(stores: Stores) -> Party:
    client, session = make_client(), make_session(make_user(), NOW)
    await stores.clients.insert(client, NOW)
    await stores.users.create(session.user, password_hash())
    await stores.sessions.create(SECRET, session, None)
    return Party(stores, client, session)
