"""How much memory the questions of clients take: bounded whatever one client asks, and not at the others' expense."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from support.changing_catalog import ChangingCatalog
from support.memory_of import size_of
from support.seed import make_client
from valetkey.core.bounded_cache import BoundedCache
from valetkey.core.client.client import Client, GrantType
from valetkey.core.oauth.errors import OAuthError
from valetkey.core.oauth.params import Params
from valetkey.core.oauth.resource import Catalog, RegisteredScope, ResourceServer
from valetkey.token.grants.client_credentials import MAX_BYTES, MAX_CLIENTS, MAX_QUESTIONS, ClientCredentials

API = "https://api.example.com/"
NAMES = tuple(f"api:operation-{number}" for number in range(60))
MACHINE = replace(make_client(), grant_types=frozenset({GrantType.CLIENT_CREDENTIALS}), scope=NAMES)
pytestmark = pytest.mark.requirement("security 55c: what one client can make a process keep is bounded in bytes")


def new_catalog() -> Catalog:
    scopes = {name: RegisteredScope(name, "An operation", API) for name in NAMES}
    return Catalog(scopes, {API: ResourceServer(API, "API")})


@pytest.fixture
def source() -> ChangingCatalog:
    return ChangingCatalog(new_catalog())


@pytest.fixture
def grant(source: ChangingCatalog) -> ClientCredentials:
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


async def test_one_client_whose_requests_all_differ_takes_a_few_kilobytes(
    source: ChangingCatalog, grant: ClientCredentials
) -> None:
    sizes = []
    for number in (MAX_QUESTIONS, 2000):
        await ask(grant, MACHINE, number)
        sizes.append(size_of(grant.known, apart_from=(MACHINE, source.catalog)))

    assert len(grant.known) == 1
    assert max(sizes) < 16 << 10


async def test_what_fails_is_not_kept(grant: ClientCredentials) -> None:
    before = size_of(grant.known)

    for number in range(2000):
        with pytest.raises(OAuthError):
            await grant.authorize(Params.parse([("scope", f"api:operation-1 unknown-{number}")]), MACHINE)

    assert size_of(grant.known) == before


async def test_what_is_counted_is_at_least_what_is_taken(source: ChangingCatalog, grant: ClientCredentials) -> None:
    clients = [replace(MACHINE, client_id=f"machine-{number}") for number in range(50)]
    for client in clients:
        await ask(grant, client, MAX_QUESTIONS)

    taken = size_of(grant.known, apart_from=(*clients, source.catalog))

    assert 0.5 < taken / grant.known.size <= 1


async def test_many_clients_are_held_to_bytes(source: ChangingCatalog) -> None:
    assert MAX_BYTES == 8 << 20
    assert MAX_CLIENTS == 10_240
    small, clients = ClientCredentials(source), [replace(MACHINE, client_id=f"machine-{n}") for n in range(200)]
    small.known = BoundedCache(entries=MAX_CLIENTS, size=256 << 10, share=1)

    for client in clients:
        await ask(small, client, MAX_QUESTIONS)

    assert small.known.size <= 256 << 10
    assert size_of(small.known, apart_from=(*clients, source.catalog)) <= 256 << 10


async def test_a_client_that_asks_for_everything_in_every_order_displaces_no_other(grant: ClientCredentials) -> None:
    polite = replace(MACHINE, client_id="polite")
    await ask(grant, polite, 1)

    await ask(grant, MACHINE, 2000)

    known = grant.known.find("polite")
    assert known is not None
    assert len(known.answers) == 1


async def test_an_old_catalog_is_not_kept_for_a_client_that_asked_by_it(
    source: ChangingCatalog, grant: ClientCredentials
) -> None:
    before = source.catalog
    clients = [replace(MACHINE, client_id=f"machine-{number}") for number in range(100)]

    for client in clients:
        source.catalog = Catalog(dict(before.scopes), dict(before.resources))
        await ask(grant, client, 1)

    # Each catalog is a table of sixty scopes: two kilobytes and more.
    assert size_of(grant.known, apart_from=(*clients, before)) < grant.known.size


async def test_an_old_registration_is_forgotten_with_all_that_it_asked(grant: ClientCredentials) -> None:
    for _ in range(20):
        await ask(grant, replace(MACHINE), MAX_QUESTIONS)

    known = grant.known.find(MACHINE.client_id)
    assert known is not None
    assert len(known.answers) == MAX_QUESTIONS
    assert len(grant.known) == 1
