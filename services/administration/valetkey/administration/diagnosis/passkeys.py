"""Whether people can sign in with the passkeys that they have set up: each is bound to one domain for good."""

from __future__ import annotations

from valetkey.administration.diagnosis.finding import Finding, skipped, unwell, well
from valetkey.runtime.settings.settings import Settings
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.tables.passkeys import Passkeys

_CHECK = "passkeys"


async def examine_passkeys(settings: Settings, database: Database) -> Finding:
    """The domains of the passkeys that there are, beside the one that browsers are asked for."""
    counts = await Passkeys(database).count_by_rp_id()
    party = settings.relying_party
    if not settings.issuer:
        return skipped(_CHECK, "the issuer is not known here", "Set VALETKEY_ISSUER, as the services have it.")
    if party is None:
        if not counts:
            return well(_CHECK, "there are none")
        return unwell(
            _CHECK,
            f"{sum(counts.values())} cannot be used: there are no passkeys for this issuer",
            "Set VALETKEY_PASSKEYS=true, and an issuer with a host name.",
        )
    elsewhere = {rp_id: count for rp_id, count in counts.items() if rp_id != party.rp_id}
    if not elsewhere:
        return well(_CHECK, f"{counts.get(party.rp_id, 0)}, all bound to {party.rp_id}")
    bound = ", ".join(f"{count} to {rp_id}" for rp_id, count in sorted(elsewhere.items()))
    return unwell(
        _CHECK,
        f"browsers are asked for those of {party.rp_id}, and others are bound elsewhere: {bound}",
        "Give VALETKEY_PASSKEY_RP_ID, or the issuer, the value that it had. Otherwise no user can sign in with them: "
        "remove them with `valetkey user credentials remove`, so that their users set up new ones.",
    )
