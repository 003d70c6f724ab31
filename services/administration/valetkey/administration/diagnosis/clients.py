"""Whether clients are registered as this release would register them."""

from __future__ import annotations

from valetkey.administration.diagnosis.finding import Finding, doubtful, unwell, well
from valetkey.administration.registration import creation_problems, registration_problems
from valetkey.core.oauth.resource import Catalog
from valetkey.storage.postgres.database.statement import Executor
from valetkey.storage.postgres.tables.catalog import CatalogStore
from valetkey.storage.postgres.tables.clients import Clients

_CHECK = "clients"
_ADVICE = (
    "They go on as they are. Register what is named anew, as `valetkey client create` or `client update` would have it "
    "now, move what uses it, and delete what is left."
)
_SAME_AS_ISSUER = (
    "Give the API a resource of its own with `valetkey client update --resource`: until then no token is made for it."
)


async def examine_clients(database: Executor, issuer: str) -> list[Finding]:
    """Every client that an earlier release has let in with what this one refuses; ``issuer`` is empty where unknown."""
    records, catalog = await Clients(database).list(), await CatalogStore(database).get()
    problems = [
        f"{record.client.client_id}: {problem}"
        for record in records
        for problem in (*creation_problems(record.client), *registration_problems(record.client, catalog, issuer))
    ]
    found = _named_like_issuer(catalog, issuer)
    if problems:
        found.append(doubtful(_CHECK, "; ".join(problems), _ADVICE))
    return found or [well(_CHECK, f"{len(records)} registered as they would be today")]


def _named_like_issuer(catalog: Catalog, issuer: str) -> list[Finding]:
    if not issuer or issuer not in catalog.resources:
        return []
    name = catalog.resources[issuer].name
    return [unwell("resources", f"{name} calls itself by the issuer's name, {issuer}", _SAME_AS_ISSUER)]
