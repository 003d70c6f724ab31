"""Whether clients are registered as this release would register them."""

from __future__ import annotations

from collections.abc import Sequence

from valetkey.administration.allowed_groups import lockout_warning, unknown_group_problems
from valetkey.administration.diagnosis.finding import Finding, doubtful, unwell, well
from valetkey.administration.registration import creation_problems, registration_problems
from valetkey.core.client.client import Client, PkcePolicy
from valetkey.core.client.installation_rules import USUAL_RULES, InstallationRules
from valetkey.core.oauth.resource import Catalog
from valetkey.storage.postgres.database.statement import Executor
from valetkey.storage.postgres.tables.catalog import CatalogStore
from valetkey.storage.postgres.tables.clients import Clients
from valetkey.storage.postgres.tables.groups import Groups

_CHECK = "clients"
_ADVICE = (
    "They go on as they are. Register what is named anew, as `valetkey client create` or `client update` would have it "
    "now, move what uses it, and delete what is left."
)
_ASK_FOR_PKCE = (
    "`valetkey client update --pkce required` as soon as they send a code_challenge; VALETKEY_PKCE_EXCEPTIONS=false "
    "requires it of every client."
)
_LOCKED_OUT = "Put users into one of the groups with `valetkey group add`, or change its allowed_groups."
_SAME_AS_ISSUER = (
    "Give the API a resource of its own with `valetkey client update --resource`: until then no token is made for it."
)


async def examine_clients(
    database: Executor, issuer: str, installation: InstallationRules = USUAL_RULES
) -> list[Finding]:
    """Clients registered with what is refused now, and those let off PKCE; ``issuer`` is empty where unknown."""
    records, catalog = await Clients(database).list(), await CatalogStore(database).get()
    groups, clients = Groups(database), [record.client for record in records]
    known = {record.group.name for record in await groups.list()}
    problems = [
        f"{record.client.client_id}: {problem}"
        for record in records
        for problem in (
            *creation_problems(record.client),
            *registration_problems(record.client, catalog, issuer, installation),
            *unknown_group_problems(record.client, known),
        )
    ]
    found = _named_like_issuer(catalog, issuer) + await _locked_out(groups, clients)
    if problems:
        found.append(doubtful(_CHECK, "; ".join(problems), _ADVICE))
    if not found:
        found.append(well(_CHECK, f"{len(records)} registered as they would be today"))
    return found + _without_pkce([record.client for record in records], installation)


def _without_pkce(clients: Sequence[Client], installation: InstallationRules) -> list[Finding]:
    names = [c.client_id for c in clients if c.pkce_policy(installation) is not PkcePolicy.REQUIRED]
    return [doubtful("pkce", f"not required of {', '.join(names)}", _ASK_FOR_PKCE)] if names else []


async def _locked_out(groups: Groups, clients: Sequence[Client]) -> list[Finding]:
    inhabited = await groups.inhabited(frozenset().union(*(client.allowed_groups for client in clients)))
    warnings = [warning for client in clients if (warning := lockout_warning(client, inhabited)) is not None]
    return [doubtful("allowed groups", " ".join(warnings), _LOCKED_OUT)] if warnings else []


def _named_like_issuer(catalog: Catalog, issuer: str) -> list[Finding]:
    if not issuer or issuer not in catalog.resources:
        return []
    name = catalog.resources[issuer].name
    return [unwell("resources", f"{name} calls itself by the issuer's name, {issuer}", _SAME_AS_ISSUER)]
