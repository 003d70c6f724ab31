"""PostgreSQL URLs: what passes is taken by the driver; all else is refused by the name of the parameter."""

import itertools

import pytest
from asyncpg.connect_utils import _parse_connect_dsn_and_args  # type: ignore[attr-defined]  # the driver's own
from hypothesis import given
from hypothesis import strategies as st

from valetkey.runtime.settings.postgres_address import postgres_url

BASE = "postgresql://u:p@db:5432/v"


def parameters_of(url: str) -> tuple[list[object], object]:
    """The addresses and parameters that asyncpg finds in the URL."""
    names = ("host", "port", "user", "password", "passfile", "database", "ssl", "service", "servicefile", "direct_tls")
    rest = ("server_settings", "target_session_attrs", "krbsrvname", "gsslib")
    addresses, parameters, *_ = _parse_connect_dsn_and_args(dsn=url, **dict.fromkeys((*names, *rest)))
    return addresses, parameters


@pytest.mark.parametrize(
    "url",
    [
        BASE,
        "postgres://u@db/v",
        "postgresql:///v?host=/run/postgresql",
        "postgresql://u@a:1,b:2/v?target_session_attrs=read-write",
        "postgresql://u@[::1]:5433/v?sslmode=require",
        "postgresql://u@[fe80::1%25eth0]/v",
        "postgresql://u:p%40ss%2F%3F%23%3A@db/v",
        f"{BASE}?options=-c%20statement_timeout%3D5s&sslmode=disable",
        "postgresql://%2Frun%2Fpostgresql/v",
    ],
)
def test_what_the_driver_takes_stays_as_it_was_written(url: str) -> None:
    assert postgres_url(url) == url


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("application_name=x", ""),
        ("channel_binding=prefer&sslmode=require", "?sslmode=require"),
        ("gssencmode=disable", ""),
        ("sslmode=prefer&keepalives=1&client_encoding=utf8", "?sslmode=prefer"),
        ("pgbouncer=false", ""),
        ("sslmode=", ""),
    ],
)
def test_what_is_so_anyway_is_left_out(query: str, kept: str) -> None:
    assert postgres_url(f"{BASE}?{query}") == f"{BASE}{kept}"


def test_the_cas_of_the_machine_are_a_file_to_the_driver() -> None:
    url = postgres_url(f"{BASE}?sslmode=verify-full&sslrootcert=system")

    assert "sslrootcert=/" in url
    assert "sslmode=verify-full" in url


