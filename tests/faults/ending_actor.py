"""A user, two clients and an operator: things are made, something ends while more are made, and all of them are tried.

Its calls have kinds of their own, ``make``, ``end`` and ``use``, so that ``endings`` judges them and nothing else does.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from faults.call import Answer, Outcome
from faults.journey import answer_from, answer_of, go
from faults.site import REPLICAS
from support.relying_party import CodeResponse
from valetkey.core.oauth.errors import TemporarilyUnavailable

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable, Mapping

    from faults.call import Call
    from faults.history import History
    from faults.site import Site
    from support.administration import Administration
    from support.browser import Browser
    from support.relying_party import RelyingParty, Reply

SCOPE = "openid offline_access api:read"
# What a thing is made from, and so ends with.
OF_A_GRANT = "client user consent"
OF_A_MACHINE = "machine"
_PAUSE = 0.1
_TRIES = 400


@dataclass(slots=True)
class EndingActor:
    """Its things bear names in the history. In ``another`` browser the user signs in while things end."""

    name: str
    site: Site
    history: History
    party: RelyingParty
    machine: RelyingParty
    api: RelyingParty
    another: Browser
    chance: random.Random
    codes: dict[str, CodeResponse] = field(default_factory=dict)
    grants: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, tuple[str, str]] = field(default_factory=dict)
    signed_in: str = ""

    async def visit(self) -> None:
        """Make some of everything, end something meanwhile, and try it all."""
        self.codes, self.grants, self.tokens = {}, {}, {}
        await self._code(prompt=None)
        await asyncio.gather(*(self._redeem(name) for name in list(self.codes)))
        await asyncio.gather(self._code(prompt=None), self._machine_token())
        what = self.chance.choice(["client", "machine", "user", "password", "consent", "session"])
        await asyncio.gather(
            self._end(what),
            self._code(prompt="none"),
            self._code(prompt="login", browser=self.another),
            self._machine_token(),
            *(self._refresh(name) for name in list(self.grants)),
        )
        await self._try_everything()

    async def settle(self) -> None:
        """Nothing is left over: every visit ends with what it has made."""

    async def _try_everything(self) -> None:
        await asyncio.gather(*(self._introspect(name) for name in self.tokens))
        await asyncio.gather(*(self._redeem(name) for name in list(self.codes)))
        await asyncio.gather(*(self._refresh(name) for name in list(self.grants)))
        await asyncio.gather(*(self._introspect(name) for name in self.tokens))
        await self._look_at_session()

    # What is made

    async def _code(self, prompt: str | None, browser: Browser | None = None) -> None:
        verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(8)
        party = self._at(replace(self.party, browser=browser or self.party.browser), "authorize")
        code = ""

        async def question() -> Answer:
            nonlocal code
            answer = await go(party, verifier, scope=SCOPE, state=state, prompt=prompt)
            code = answer.got.get("code", "")
            got = {"made": self.history.name("ending-code", code), "asked": answer.got["asked"]} if code else {}
            return replace(answer, got=got)

        call = await self._make("code", OF_A_GRANT, question())
        if code:
            self.codes[call.answer.got["made"]] = CodeResponse({"code": code, "state": state}, verifier)
        if browser is not None:
            return
        if "login" in call.answer.got.get("asked", ""):
            self.signed_in = call.answer.got["made"]
        elif not code and prompt is None:
            # It may have been signed in to, and it is unknown of which login its session is.
            self.signed_in = ""

    async def _redeem(self, name: str) -> None:
        party, code = self._at(self.party, "token"), self.codes.pop(name)
        await self._tokens(name, "code", lambda: party.redeem(code))

    async def _refresh(self, name: str) -> None:
        party, value = self._at(self.party, "token"), self.grants[name]
        await self._tokens(name, "refresh", lambda: party.refresh(value))

    async def _tokens(self, name: str, kind: str, ask: Callable[[], Awaitable[Reply]]) -> None:
        reply: Reply | None = None

        async def question() -> Answer:
            nonlocal reply
            reply = await ask()
            return answer_of(reply)

        call = await self._use(name, kind, question())
        if reply is not None and call.is_done:
            # What is made of a thing has ended with it: so it bears its name.
            self.grants[name] = reply.refresh_token
            self.tokens[f"{name} {len(self.tokens)}"] = (name, reply.access_token)

    async def _machine_token(self) -> None:
        party, token = self._at(self.machine, "token"), ""

        async def question() -> Answer:
            nonlocal token
            reply = await party.token("client_credentials", scope="api:read")
            token = reply.access_token if reply.status == 200 else ""
            return answer_of(reply, {"made": self.history.name("machine-token", token)} if token else None)

        call = await self._make("machine token", OF_A_MACHINE, question())
        if token:
            self.tokens[call.answer.got["made"]] = (call.answer.got["made"], token)

    # How it is tried

    async def _introspect(self, name: str) -> None:
        thing, token = self.tokens[name]

        async def at(number: int) -> None:
            party = replace(self.api, issuer=self.site.replicas["introspection"][number].url)

            async def question() -> Answer:
                reply = await party.introspect(token)
                if reply.body.get("active") is False:
                    return Answer(Outcome.REFUSED, reply.status, "inactive")
                return answer_of(reply)

            await self._use(thing, "access", question(), f"introspection-{number}")

        await asyncio.gather(*(at(number) for number in range(REPLICAS)))

    async def _look_at_session(self) -> None:
        """Whether the browser is still signed in, at each replica."""
        if not self.signed_in:
            return
        for number in range(REPLICAS):
            party = replace(self.party, issuer=self.site.replicas["authorize"][number].url)

            async def question(party: RelyingParty = party) -> Answer:
                page = await party.browser.get(f"{party.issuer}/login")
                if page.status == 400:
                    return Answer(Outcome.REFUSED, page.status, "signed out")
                if page.status == 200:
                    return Answer(Outcome.DONE, page.status)
                return answer_from(page.status, str(page.status), page.headers)

            await self._use(f"session of {self.signed_in}", "session", question(), f"authorize-{number}")

    # What ends

    async def _end(self, what: str) -> None:
        """Until the operator is told that it has been done, as an operator would try again."""
        operator, person = self.site.operator, self.party.person
        assert person is not None
        password = f"another {secrets.token_hex(4)}"
        steps: Mapping[str, tuple[str, Callable[[], Awaitable[object]]]] = {
            "client": ("client", lambda: operator.disable_client(self.party.client)),
            "machine": ("machine", lambda: operator.disable_client(self.machine.client)),
            "user": ("user", lambda: operator.disable_user(person)),
            "password": ("user", lambda: operator.set_password(person, password)),
            "consent": ("consent", lambda: operator.withdraw_consent(person, self.party.client)),
            "session": ("session", lambda: operator.end_sessions(person)),
        }
        target, step = steps[what]
        await self._until_acknowledged(what, target, step)
        if what == "password":
            self.party.person = replace(person, password=password)
        await self._bring_back(operator, what)

    async def _bring_back(self, operator: Administration, what: str) -> None:
        assert self.party.person is not None
        person = self.party.person
        match what:
            case "client":
                await self._until_acknowledged("enable client", "", lambda: operator.enable_client(self.party.client))
            case "machine":
                await self._until_acknowledged(
                    "enable machine", "", lambda: operator.enable_client(self.machine.client)
                )
            case "user":
                await self._until_acknowledged("enable user", "", lambda: operator.enable_user(person))

    async def _until_acknowledged(self, what: str, target: str, step: Callable[[], Awaitable[object]]) -> None:
        async def question() -> Answer:
            try:
                await step()
            except TemporarilyUnavailable as error:
                return Answer(Outcome.UNAVAILABLE, 503, error.error, str(error.retry_after))
            return Answer(Outcome.DONE, 200)

        for _ in range(_TRIES):
            given = {"what": what, "target": target}
            call = await self.history.ask("end", actor=self.name, at="operator", given=given, question=question())
            if call.is_done:
                return
            await asyncio.sleep(_PAUSE)
        raise AssertionError(f"{what} was never acknowledged")

    # How it is noted

    async def _make(self, kind: str, of: str, question: Awaitable[Answer]) -> Call:
        given = {"kind": kind, "of": of}
        return await self.history.ask("make", actor=self.name, at=kind, given=given, question=question)

    async def _use(self, thing: str, kind: str, question: Awaitable[Answer], at: str = "token") -> Call:
        return await self.history.ask(
            "use", actor=self.name, at=at, given={"thing": thing, "kind": kind}, question=question
        )

    def _at(self, party: RelyingParty, service: str) -> RelyingParty:
        return replace(party, issuer=self.site.replicas[service][self.chance.randrange(REPLICAS)].url)
