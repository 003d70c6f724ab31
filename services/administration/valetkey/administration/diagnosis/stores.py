"""Everything about the stores that can be wrong."""

from __future__ import annotations

from valetkey.administration.diagnosis.clients import examine_clients
from valetkey.administration.diagnosis.finding import Finding, Status
from valetkey.administration.diagnosis.keys import examine_keys
from valetkey.administration.diagnosis.mail import examine_mail_queue
from valetkey.administration.diagnosis.passkeys import examine_passkeys
from valetkey.administration.diagnosis.postgres import examine_postgres
from valetkey.administration.diagnosis.redis import examine_redis
from valetkey.core.jose.keys import KeyState
from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.runtime.settings.settings import Settings
from valetkey.storage.postgres.database.opening import open_database
from valetkey.storage.postgres.tables.signing_keys import KeyStore


async def examine_stores(settings: Settings) -> tuple[list[Finding], list[str]]:
    """What there is to say of PostgreSQL, Redis, keys, clients and passkeys, and the ``kid`` of each key that signs."""
    findings, kids = await examine_redis(settings), list[str]()
    async with open_database(settings, "cli") as database:
        findings = [*await examine_postgres(database, system_clock), *findings]
        if all(finding.status is not Status.FAILED for finding in findings if finding.check in ("postgres", "schema")):
            findings += await examine_keys(settings, database, system_clock())
            findings += await examine_clients(database, settings.issuer, settings.installation_rules)
            findings += await examine_mail_queue(database)
            findings.append(await examine_passkeys(settings, database))
            keys = await KeyStore(database).public_keys()
            kids = [key.kid for key in keys if key.state is KeyState.ACTIVE]
    return findings, kids
