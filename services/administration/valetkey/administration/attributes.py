"""Custom attributes of users: declared once, then set for each user. OIDC Core §5.1.2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from valetkey.administration.errors import Conflict, NotFound, Refused
from valetkey.core.oidc.claims.attribute import attribute_problems, attribute_set_problems
from valetkey.storage.postgres.tables.catalog import CatalogStore
from valetkey.storage.postgres.tables.clients import Clients

if TYPE_CHECKING:
    from valetkey.administration.installation import Installation
    from valetkey.core.oidc.claims.attribute import UserAttribute
    from valetkey.core.oidc.claims.table import ClaimTable
    from valetkey.storage.postgres.tables.catalog import AttributeRecord


async def read_claim_table(installation: Installation) -> ClaimTable:
    """The standard claims and those of declared attributes."""
    return (await CatalogStore(installation.database).get()).claim_table


async def list_attributes(installation: Installation) -> list[AttributeRecord]:
    """Every declared attribute."""
    return list(await CatalogStore(installation.database).list_attributes())


async def get_attribute(installation: Installation, name: str) -> AttributeRecord:
    """The attribute. Raises ``NotFound``."""
    for record in await CatalogStore(installation.database).list_attributes():
        if record.attribute.name == name:
            return record
    raise NotFound("attribute", name)


def attribute_record(record: AttributeRecord) -> dict[str, object]:
    """An attribute as commands print it."""
    attribute = record.attribute
    return {
        "name": attribute.name,
        "type": attribute.type,
        "claim": attribute.claim,
        "scope": attribute.scope,
        "managed_by": record.managed_by,
    }


async def create_attribute(installation: Installation, attribute: UserAttribute) -> None:
    """Declare an attribute. Raises ``Refused`` with every problem, ``Conflict`` where the name is taken."""
    catalog = CatalogStore(installation.database)
    declared = [record.attribute for record in await catalog.list_attributes()]
    if any(each.name == attribute.name for each in declared):
        raise Conflict(f"The attribute {attribute.name} is already declared; `valetkey client apply` can change it.")
    problems = attribute_problems(attribute, (await catalog.get()).scopes)
    if problems := problems + attribute_set_problems([*declared, attribute]):
        raise Refused(f"The attribute {attribute.name} cannot be declared like this:", *problems)
    with installation.audited("attribute.created", attribute=attribute.name):
        await catalog.put_attribute(attribute)


async def clients_with_attribute(installation: Installation, attribute: UserAttribute) -> list[str]:
    """The clients whose claim policy speaks of the attribute or of its claim."""
    table = (await CatalogStore(installation.database).get()).claim_table
    records = await Clients(installation.database).list()
    return [
        record.client.client_id
        for record in records
        if record.client.claim_policy is not None
        and any(rule.source.claim(table) == attribute.claim for rule in record.client.claim_policy.rules)
    ]


async def delete_attribute(installation: Installation, name: str) -> None:
    """Forget an attribute and the values that users have. No client is told of them any more. Raises ``NotFound``."""
    with installation.audited("attribute.deleted", attribute=name):
        if not await CatalogStore(installation.database).delete_attribute(name, installation.clock()):
            raise NotFound("attribute", name)
