"""An issuer on loopback and the parts of the library that talk to it."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from support.loopback_issuer import CLIENT_ID, CLIENT_SECRET, LoopbackIssuer
from support.rfc9068 import AUDIENCE, ManualClock
from valetkey.resource_server import AuthorizationServer, CachePolicy, Introspector, Verifier

POLICY = CachePolicy(refetch_interval=timedelta(seconds=10), stale_if_error=timedelta(minutes=10))


@pytest.fixture
async def issuer() -> AsyncIterator[LoopbackIssuer]:
    async with LoopbackIssuer() as running:
        yield running


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def server(issuer: LoopbackIssuer, clock: ManualClock) -> AsyncIterator[AuthorizationServer]:
    known = AuthorizationServer(issuer.url, timeout=timedelta(seconds=2), cache=POLICY, clock=clock)
    yield known
    await known.close()


@pytest.fixture
def verifier(server: AuthorizationServer) -> Verifier:
    return Verifier(server, audience=AUDIENCE)


@pytest.fixture
def introspector(server: AuthorizationServer) -> Introspector:
    return Introspector(server, audience=AUDIENCE, client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
