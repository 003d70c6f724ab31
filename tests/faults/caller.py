"""A client, its user and an API, who ask any replica and record what they were told."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from faults.journey import answer_of, go
from faults.ownership import MARKS
from faults.site import ISSUER, REPLICAS
from support.browser import Browser
from support.relying_party import CodeResponse, RelyingParty
from support.tokens import claims_of

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from faults.call import Answer, Call
    from faults.history import History
    from faults.site import Site
    from support.relying_party import Reply

SCOPE = "openid offline_access api:read"


@dataclass(slots=True)
class Grant:
    """What a client holds of one authorization: the code, and every token in the order in which they came."""

    name: str
    code: CodeResponse
    issued: float
    access: list[str] = field(default_factory=list)
    refresh: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Caller:
    """``patience`` in seconds is how long a call waits before its client hangs up; None waits for the answer."""

    name: str
    site: Site
    history: History
    party: RelyingParty
    api: RelyingParty

    async def authorize(self, number: int, **changes: str | None) -> Grant | None:
        """A whole login."""
        verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(8)
        party = self._at(self.party, "authorize", number)
        given = {"browser": self.name, "state": state, "iss": ISSUER}
        given |= {name: value for name, value in changes.items() if value}
        code = ""

        async def question() -> Answer:
            nonlocal code
            answer = await go(party, verifier, scope=SCOPE, state=state, nonce=state, **changes)
            code = answer.got.get("code", "")
            return replace(answer, got={**answer.got, "code": self.history.name("code", code)}) if code else answer

        call = await self._ask("authorize", f"authorize-{number}", given, question())
        if not call.is_done:
            return None
        return Grant(call.answer.got["code"], CodeResponse({"code": code, "state": state}, verifier), call.ended)

    async def redeem(self, grant: Grant, number: int, patience: float | None = None) -> Call:
        """Present the code."""
        party = self._at(self.party, "token", number)
        given = {"code": grant.name, **self._own(grant), "nonce": grant.code.params["state"]}
        return await self._ask(
            "redeem", f"token-{number}", given, self._tokens(grant, party.redeem(grant.code)), patience
        )

    async def refresh(self, grant: Grant, token: str, number: int, patience: float | None = None) -> Call:
        """Present a refresh token of this grant."""
        party = self._at(self.party, "token", number)
        given = {"refresh": self.history.name("refresh", token), **self._own(grant)}
        return await self._ask("refresh", f"token-{number}", given, self._tokens(grant, party.refresh(token)), patience)

    async def revoke(self, grant: Grant, token: str, number: int, patience: float | None = None) -> Call:
        """Revoke an access token of this grant, or with a refresh token the grant itself."""
        party = self._at(self.party, "token", number)
        kind = "access" if token in grant.access else "refresh"
        given = {kind: self.history.name(kind, token), "grant": grant.name}
        return await self._ask("revoke", f"token-{number}", given, _plain(party.revoke(token)), patience)

    async def introspect(self, grant: Grant, token: str, number: int, patience: float | None = None) -> Call:
        """The API asks whether an access token is good."""
        party = self._at(self.api, "introspection", number)
        given = {**self._own(grant), "access": self.history.name("access", token), "jti": claims_of(token)["jti"]}

        async def question() -> Answer:
            reply = await party.introspect(token)
            marks = {name: str(reply.body[name]) for name in MARKS if name in reply.body}
            return answer_of(reply, {**marks, "active": "yes" if reply.body.get("active") is True else "no"})

        return await self._ask("introspect", f"introspection-{number}", given, question(), patience)

    async def introspect_everywhere(self, grant: Grant, token: str) -> None:
        """The same at every replica, at once."""
        await asyncio.gather(*(self.introspect(grant, token, number) for number in range(REPLICAS)))

    async def userinfo(self, grant: Grant, token: str, number: int, patience: float | None = None) -> Call:
        """The client asks who its user is."""
        party = self._at(self.party, "introspection", number)
        given = {**self._own(grant), "access": self.history.name("access", token)}

        async def question() -> Answer:
            reply = await party.userinfo(token)
            return answer_of(reply, {"sub": str(reply.body.get("sub"))})

        return await self._ask("userinfo", f"introspection-{number}", given, question(), patience)

    async def _tokens(self, grant: Grant, question: Awaitable[Reply]) -> Answer:
        reply = await question
        if reply.status != 200:
            return answer_of(reply)
        access, identity = claims_of(reply.access_token), claims_of(reply.body["id_token"])
        if reply.access_token not in grant.access:
            grant.access.append(reply.access_token)
        if reply.refresh_token not in grant.refresh:
            grant.refresh.append(reply.refresh_token)
        got = {
            "access": self.history.name("access", reply.access_token),
            "refresh": self.history.name("refresh", reply.refresh_token),
            **{str(mark): str(access[mark]) for mark in ("sub", "client_id", "iss")},
        }
        if "nonce" in identity:
            got["nonce"] = identity["nonce"]
        return answer_of(reply, got)

    def _own(self, grant: Grant) -> dict[str, str]:
        assert self.party.person is not None
        return {
            "grant": grant.name,
            "sub": self.party.person.subject,
            "client_id": self.party.client.client_id,
            "iss": ISSUER,
        }

    def _at(self, party: RelyingParty, service: str, number: int) -> RelyingParty:
        return replace(party, issuer=self.site.replicas[service][number].url)

    async def _ask(
        self, kind: str, at: str, given: dict[str, str], question: Awaitable[Answer], patience: float | None = None
    ) -> Call:
        return await self.history.ask(kind, actor=self.name, at=at, given=given, question=question, patience=patience)


async def _plain(question: Awaitable[Reply]) -> Answer:
    return answer_of(await question)


def browser() -> Browser:
    """A browser to which every replica is the issuer."""
    return Browser(origin=ISSUER)
