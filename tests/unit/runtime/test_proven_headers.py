from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from support.seed import make_client
from valetkey.core.client import ClientSecret
from valetkey.runtime.http.proven_headers import MAX_HEADERS, ProvenHeaders

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
HEADER = "Basic Y2FuYXJ5LWNsaWVudDpjYW5hcnktc2VjcmV0"


def test_a_header_holds_for_the_registration_it_has_proven() -> None:
    client, proven = make_client(), ProvenHeaders()
    proven.keep(HEADER, client, NOW)

    proof = proven.find(HEADER)

    assert proof is not None
    assert proof.holds(client, NOW + timedelta(days=1000))


@pytest.mark.requirement("security 24: nothing but a current secret of the present registration authenticates")
def test_it_holds_for_no_other_registration_however_alike() -> None:
    client, proven = make_client(), ProvenHeaders()
    proven.keep(HEADER, client, NOW)

    proof = proven.find(HEADER)

    assert proof is not None
    assert not proof.holds(replace(client), NOW)
    assert not proof.holds(None, NOW)
    assert proven.find(f"{HEADER} ") is None


def test_it_holds_until_the_first_secret_expires() -> None:
    soon, later = NOW + timedelta(minutes=1), NOW + timedelta(hours=1)
    secrets = (ClientSecret(b"1", later), ClientSecret(b"2", soon), ClientSecret(b"3"), ClientSecret(b"4", NOW))
    client, proven = replace(make_client(), secrets=secrets), ProvenHeaders()
    proven.keep(HEADER, client, NOW)

    proof = proven.find(HEADER)

    assert proof is not None
    assert proof.holds(client, soon - timedelta(microseconds=1))
    assert not proof.holds(client, soon)


@pytest.mark.requirement("security 52: caches are bounded whatever is sent")
def test_it_never_keeps_more_than_its_bound() -> None:
    client, proven = make_client(), ProvenHeaders()

    for number in range(3 * MAX_HEADERS):
        proven.keep(f"{HEADER}{number}", client, NOW)

    assert 0 < len(proven) <= MAX_HEADERS


@pytest.mark.requirement("security 51: a secret is kept nowhere")
def test_it_keeps_no_header() -> None:
    client, proven = make_client(), ProvenHeaders()

    proven.keep(HEADER, client, NOW)

    assert HEADER[6:] not in repr(vars(proven))
