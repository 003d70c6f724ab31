import pytest

from valetkey.storage.postgres.database.server_address import server_attributes


@pytest.mark.requirement("security 51: no secret in spans")
@pytest.mark.parametrize(
    ("dsn", "address", "port"),
    [
        ("postgresql://ada:canary@db.example:6432/valetkey?sslmode=require", "db.example", 6432),
        ("postgresql://ada:canary@db.example/valetkey", "db.example", 5432),
        ("postgresql://ada:canary@[::1]:5433/valetkey", "::1", 5433),
        ("postgresql://ada:canary@/valetkey?host=/run/postgresql", "/run/postgresql", None),
        ("postgresql://ada:canary@one:1,two:2/valetkey", "one:1,two:2", None),
        ("postgresql:///valetkey?password=canary", "localhost", 5432),
    ],
    ids=["port", "default-port", "ipv6", "socket", "several", "local"],
)
def test_a_span_tells_where_postgresql_is_and_not_how_to_get_in(dsn: str, address: str, port: int | None) -> None:
    attributes = server_attributes(dsn)

    assert attributes.pop("server.port", None) == port
    assert attributes == {"db.system.name": "postgresql", "db.namespace": "valetkey", "server.address": address}
