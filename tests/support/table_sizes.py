"""How much there is in a database: rows and bytes of every table, after a vacuum."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

_SIZES = """
    SELECT relname AS name, pg_total_relation_size(oid) AS bytes
    FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname
"""


@dataclass(frozen=True, slots=True)
class Size:
    """Of one table. ``bytes`` counts its indexes and what is stored out of line."""

    rows: int
    bytes: int


async def table_sizes(dsn: str) -> dict[str, Size]:
    """By name, of every table in the schema ``public``."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("VACUUM")
        return {
            row["name"]: Size(await connection.fetchval(f"SELECT count(*) FROM {row['name']}"), row["bytes"])  # noqa: S608 - names from the catalogue
            for row in await connection.fetch(_SIZES)
        }
    finally:
        await connection.close()
