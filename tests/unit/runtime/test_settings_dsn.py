"""A PostgreSQL URL whose password comes from elsewhere."""

from pathlib import Path

import pytest
from asyncpg.connect_utils import _parse_connect_dsn_and_args  # type: ignore[attr-defined]  # the driver's own

from valetkey.runtime.settings.settings import Settings, SettingsError

PASSWORD = "p@ss/w:rd?+ %&#é"
ADVICE = "VALETKEY_POSTGRES_PASSWORD needs a user"


def load(**changes: str) -> Settings:
    return Settings.load({f"VALETKEY_{name.upper()}": value for name, value in changes.items()}, service="migrate")


def read_by_the_driver(dsn: str) -> tuple[list[tuple[str, int]] | list[str], str, str]:
    """The addresses, user and password that asyncpg finds in the URL."""
    arguments = dict.fromkeys(("host", "port", "user", "password", "passfile", "database", "ssl", "service"))
    rest = dict.fromkeys(("direct_tls", "server_settings", "target_session_attrs", "krbsrvname", "gsslib"))
    addresses, parameters = _parse_connect_dsn_and_args(dsn=dsn, **arguments, **rest, servicefile=None)
    return addresses, parameters.user, parameters.password


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("postgresql://valetkey_token@db:5432/valetkey", [("db", 5432)]),
        ("postgres://valetkey_token@db/valetkey", [("db", 5432)]),
        ("postgresql://valetkey_token@a:1,b:2/valetkey?target_session_attrs=read-write", [("a", 1), ("b", 2)]),
        ("postgresql://valetkey_token@/valetkey?host=/run/postgresql", ["/run/postgresql/.s.PGSQL.5432"]),
        ("postgresql://valetkey_token@[::1]:5433/valetkey", [("::1", 5433)]),
    ],
)
def test_the_password_is_put_where_the_driver_looks_for_it(url: str, addresses: list[object]) -> None:
    settings = load(postgres_dsn=url, postgres_password=PASSWORD)

    assert read_by_the_driver(settings.postgres_dsn.reveal()) == (addresses, "valetkey_token", PASSWORD)


def test_the_password_comes_from_a_file_and_serves_the_second_url_too(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(f"{PASSWORD}\n")

    settings = load(
        postgres_dsn="postgresql://u@pooler:6432/v",
        postgres_listen_dsn="postgresql://u@db:5432/v",
        postgres_password_file=str(tmp_path / "password"),
    )

    assert read_by_the_driver(settings.postgres_dsn.reveal()) == ([("pooler", 6432)], "u", PASSWORD)
    assert read_by_the_driver(settings.postgres_listen_dsn.reveal()) == ([("db", 5432)], "u", PASSWORD)


@pytest.mark.parametrize("url", ["postgresql://u:own@db/v", "postgresql://u@db/v?password=own"])
def test_a_password_in_the_url_is_the_one_that_counts(url: str) -> None:
    settings = load(postgres_dsn=url, postgres_password=PASSWORD)

    assert settings.postgres_dsn.reveal() == url


def test_without_a_password_the_url_stays_as_it_is() -> None:
    assert load(postgres_dsn="postgresql://u@db/v").postgres_dsn.reveal() == "postgresql://u@db/v"


@pytest.mark.parametrize("urls", [{"postgres_dsn": "postgresql://db/v"}, {"postgres_listen_dsn": "postgresql:///v"}])
def test_a_password_without_a_user_is_a_problem(urls: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=ADVICE):
        load(**{"postgres_dsn": "postgresql://u@db/v", "postgres_password": PASSWORD, **urls})


@pytest.mark.requirement("security 51: no secret in anything that is printed")
def test_the_password_shows_nowhere() -> None:
    settings = load(postgres_dsn="postgresql://u@db/v", postgres_password="canary-77aa")

    assert "canary" not in f"{settings!r} {settings.describe()} {settings.postgres_dsn}"


@pytest.mark.parametrize("url", ["postgresql:u@db/v", "https://db/v"])
def test_what_is_no_postgresql_url_is_a_problem(url: str) -> None:
    with pytest.raises(SettingsError, match="must be a PostgreSQL URL"):
        load(postgres_dsn=url)
