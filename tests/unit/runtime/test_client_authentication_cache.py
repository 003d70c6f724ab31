from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from support.memory_of import size_of
from support.seed import make_client
from valetkey.core.client.client import ClientSecret
from valetkey.runtime.http.client_authentication_cache import (
    HEADER_BYTES,
    MAX_BYTES,
    MAX_HEADERS,
    ClientAuthenticationCache,
)

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
HEADER = "Basic Y2FuYXJ5LWNsaWVudDpjYW5hcnktc2VjcmV0"


def test_a_header_holds_for_the_registration_it_has_proven() -> None:
    client, proven = make_client(), ClientAuthenticationCache()
    proven.keep(HEADER, client, NOW)

    proof = proven.find(HEADER)

    assert proof is not None
    assert proof.holds(client, NOW + timedelta(days=1000))


@pytest.mark.requirement("security 24: nothing but a current secret of the present registration authenticates")
def test_it_holds_for_no_other_registration_however_alike() -> None:
    client, proven = make_client(), ClientAuthenticationCache()
    proven.keep(HEADER, client, NOW)

    proof = proven.find(HEADER)

    assert proof is not None
    assert not proof.holds(replace(client), NOW)
    assert not proof.holds(None, NOW)
    assert proven.find(f"{HEADER} ") is None


def test_it_holds_until_the_first_secret_expires() -> None:
    soon, later = NOW + timedelta(minutes=1), NOW + timedelta(hours=1)
    secrets = (ClientSecret(b"1", later), ClientSecret(b"2", soon), ClientSecret(b"3"), ClientSecret(b"4", NOW))
    client, proven = replace(make_client(), secrets=secrets), ClientAuthenticationCache()
    proven.keep(HEADER, client, NOW)

    proof = proven.find(HEADER)

    assert proof is not None
    assert proof.holds(client, soon - timedelta(microseconds=1))
    assert not proof.holds(client, soon)


@pytest.mark.requirement("security 52: caches are bounded whatever is sent")
def test_it_never_keeps_more_than_its_bound() -> None:
    client, proven = make_client(), ClientAuthenticationCache()

    for number in range(3 * MAX_HEADERS):
        proven.keep(f"{HEADER}{number}", client, NOW)

    assert 0 < len(proven) <= MAX_HEADERS


@pytest.mark.requirement("security 55c: what one client can make a process keep is bounded in bytes")
@pytest.mark.parametrize("clients", [1, 1000])
def test_a_header_takes_no_more_than_is_counted(clients: int) -> None:
    known, proven = [make_client(f"client-{number}") for number in range(clients)], ClientAuthenticationCache()

    for number in range(1000):
        proven.keep(f"{HEADER}{number}", known[number % clients], NOW)

    assert 0.4 < size_of(proven, apart_from=known) / 1000 / HEADER_BYTES <= 1
    assert MAX_HEADERS * HEADER_BYTES <= MAX_BYTES


@pytest.mark.requirement("security 55c: what one client can make a process keep is bounded in bytes")
def test_a_client_that_spells_its_header_in_every_way_displaces_no_other() -> None:
    greedy, polite, proven = make_client("greedy"), make_client("polite"), ClientAuthenticationCache()
    proven.keep("of the polite one", polite, NOW)

    for number in range(2 * MAX_HEADERS):
        proven.keep(f"{HEADER}{number}", greedy, NOW)

    assert proven.find("of the polite one") is not None


def test_a_registration_that_was_replaced_is_not_kept_for_other_spellings_of_the_header() -> None:
    client, proven = make_client(), ClientAuthenticationCache()
    for number in range(10):
        proven.keep(f"{HEADER}{number}", client, NOW)

    proven.keep(HEADER, replace(client), NOW)

    assert len(proven) == 1


@pytest.mark.requirement("security 51: a secret is kept nowhere")
def test_it_keeps_no_header() -> None:
    client, proven = make_client(), ClientAuthenticationCache()

    proven.keep(HEADER, client, NOW)

    assert HEADER[6:] not in repr(vars(proven))
