"""Everything that a user, a client, a machine and a resource server do with us, once."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from support.fleet import Fleet

SCOPE = "openid api:read"


async def require_whole_flow(fleet: Fleet, replica: int = 0) -> None:
    """At one replica of each service; an ``AssertionError`` where anything is refused."""
    async with AsyncExitStack() as stack:
        party, machine, api = await fleet.new_party(), await fleet.new_machine(), fleet.new_api()
        for each in (party, machine, api):
            stack.push_async_callback(each.browser.close)
        browser = fleet.at(party, "authorize", replica)
        client, service = fleet.at(party, "token", replica), fleet.at(machine, "token", replica)
        resource_server = fleet.at(api, "introspection", replica)

        tokens = await client.redeem(await browser.authorize(scope=SCOPE))
        refreshed = await client.refresh(tokens.refresh_token)
        issued = await service.token("client_credentials")
        assert [reply.status for reply in (tokens, refreshed, issued)] == [200] * 3
        for reply in (tokens, refreshed, issued):
            assert (await resource_server.introspect(reply.access_token)).active
        assert (await fleet.at(party, "introspection", replica).userinfo(refreshed.access_token)).status == 200

        assert (await client.revoke(refreshed.refresh_token)).status == 200
        assert not any(await fleet.active(api, [tokens.access_token, refreshed.access_token]))
        await browser.log_out(tokens.body["id_token"])
