"""Compares what roles may do with what they should, and says how to mend it. Roles that do not exist are left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from valetkey.storage.postgres.schema.privileges import ROLES

_NAMES = ", ".join(f"'{role}'" for role in ROLES)
# The owner of a table and a superuser have every privilege on it already.
READ_GRANTS = f"""
    WITH roles AS (
        SELECT oid, rolname FROM pg_roles WHERE rolname IN ({_NAMES}) AND NOT rolsuper
    ), tables AS (
        SELECT oid, relname, relacl, relowner FROM pg_class
        WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
    ), granted AS (
        SELECT tables.oid, grantee, privilege_type, '' AS attname FROM tables, aclexplode(relacl)
        UNION ALL
        SELECT tables.oid, grantee, privilege_type, attname
        FROM tables JOIN pg_attribute ON attrelid = tables.oid, aclexplode(attacl)
    )
    SELECT rolname, relname, privilege_type, attname::text
    FROM roles CROSS JOIN tables LEFT JOIN granted ON granted.oid = tables.oid AND grantee = roles.oid
    WHERE relowner <> roles.oid
"""  # noqa: S608 - the names are ours

Row = Iterable[str | None]


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """One privilege of one role, on a whole table where ``column`` is empty."""

    role: str
    table: str
    privilege: str
    column: str = ""

    def __str__(self) -> str:
        return f"{self.role}: {self.privilege} on {self.table}{f' ({self.column})' if self.column else ''}"


@dataclass(frozen=True, slots=True)
class GrantDifferences:
    """What roles lack, and what they have beyond that."""

    lacking: frozenset[Grant] = frozenset()
    surplus: frozenset[Grant] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.lacking or self.surplus)

    @property
    def sentences(self) -> list[str]:
        """One line for each."""
        return [f"lacks {grant}" for grant in sorted(self.lacking)] + [f"too much {g}" for g in sorted(self.surplus)]

    def statements(self) -> Iterator[str]:
        """What mends it: each table that differs for a role is granted anew."""
        for role, table in sorted({(grant.role, grant.table) for grant in self.lacking | self.surplus}):
            # Taking a privilege on the table takes it on its columns too, so all that is due follows.
            yield f'REVOKE ALL ON TABLE "{table}" FROM {role}'
            for privilege, columns in ROLES[role].get(table, {}).items():
                what = f"{privilege} ({', '.join(columns)})" if columns else privilege
                yield f"GRANT {what} ON TABLE {table} TO {role}"


NO_DIFFERENCES = GrantDifferences()


def compare(rows: Iterable[Row]) -> GrantDifferences:
    """The differences, from the rows of ``READ_GRANTS``."""
    present: set[Grant] = set()
    pairs: set[tuple[str, str]] = set()
    for row in rows:
        role, table, privilege, column = row
        pairs.add((str(role), str(table)))
        if privilege is not None:
            present.add(Grant(str(role), str(table), privilege, column or ""))
    due = {
        Grant(role, table, privilege, column)
        for role, table in pairs
        for privilege, columns in ROLES[role].get(table, {}).items()
        for column in (columns or ("",))
    }
    return GrantDifferences(lacking=frozenset(due - present), surplus=frozenset(present - due))
