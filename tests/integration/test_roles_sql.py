"""The file that makes the roles: what an administrator runs, and the example for CloudNativePG beside it."""

import re
from pathlib import Path

import asyncpg
import pytest
import yaml

from support.database_roles import NAMES, ROLES_SQL, run_roles_sql
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.storage.postgres.schema.migrate import status, upgrade


async def test_roles_may_come_later_and_take_over_what_is_there(tmp_path: Path) -> None:
    passwords = {f"VALETKEY_{name.upper()}_PASSWORD": f'{name}\'s "$1" pässword' for name in NAMES[:-1]}
    (tmp_path / "operator").write_text("from a file")
    passwords["VALETKEY_OPERATOR_PASSWORD_FILE"] = str(tmp_path / "operator")
    with EmbeddedPostgres() as server:
        await upgrade(server.dsn)

        run_roles_sql(server.dsn, {}, passwords)
        run_roles_sql(server.dsn, {"token_password": "another"}, {})

        async def connect(role: str, password: str) -> asyncpg.Connection:
            return await asyncpg.connect(server.dsn, user=f"valetkey_{role}", password=password)

        migration = await connect("migration", passwords["VALETKEY_MIGRATION_PASSWORD"])
        await migration.execute("ALTER TABLE users ADD COLUMN spare text")
        await migration.close()
        await (await connect("operator", "from a file")).close()
        await (await connect("token", "another")).close()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await connect("token", passwords["VALETKEY_TOKEN_PASSWORD"])
        assert "lacks valetkey_token: SELECT on clients" in (await status(server.dsn)).grants.sentences
        await upgrade(server.dsn)
        assert not (await status(server.dsn)).grants


async def test_passwords_do_not_reach_the_log_of_the_server() -> None:
    with EmbeddedPostgres() as server:
        connection = await asyncpg.connect(server.dsn)
        await connection.execute("ALTER SYSTEM SET log_statement = 'all'")
        await connection.execute("SELECT pg_reload_conf()")
        await connection.close()

        run_roles_sql(server.dsn, {"token_password": "canary-4411"})

        log = server.log.read_text()
    assert "statement: BEGIN" in log
    assert "canary-4411" not in log


def test_the_file_of_roles_knows_every_role() -> None:
    named = set(re.findall(r"'valetkey_(\w+)', :'(\w+)_password'", ROLES_SQL.read_text()))

    assert named == {(name, name) for name in NAMES}


def test_the_example_for_cloudnativepg_has_the_same_roles() -> None:
    cluster, pooler = yaml.safe_load_all((ROLES_SQL.parent / "cloudnativepg.yaml").read_text())

    initdb = cluster["spec"]["bootstrap"]["initdb"]
    roles = {role["name"]: role for role in cluster["spec"]["managed"]["roles"]}
    assert (initdb["database"], initdb["owner"]) == ("valetkey", "valetkey_migration")
    assert {*roles, initdb["owner"]} == {f"valetkey_{name}" for name in NAMES}
    assert all(role["login"] and not role["inherit"] for role in roles.values())
    secrets = {name: role["passwordSecret"]["name"] for name, role in roles.items()}
    assert secrets == {name: f"valetkey-postgres-{name[9:].replace('_', '-')}" for name in roles}
    assert pooler["spec"]["cluster"]["name"] == cluster["metadata"]["name"]
    assert pooler["spec"]["pgbouncer"]["poolMode"] == "transaction"
    sizes = cluster["spec"]["postgresql"]["parameters"], pooler["spec"]["pgbouncer"]["parameters"]
    connections = len(roles) * int(sizes[1]["default_pool_size"]) * pooler["spec"]["instances"]
    assert connections < int(sizes[0]["max_connections"])