@pytest.mark.parametrize(
    ("query", "advice"),
    [
        ("connect_timeout=10", "has connect_timeout: remove it; VALETKEY_POSTGRES_TIMEOUT"),
        ("keepalives=0", "has keepalives: remove it; VALETKEY_POSTGRES_TIMEOUT"),
        ("keepalives_idle=30", "has keepalives_idle: remove it; VALETKEY_POSTGRES_TIMEOUT"),
        ("tcp_user_timeout=1", "has tcp_user_timeout: remove it; VALETKEY_POSTGRES_TIMEOUT"),
        ("channel_binding=require", "has channel_binding: the driver cannot do it"),
        ("gssencmode=require", "has gssencmode: the driver cannot do it"),
        ("require_auth=scram-sha-256", "has require_auth: the driver cannot do it"),
        ("hostaddr=10.0.0.1", "has hostaddr: write the address in place of the host"),
        ("pgbouncer=true", "has pgbouncer: remove it, and set VALETKEY_POSTGRES_POOLER=transaction"),
        ("client_encoding=latin1", "has client_encoding: remove it"),
        ("target_session_attrs=standby", "has target_session_attrs with a value that cannot be: write read-write"),
        ("sslmode=yes", "has sslmode with a value that cannot be: write allow, disable, prefer"),
        ("ssl_min_protocol_version=TLSv1", "has ssl_min_protocol_version with a value that cannot be: write TLSv1.2"),
        ("sslsni=0", "has sslsni with a value that cannot be: remove it, or write 1"),
        ("sslmode=verify-full", "has sslmode=verify-full and no CA; add sslrootcert=/path/ca.pem"),
        ("sslmode=verify-ca", "has sslmode=verify-ca and no CA"),
        ("sslmode=verify-ca&sslrootcert=system", "has sslrootcert=system; write sslmode=verify-full"),
        ("sslmode=verify-full&sslrootcert=ca.pem", "has sslrootcert: name the file by its absolute path"),
        ("sslnegotiation=direct", "has sslnegotiation=direct; write sslmode=require"),
        ("sslmode=require&sslmode=disable", "has sslmode twice; remove one"),
        ("schema=public", "has schema, which is no parameter of a connection"),
        ("Geheimnis=1", "has a parameter, which is no parameter"),
        ("sslmode", "must have parameters like"),
        ("port=http", "must have a port of 1 to 65535"),
        ("host=/run&port=0", "must have a port of 1 to 65535"),
    ],
)
def test_what_cannot_be_done_is_refused_by_its_name(query: str, advice: str) -> None:
    with pytest.raises(ValueError, match=r"must|has") as refused:
        postgres_url(f"{BASE}?{query}")

    assert str(refused.value).startswith(advice)


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("postgresql://u@fd00::1:5432/v", "must have an IPv6 address in brackets"),
        ("postgresql://u@::1/v", "must have an IPv6 address in brackets"),
        ("postgresql://[::1/v", "must have an IPv6 address in brackets"),
        ("postgresql://u@db:http/v", "must have a port of 1 to 65535"),
        ("postgresql://u@db:70000/v", "must have a port of 1 to 65535"),
        ("postgresql://u@db:\N{ARABIC-INDIC DIGIT ONE}/v", "must have a port of 1 to 65535"),
        ("postgresql://u:a@b@db/v", "must have one user and one password"),
        ("postgresql://u:a:b@db/v", "must have one user and one password"),
        ("postgresql://u:a/b@db/v", "must have a port of 1 to 65535"),
        ("postgresql://u:a#b@db/v", "must have no fragment"),
        ("postgresql://u:a%00b@db/v", "must not hold a NUL"),
        ("postgresql://u@db/v/w", "must have one database"),
        ("mysql://u@db/v", "must be a PostgreSQL URL"),
        ("host=db dbname=v", "must be a PostgreSQL URL"),
    ],
)
def test_what_the_driver_would_misread_is_refused(url: str, advice: str) -> None:
    with pytest.raises(ValueError, match=r"must|has") as refused:
        postgres_url(url)

    assert str(refused.value).startswith(advice)
    assert not any(secret in str(refused.value) for secret in ("a@b", "a:b", "a/b", "a#b"))


PIECES = ("postgresql://", "u", ":", "p", "@", "db", "[::1]", "::1", ":5432", ":x", ",", "/", "v", "?", "&", "=", "%2F")
WORDS = ("sslmode", "require", "port", "host", "/run", "1", "2", "disable", "database", "target_session_attrs", "any")


@given(st.lists(st.sampled_from((*PIECES, *WORDS)), max_size=14))
def test_whatever_passes_is_taken_by_the_driver(pieces: list[str]) -> None:
    try:
        url = postgres_url("postgresql://" + "".join(pieces))
    except ValueError:
        return
    addresses, _ = parameters_of(url)

    assert addresses


@pytest.mark.parametrize(
    ("mode", "negotiation"), [*itertools.product(("disable", "allow", "prefer", "require"), ("postgres", "direct"))]
)
def test_modes_that_pass_are_taken_by_the_driver(mode: str, negotiation: str) -> None:
    try:
        url = postgres_url(f"{BASE}?sslmode={mode}&sslnegotiation={negotiation}")
    except ValueError:
        assert negotiation == "direct"
        assert mode != "require"
        return
    addresses, _ = parameters_of(url)

    assert addresses
