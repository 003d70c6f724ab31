"""What a user and a client were issued at one moment, and what must come of it at any later one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from support.browser import query_of

if TYPE_CHECKING:
    from support.relying_party import CodeResponse, RelyingParty, Reply

SCOPE = "openid offline_access api:read"


@dataclass(frozen=True, slots=True)
class IssuedState:
    """A session, a code, two refresh tokens (one of them exchanged), and a grant that was revoked."""

    party: RelyingParty
    api: RelyingParty
    code: CodeResponse
    spent: CodeResponse
    exchanged: Reply
    live: Reply
    revoked: Reply

    @classmethod
    async def of(cls, party: RelyingParty, api: RelyingParty, *, authorize: str = "", token: str = "") -> Self:
        """Given at these replicas; at the issuer unless told."""
        browser, client = at(party, authorize), at(party, token)
        exchanged = await client.redeem(await browser.authorize(scope=SCOPE))
        live = await client.refresh(exchanged.refresh_token)
        spent = await browser.authorize(scope=SCOPE)
        revoked = await client.redeem(spent)
        assert (await client.revoke(revoked.refresh_token)).status == 200
        return cls(party, api, await browser.authorize(scope=SCOPE), spent, exchanged, live, revoked)

    async def require_kept(self, *, authorize: str = "", token: str = "", introspection: str = "") -> None:
        """Everything counts that did, at these replicas, and nothing that did not. Once: it uses all of it up."""
        browser, client, api = at(self.party, authorize), at(self.party, token), at(self.api, introspection)
        assert (await api.introspect(self.live.access_token)).active
        assert not (await api.introspect(self.revoked.access_token)).active

        redeemed, refreshed = await client.redeem(self.code), await client.refresh(self.live.refresh_token)
        assert [redeemed.status, refreshed.status] == [200, 200], (redeemed.body, refreshed.body)
        for reply in (redeemed, refreshed):
            assert (await api.introspect(reply.access_token)).active
        # Signed in still: no page is shown.
        assert "code" in query_of((await browser.start(scope="openid", prompt="none")).location)

        assert (await client.refresh(self.revoked.refresh_token)).error == "invalid_grant"
        assert (await client.redeem(self.spent)).error == "invalid_grant"
        assert (await client.redeem(self.code)).error == "invalid_grant"
        assert not (await api.introspect(redeemed.access_token)).active, "a code was redeemed twice"
        assert (await client.revoke(refreshed.refresh_token)).status == 200
        assert not (await api.introspect(refreshed.access_token)).active

        await browser.log_out(str(self.live.body["id_token"]))
        ended = await at(self.party, "").start(scope="openid", prompt="none")
        assert query_of(ended.location)["error"] == "login_required"

    async def close(self) -> None:
        """Close both browsers."""
        await self.party.browser.close()
        await self.api.browser.close()


def at(party: RelyingParty, url: str) -> RelyingParty:
    """The same party, at the replica that listens there; at the issuer where that is empty."""
    return replace(party, issuer=url) if url else party
