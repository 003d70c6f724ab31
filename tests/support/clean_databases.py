"""Databases that tests use one after the other: emptied in milliseconds, where making one takes fifty.

A database that a test leaves with another schema, other privileges or other settings is not used again.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Self

import asyncpg

if TYPE_CHECKING:
    from types import TracebackType

    from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres

_CLOSE_OTHERS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""

# Everything that is no row of a table: a row of a catalog that is added, changed or removed changes its line. Copies of
# a template have its rows. What `pg_class` estimates is part of it, for plans follow from it.
_CATALOGS = (
    "pg_attrdef, pg_attribute, pg_class, pg_constraint, pg_default_acl, pg_event_trigger, pg_extension, pg_index, "
    "pg_namespace, pg_policy, pg_proc, pg_sequence, pg_trigger, pg_type"
)
_CATALOG_LINES = " UNION ALL ".join(
    f"SELECT '{name}', count(*)::text, sum(xmin::text::bigint)::text FROM {name}"  # noqa: S608 - names above
    for name in _CATALOGS.split(", ")
)
_DESCRIPTION = f"""
    SELECT string_agg(line::text, ' ' ORDER BY line) FROM (
        {_CATALOG_LINES}
        UNION ALL
        SELECT 'estimates', sum(relpages)::text, sum(reltuples)::text FROM pg_class
        UNION ALL
        SELECT 'settings', setrole::text, setconfig::text FROM pg_db_role_setting, pg_database d
        WHERE setdatabase = d.oid AND datname = current_database()
        UNION ALL
        SELECT 'database', concat_ws(' ', datallowconn, datconnlimit, datdba), datacl::text
        FROM pg_database WHERE datname = current_database()
    ) AS line
"""  # noqa: S608 - names above

_TABLES = """
    SELECT quote_ident(relname) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname
"""


class CleanDatabases:
    """Copies of one template on one server: ``take`` one, and ``give_back`` its name."""

    def __init__(self, server: EmbeddedPostgres, template: str) -> None:
        self._server = server
        self._template = template
        self._free: list[str] = []
        # A loop that never becomes the thread's current one, which belongs to pytest-asyncio.
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)

    def __enter__(self) -> Self:
        self._runner.run(self._learn())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.close()

    def take(self) -> str:
        """The name of a database as the template is."""
        return self._free.pop() if self._free else self._runner.run(self._create())

    def give_back(self, name: str) -> None:
        """Make it as the template is, for another test, or remove it where that cannot be."""
        if self._runner.run(self._clean(name)):
            self._free.append(name)
        else:
            self._runner.run(self._execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))

    async def _learn(self) -> None:
        # Of a copy, for privileges on the database itself are not copied.
        name = await self._create()
        copy = await asyncpg.connect(self._server.dsn_of(name))
        self._reset = await _reset_script(copy)
        self._description = await copy.fetchval(_DESCRIPTION)
        await copy.close()
        self._free.append(name)

    async def _create(self) -> str:
        name = f"test_{secrets.token_hex(8)}"
        await self._execute(f"CREATE DATABASE {name} TEMPLATE {self._template} STRATEGY FILE_COPY")
        return name

    async def _clean(self, name: str) -> bool:
        try:
            connection = await asyncpg.connect(self._server.dsn_of(name))
        except (asyncpg.PostgresError, OSError):
            return False
        try:
            await connection.execute(_CLOSE_OTHERS)
            if await connection.fetchval(_DESCRIPTION) != self._description:
                return False
            await connection.execute(self._reset)
        except asyncpg.PostgresError:
            return False
        finally:
            connection.terminate()
            # The socket is closed in the loop's next turn.
            await asyncio.sleep(0)
        return True

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self._server.dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


async def _reset_script(copy: asyncpg.Connection) -> str:
    """What brings every row back. For the few rows of a test, deleting takes a tenth of what new files take."""
    tables = [name for (name,) in await copy.fetch(_TABLES)]
    # Neither triggers nor foreign keys, as for a dump that is restored.
    script = ["SET LOCAL session_replication_role = replica"]
    script += [f"DELETE FROM {table}" for table in tables]  # noqa: S608 - names of our tables
    for table in tables:
        rows = await copy.fetchval(f"SELECT jsonb_agg({table}) FROM {table}")  # noqa: S608
        if rows is not None:
            script.append(
                f"INSERT INTO {table} SELECT * FROM jsonb_populate_recordset(NULL::{table}, $rows${rows}$rows$)"  # noqa: S608
            )
    return f"BEGIN; {'; '.join(script)}; COMMIT"
