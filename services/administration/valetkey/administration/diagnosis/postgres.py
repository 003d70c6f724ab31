"""Whether PostgreSQL is there, at the right schema, open to the right roles, and of our opinion about the time."""

from __future__ import annotations

from datetime import timedelta

from valetkey.administration.diagnosis.finding import Finding, doubtful, skipped, unwell, well
from valetkey.administration.store_causes import cause_of
from valetkey.core.clock_tolerance import CLOCK_TOLERANCE
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.core.ports.clock import Clock
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.server_clock import measure_clock_skew
from valetkey.storage.postgres.database.statement import Statement
from valetkey.storage.postgres.schema.role_privilege_check import READ_GRANTS, GrantDifferences, compare
from valetkey.storage.postgres.schema.version import SCHEMA_VERSION, find_schema_version

_TOLERATED_SKEW = timedelta(seconds=1)
_GRANTS = Statement("roles.read_grants", READ_GRANTS)
_UNREACHED = "PostgreSQL did not answer"


async def examine_postgres(database: Database, clock: Clock) -> list[Finding]:
    """Connection, clock, schema, and what the roles of services may do."""
    before = clock()
    try:
        skew = await measure_clock_skew(database, clock)
    except TemporarilyUnavailable as error:
        cause = cause_of(error)
        others = [skipped(check, _UNREACHED, cause.next_step) for check in ("clock", "schema", "roles")]
        return [unwell("postgres", cause.detail, cause.next_step), *others]
    taken = (clock() - before) / timedelta(milliseconds=1)
    return [
        well("postgres", f"answered in {taken:.0f} ms"),
        _clock(skew),
        _schema(await find_schema_version(database)),
        _roles(compare(await database.fetch(_GRANTS))),
    ]


def _clock(skew: timedelta) -> Finding:
    detail = f"PostgreSQL is {skew.total_seconds():+.3f} s from this machine"
    if abs(skew) <= _TOLERATED_SKEW:
        return well("clock", detail)
    advice = (
        "Synchronise both clocks (NTP): lifetimes are counted by them. What has ended stays ended as long as no two "
        f"clocks differ by more than {CLOCK_TOLERANCE // timedelta(minutes=1)} minutes."
    )
    return unwell("clock", detail, advice)


def _schema(version: str | None) -> Finding:
    if version is None:
        return unwell("schema", "the database has no schema yet", "Run `valetkey migrate up`.")
    if version < SCHEMA_VERSION:
        return unwell("schema", f"at {version}, this version needs {SCHEMA_VERSION}", "Run `valetkey migrate up`.")
    if version > SCHEMA_VERSION:
        advice = "Nothing, while an upgrade is under way; otherwise install the newer version here too."
        return doubtful("schema", f"at {version}, newer than {SCHEMA_VERSION} of this version", advice)
    return well("schema", f"at {version}")


def _roles(grants: GrantDifferences) -> Finding:
    advice = "Run `valetkey migrate up` with this version."
    if grants.lacking:
        return unwell("roles", "; ".join(grants.sentences), advice)
    if grants.surplus:
        return doubtful("roles", "; ".join(grants.sentences), advice)
    return well("roles", "every database role that exists may do what its service needs")
