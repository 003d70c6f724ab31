"""How much memory the questions of clients take: bounded whatever one client asks, and not at the others' expense."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from support.memory_of import measured
from support.seed import make_client
from valetkey.core.bounded_cache import BoundedCache
from valetkey.core.client import Client, GrantType
from valetkey.core.errors import OAuthError
from valetkey.core.params import Params
from valetkey.core.resource import Catalog, RegisteredScope, ResourceServer
from valetkey.token.grants.client_credentials import MAX_BYTES, MAX_CLIENTS, MAX_QUESTIONS, ClientCredentials

API = "https://api.example.com/"
NAMES = tuple(f"api:operation-{number}" for number in range(60))
MACHINE = replace(make_client(), grant_types=frozenset({GrantType.CLIENT_CREDENTIALS}), scope=NAMES)
pytestmark = pytest.mark.requirement("security 55c: what one client can make a process keep is bounded in bytes")


def new_catalog() -> Catalog:
    scopes = {name: RegisteredScope(name, "An operation", API) for name in NAMES}
    return Catalog(scopes, {API: ResourceServer(API, "API")})


class Source:
    def __init__(self) -> None:
        self.catalog = new_catalog()

    async def get(self) -> Catalog:
        return self.catalog


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def grant(source: Source) -> ClientCredentials:
    return ClientCredentials(source)


def questions(number: int) -> Iterator[Params]:
    """Each different from the others, as long as they may be, and spelled anew."""
    chosen = random.Random(number)
    for _ in range(number):
        names = chosen.sample(NAMES, len(NAMES))
        yield Params.parse([("scope", " ".join(names)), *[("resource", str(API)) for _ in range(8)]])


async def ask(grant: ClientCredentials, client: Client, number: int) -> None:
    for params in questions(number):
        await grant.authorize(params, client)


async def test_one_client_whose_requests_all_differ_takes_a_few_kilobytes(grant: ClientCredentials) -> None:
    await ask(grant, replace(MACHINE, client_id="another"), 1)

    with measured() as few:
        await ask(grant, MACHINE, MAX_QUESTIONS)
    with measured() as many:
        await ask(grant, MACHINE, 400)

    assert few.taken < 16 << 10
    assert many.taken < 16 << 10
    assert len(grant.known) == 2


async def test_what_fails_is_not_kept(grant: ClientCredentials) -> None:
    with measured() as memory:
        for number in range(400):
            with pytest.raises(OAuthError):
                await grant.authorize(Params.parse([("scope", f"api:operation-1 unknown-{number}")]), MACHINE)

    assert len(grant.known) == 0
    assert memory.taken < 8 << 10


async def test_what_is_counted_is_at_least_what_is_taken(grant: ClientCredentials) -> None:
    clients = [replace(MACHINE, client_id=f"machine-{number}") for number in range(50)]
    await ask(grant, MACHINE, 1)
    before = grant.known.size

    with measured() as memory:
        for client in clients:
            await ask(grant, client, MAX_QUESTIONS)

    assert 0.5 < memory.taken / (grant.known.size - before) <= 1


async def test_a_crowd_of_clients_is_held_to_bytes() -> None:
    assert MAX_BYTES == 8 << 20
    assert MAX_CLIENTS == 10_240
    small = ClientCredentials(Source())
    small.known = BoundedCache(entries=MAX_CLIENTS, size=256 << 10, share=1)

    with measured() as memory:
        for number in range(200):
            await ask(small, replace(MACHINE, client_id=f"machine-{number}"), MAX_QUESTIONS)

    assert small.known.size <= 256 << 10
    assert memory.taken <= 256 << 10


async def test_a_client_that_asks_for_everything_in_every_order_displaces_no_other(grant: ClientCredentials) -> None:
    polite = replace(MACHINE, client_id="polite")
    await ask(grant, polite, 1)

    await ask(grant, MACHINE, 400)

    known = grant.known.find("polite")
    assert known is not None
    assert len(known.answers) == 1


async def test_an_old_catalog_is_not_kept_for_a_client_that_asked_by_it(
    source: Source, grant: ClientCredentials
) -> None:
    await ask(grant, MACHINE, 1)
    before = new_catalog()

    with measured() as memory:
        for number in range(100):
            source.catalog = Catalog(dict(before.scopes), dict(before.resources))
            await ask(grant, replace(MACHINE, client_id=f"machine-{number}"), 1)

    # Each catalog is a table of sixty scopes: two kilobytes and more.
    assert memory.taken < grant.known.size


async def test_an_old_registration_is_forgotten_with_all_that_it_asked(grant: ClientCredentials) -> None:
    for _ in range(20):
        await ask(grant, replace(MACHINE), MAX_QUESTIONS)

    known = grant.known.find(MACHINE.client_id)
    assert known is not None
    assert len(known.answers) == MAX_QUESTIONS
    assert len(grant.known) == 1
