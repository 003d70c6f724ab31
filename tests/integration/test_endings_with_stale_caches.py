"""A replica that has not heard that a client has ended makes what is dead on arrival.

Behind a pooler in transaction mode nothing is heard from PostgreSQL: what a replica knows of a client may be a minute
old.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from support.fleet import Fleet
from support.systems import running_system

if TYPE_CHECKING:
    from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres

SCOPE = "openid offline_access api:read"

pytestmark = pytest.mark.requirement("security 55a: a stale cache makes what is dead on arrival")


@pytest.fixture(scope="module")
def fleet(postgres_server: EmbeddedPostgres, migrated_template: str) -> Iterator[Fleet]:
    """Two replicas of each service that hear nothing, and remember clients for longer than the tests take."""
    changes = {"postgres_pooler": "transaction", "client_cache_lifetime": "1h", "client_stale_lifetime": "1h"}
    with running_system(postgres_server, migrated_template, replicas=2, changes=changes) as system:
        yield Fleet(system, system.run(system.administration.create_catalog()))


@pytest.mark.parametrize("again", [False, True], ids=["disabled", "disabled and enabled"])
async def test_a_machine_gets_tokens_that_are_worth_nothing(fleet: Fleet, again: bool) -> None:
    machine, api, operator = await fleet.new_machine(), fleet.new_api(), fleet.system.administration
    known = [await at.token("client_credentials") for at in fleet.at_each(machine, "token")]

    await operator.disable_client(machine.client)
    if again:
        await operator.enable_client(machine.client)

    stale = [await at.token("client_credentials") for at in fleet.at_each(machine, "token")]
    assert [reply.status for reply in known + stale] == [200] * 4
    assert not any(await fleet.active(api, [reply.access_token for reply in known + stale]))
    for party in (machine, api):
        await party.browser.close()


@pytest.mark.parametrize("again", [False, True], ids=["disabled", "disabled and enabled"])
async def test_a_user_gets_codes_that_are_worth_nothing(fleet: Fleet, again: bool) -> None:
    party, operator = await fleet.new_party(), fleet.system.administration
    for number in range(2):
        code = await fleet.at(party, "authorize", number).authorize(scope=SCOPE)
        assert (await fleet.at(party, "token", number).redeem(code)).status == 200

    await operator.disable_client(party.client)
    if again:
        await operator.enable_client(party.client)

    for number in range(2):
        code = await fleet.at(party, "authorize", number).authorize(scope=SCOPE)
        for at in fleet.at_each(party, "token"):
            assert (await at.redeem(code)).error in {"invalid_grant", "invalid_client"}
    await party.browser.close()


async def test_after_everything_has_ended_a_stale_replica_makes_nothing_that_is_good(fleet: Fleet) -> None:
    machine, api, operator = await fleet.new_machine(), fleet.new_api(), fleet.system.administration
    known = [await at.token("client_credentials") for at in fleet.at_each(machine, "token")]

    await operator.end_everything()

    stale = [await at.token("client_credentials") for at in fleet.at_each(machine, "token")]
    assert not any(await fleet.active(api, [reply.access_token for reply in known + stale]))
    for party in (machine, api):
        await party.browser.close()
