"""What ``valetkey doctor`` says of certificate authorities."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.sound_settings import load
from valetkey.administration.diagnosis.finding import Finding, Status
from valetkey.administration.diagnosis.trust import examine_trust
from valetkey.demo.certificate import make_certificate

NOW = datetime.now(UTC)
YEAR = timedelta(days=365)
POSTGRES = "postgresql://u:secret@db/valetkey"


def authority(folder: Path, *lifetimes: timedelta) -> Path:
    """A file with a certificate for each lifetime."""
    texts = []
    for number, lifetime in enumerate(lifetimes):
        make_certificate(folder / f"{number}.pem", lifetime)
        texts.append((folder / f"{number}.pem").read_text())
    path = folder / "ca.pem"
    path.write_text("".join(texts))
    return path


def of(check: str, *answered: str, **settings: str) -> Finding:
    (found,) = (each for each in examine_trust(load(**settings), answered, NOW) if each.check == check)
    return found


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("?sslmode=disable", Status.OK, "not encrypted"),
        ("", Status.OK, "encrypted where the server offers it, and not verified"),
        ("?sslmode=require", Status.WARNING, "the server's certificate is not verified"),
    ],
)
def test_a_connection_without_an_authority_says_how_far_it_is_protected(query: str, status: Status, words: str) -> None:
    found = of("postgres TLS", "postgres", postgres_dsn=f"{POSTGRES}{query}")

    assert (found.status, words in found.detail) == (status, True)
    assert bool(found.next_step) == (status is Status.WARNING)


def test_an_authority_is_named_with_its_subject_and_its_end(tmp_path: Path) -> None:
    path = authority(tmp_path, YEAR)

    found = of("postgres TLS", "postgres", postgres_dsn=f"{POSTGRES}?sslmode=verify-full&sslrootcert={path}")

    assert found.status is Status.OK
    assert found.detail == (
        f"{path}: CN=Valetkey demo until {NOW + YEAR:%Y-%m-%d}; verifies the connection (sslmode=verify-full)"
    )


def test_a_connection_that_was_not_made_was_not_verified(tmp_path: Path) -> None:
    path = authority(tmp_path, YEAR)

    found = of("redis TLS", redis_url=f"rediss://cache?ssl_ca_certs={path}")

    assert "the connection was not made" in found.detail


@pytest.mark.parametrize("mode", ["require", "verify-ca"])
def test_a_host_that_is_not_looked_at_is_told(tmp_path: Path, mode: str) -> None:
    path = authority(tmp_path, YEAR)

    found = of("postgres TLS", "postgres", postgres_dsn=f"{POSTGRES}?sslmode={mode}&sslrootcert={path}")

    assert found.status is Status.WARNING
    assert "the host is not looked at" in found.detail
    assert "sslmode=verify-full" in found.next_step


@pytest.mark.parametrize(
    ("lifetimes", "status", "words"),
    [
        ((-timedelta(days=1),), Status.FAILED, "expired"),
        ((timedelta(days=29),), Status.WARNING, "expires within 30 days"),
        ((timedelta(days=31),), Status.OK, "verifies the connection"),
        ((-timedelta(days=1), YEAR), Status.OK, "verifies the connection"),
        ((YEAR, YEAR, YEAR, YEAR, YEAR), Status.OK, "and 2 more"),
    ],
)
def test_what_counts_is_the_authority_that_lasts_longest(
    tmp_path: Path, lifetimes: tuple[timedelta, ...], status: Status, words: str
) -> None:
    path = authority(tmp_path, *lifetimes)

    found = of("redis TLS", "redis", redis_url=f"rediss://cache?ssl_ca_certs={path}")

    assert (found.status, words in found.detail) == (status, True)
    assert bool(found.next_step) == (status is not Status.OK)


def test_without_a_file_the_authorities_of_the_machine_count() -> None:
    found = of("issuer TLS", "metadata")

    paths = ssl.get_default_verify_paths()
    assert str(paths.cafile or paths.capath) in found.detail
    assert found.status is Status.OK


def test_a_bundle_is_counted_and_not_listed() -> None:
    bundle = ssl.get_default_verify_paths().cafile
    if bundle is None:
        pytest.skip("this machine has no bundle of authorities: apt-get install ca-certificates")

    found = of("postgres TLS", "postgres", postgres_dsn=f"{POSTGRES}?sslmode=verify-full&sslrootcert=system")

    assert found.status is Status.OK
    assert f"{bundle}: " in found.detail
    assert " certificates; verifies the connection (sslmode=verify-full)" in found.detail


def test_a_private_authority_in_place_of_those_of_the_machine_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = authority(tmp_path, YEAR)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))

    issuer, redis = (
        of(check, "metadata", "redis", redis_url="rediss://cache") for check in ("issuer TLS", "redis TLS")
    )

    for found in (issuer, redis):
        assert f"{path}: CN=Valetkey demo until" in found.detail
        assert "verifies the connection (SSL_CERT_FILE)" in found.detail


def test_each_connection_has_its_own_finding() -> None:
    settings = load(postgres_dsn="postgresql://u@pooler/v", postgres_listen_dsn=f"{POSTGRES}?sslmode=require")

    found = {each.check: each.status for each in examine_trust(settings, ["postgres"], NOW)}

    assert found["postgres TLS"] is Status.OK
    assert found["postgres listen TLS"] is Status.WARNING
    assert found["redis TLS"] is Status.OK
    assert not [each for each in examine_trust(settings, [], NOW) if "secret" in each.detail]
