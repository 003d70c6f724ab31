"""Keys rotate while tokens are issued and verified with key sets as old as we allow: no verification ever fails."""

import asyncio
import itertools
import os
import random
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt
import pytest

from support.administration import API
from support.fleet import Fleet
from support.movable_clock import MovableClock
from support.outage_fleet import SCOPE
from support.relying_party import RelyingParty
from support.strict_verifier import StrictVerifier
from support.systems import running_system
from support.tokens import header_of
from valetkey.core.jose.sealed_key import KeySealer
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.key_rotation.policy import RotationPolicy
from valetkey.key_rotation.rotate import rotate_keys
from valetkey.resource_server import AuthorizationServer, BearerError, Verifier
from valetkey.storage.postgres.database.opening import open_database

pytestmark = [pytest.mark.slow, pytest.mark.timeout(0 if "ROTATIONS" in os.environ else 600)]

ROTATIONS = int(os.environ.get("ROTATIONS", "100"))
# Seconds. Keys are due after an hour, key sets are believed for 300 s: most of an hour passes at once, and what is
# left of it in steps that let the key sets of some verifiers live on over the rotation. A round takes a little less
# than an hour, so that it is at another step each time that a key is due.
LEAP, STEPS = 2500, (15, 60, 150, 250, 299)
STEPS_AFTER_A_LEAP = 8
TOKEN_LIFETIME = timedelta(seconds=600)


@dataclass(frozen=True)
class Issued:
    """A token that is good until a moment."""

    token: str
    audience: str
    good_until: datetime


@pytest.fixture(scope="module")
def rotating(postgres_server: EmbeddedPostgres, migrated_template: str) -> Iterator[tuple[Fleet, MovableClock]]:
    """Two replicas whose keys are due every hour."""
    clock, changes = MovableClock(), {"key_active_period": "1h", "signing_algorithms": "ES256"}
    with running_system(postgres_server, migrated_template, replicas=2, clock=clock, changes=changes) as system:
        yield Fleet(system, system.run(system.administration.create_catalog())), clock


class Users:
    """A machine and a web client that fetch tokens, and all verifiers."""

    def __init__(self, fleet: Fleet, clock: MovableClock, party: RelyingParty, machine: RelyingParty) -> None:
        self._fleet = fleet
        self._clock = clock
        self._party = party
        self._machine = machine
        self._refresh_token = ""
        self.failures: list[object] = []
        self.kids: set[str] = set()

    async def fetch(self, replica: int) -> list[Issued]:
        """An access token of the machine, an access and an ID token of the user."""
        if not self._refresh_token:
            self._refresh_token = (await self._party.log_in(scope=SCOPE)).refresh_token
        good_until = self._clock() + TOKEN_LIFETIME - timedelta(seconds=5)
        issued = await self._fleet.at(self._machine, "token", replica).token("client_credentials")
        refreshed = await self._fleet.at(self._party, "token", replica).refresh(self._refresh_token)
        self._refresh_token = refreshed.refresh_token
        tokens = [
            Issued(issued.access_token, API, good_until),
            Issued(refreshed.access_token, API, good_until),
            Issued(refreshed.body["id_token"], self._party.client.client_id, good_until),
        ]
        self.kids |= {header_of(each.token)["kid"] for each in tokens}
        return tokens

    async def verify(self, verifier: StrictVerifier | Verifier, each: Issued) -> None:
        """Note a failure."""
        try:
            if isinstance(verifier, StrictVerifier):
                await verifier.verify(each.token, each.audience)
            elif each.audience == API:
                await verifier.verify(each.token)
        except (jwt.PyJWTError, KeyError, BearerError) as error:
            self.failures.append((type(verifier).__name__, each.audience, repr(error)))


@pytest.fixture
async def users(rotating: tuple[Fleet, MovableClock]) -> AsyncIterator[Users]:
    fleet, clock = rotating
    party, machine = await fleet.new_party(), await fleet.new_machine()
    yield Users(fleet, clock, party, machine)
    await party.browser.close()
    await machine.browser.close()


@dataclass
class Count:
    """What has been done. ``unread`` verifications were of a newer key than the verifier's key set is old."""

    rotations: int = 0
    verifications: int = 0
    unread: int = 0


@pytest.mark.requirement("operations: a key rotation under load breaks no verification")
async def test_no_verification_fails_however_often_keys_rotate(
    rotating: tuple[Fleet, MovableClock], users: Users
) -> None:
    fleet, clock = rotating
    settings = fleet.system.settings_of("key_rotation")
    chance, outstanding, count = random.Random(17), list[Issued](), Count()
    newest, signing_since = set[str](), clock()
    sealer, policy = KeySealer(dict(settings.key_encryption_keys.reveal())), RotationPolicy.from_settings(settings)
    async with AsyncExitStack() as stack:
        api = fleet.new_api()
        stack.push_async_callback(api.browser.close)
        strict = [
            StrictVerifier(at, fleet.system.issuer, clock) for at in fleet.at_each(api, "introspection") for _ in "ab"
        ]
        library = Verifier(AuthorizationServer(fleet.system.issuer, clock=clock), audience=API)
        stack.push_async_callback(library.close)
        database = await stack.enter_async_context(open_database(settings, "key_rotation"))

        for tick in itertools.count():
            clock.advance(seconds=chance.choice(STEPS) if tick % STEPS_AFTER_A_LEAP else LEAP)
            report, fetched = await asyncio.gather(rotate_keys(database, sealer, policy, clock), users.fetch(tick % 2))
            if report.activated:
                count.rotations, newest, signing_since = count.rotations + 1, set(report.activated), clock()
                if count.rotations % 100 == 0:
                    sys.stderr.write(f"\n{count}; {len(users.failures)} failures")
            outstanding = [*(each for each in outstanding if clock() < each.good_until), *fetched]
            # Each of these has read the keys at a time of its own.
            for each in outstanding:
                await users.verify(library, each)
                for verifier in strict[: 1 + tick % len(strict)]:
                    await users.verify(verifier, each)
                    count.verifications += 1
                    assert verifier.read_at is not None
                    count.unread += header_of(each.token)["kid"] in newest and verifier.read_at < signing_since
            access_tokens = [each.token for each in outstanding if each.audience == API]
            users.failures += [tick for active in await fleet.active(api, access_tokens) if not active]
            if count.rotations == ROTATIONS or users.failures:
                break

    sys.stderr.write(
        f"\n{count}, {len(users.kids)} keys have signed, {sum(v.read for v in strict)} key sets were read\n"
    )
    assert users.failures == []
    assert len(users.kids) >= ROTATIONS - 2
    assert sum(verifier.read for verifier in strict) < count.verifications / 4
    assert count.unread > ROTATIONS / 4, "the key sets were always newer than the keys"
