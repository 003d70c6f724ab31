"""The life of codes and tokens against a model of it, in any order, over two replicas and a clock that jumps."""

import asyncio
from collections.abc import Coroutine, Iterator
from datetime import timedelta
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from support.aging import move_database_clock
from support.fleet import Fleet
from support.life_model import ACCESS_TOKEN_LIFETIME, AccessToken, Code, Expected, Grant, Life
from support.movable_clock import MovableClock
from support.relying_party import Person, RelyingParty
from support.systems import running_system
from support.tier import rounds
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.storage.redis.client.connection import connect

T = TypeVar("T")
EXAMPLES = rounds(6, nightly=30)
PICK = st.sampled_from([0, 0, 0, 1, 1, 2, 3])
BACK = st.sampled_from([0, 0, 0, 1, 1, 2])
WORK = [
    *["refresh"] * 7,
    *["wait", "redeem", "redeem wrongly"] * 2,
    *["revoke access token", "revoke refresh token", "another client"],
]
ENDS = [*["nothing"] * 5, *["log out"] * 2, "disable", "password", "withdraw"]
JUMPS = [timedelta(seconds=seconds) for seconds in (1, 1, 5, 5, 12, 12, 30, 30, 300, 540, 660)]
JUMPS += [timedelta(days=6), timedelta(days=11)]
# Browser sessions of this system live for 90 idle days, and the model knows nothing of that.
MOST_TIME = timedelta(days=80)
MARGIN = timedelta(seconds=4)
SCOPES = {True: "openid offline_access api:read", False: "openid api:read"}


class LifeCycle(RuleBasedStateMachine):
    """One user, one client, another client that tries its luck."""

    fleet: ClassVar[Fleet]
    clock: ClassVar[MovableClock]

    def __init__(self) -> None:
        super().__init__()
        self.life = Life()
        self.passed = timedelta()
        self.turn = 0

    @initialize()
    def meet(self) -> None:
        self.run(self._meet())
        for is_offline in (True, False):
            self.log_in(is_offline)
        self.authorize(is_offline=True, prompt=None)

    async def _meet(self) -> None:
        self.party, self.other = await self.fleet.new_party(), await self.fleet.new_party()
        self.api = self.fleet.new_api()

    def teardown(self) -> None:
        if hasattr(self, "api"):
            self.run(self._part())

    async def _part(self) -> None:
        for each in (self.party, self.other, self.api):
            await each.browser.close()

    # What a user does

    @precondition(lambda self: self.life.is_enabled)
    @rule(is_offline=st.booleans(), prompt=st.sampled_from([None, "login"]))
    def authorize(self, is_offline: bool, prompt: str | None) -> None:
        response = self.run(self.at("authorize").authorize(scope=SCOPES[is_offline], prompt=prompt))

        self.life.issue(response, self.clock(), is_offline=is_offline)

    # What clients do

    @rule(work=st.lists(st.tuples(st.sampled_from(WORK), PICK, BACK), min_size=1, max_size=8), is_offline=st.booleans())
    def work(self, work: list[tuple[str, int, int]], is_offline: bool) -> None:
        if self.life.is_enabled and not any(grant.refreshes(self.clock()) for grant in self.life.grants):
            self.log_in(is_offline)
        for what, pick, back in work:
            self.settle()
            if what == "wait":
                self.pass_time(timedelta(seconds=12))
            elif what == "redeem":
                self.redeem(pick)
            elif what == "redeem wrongly":
                self.redeem_wrongly(pick, back)
            elif self.life.grants:
                self.use(what, self.life.grants[-1 - pick % len(self.life.grants)], back)

    def log_in(self, is_offline: bool) -> None:
        self.authorize(is_offline, None)
        if self.turn % 2:
            self.redeem_wrongly(0, self.turn % 3)
        self.redeem(0)

    def redeem(self, pick: int) -> None:
        code = self.any_code(pick)
        is_due = self.life.may_redeem(code, self.clock())

        reply = self.run(self.at("token").redeem(code.response))

        self.life.present(code, self.clock())
        if is_due:
            assert reply.status == 200, reply
            self.life.redeem(code, reply, self.clock())
        else:
            assert reply.error == "invalid_grant", reply

    def redeem_wrongly(self, pick: int, how: int) -> None:
        changes = ({"code_verifier": "w" * 48}, {"redirect_uri": "https://a.example/"}, {})[how]
        party = self.at("token", self.party if changes else self.other)

        reply = self.run(party.redeem(self.any_code(pick).response, **changes))

        assert reply.error == "invalid_grant", reply

    def use(self, what: str, grant: Grant, back: int) -> None:
        match what:
            case "refresh":
                self.refresh(grant, back)
            case "revoke refresh token":
                self.revoke(grant.refresh_tokens[-1 - back % len(grant.refresh_tokens)])
                grant.is_revoked = True
            case "revoke access token":
                token = grant.access_tokens[-1 - back % len(grant.access_tokens)]
                self.revoke(token.value)
                token.is_revoked = True
            case "another client":
                self.let_another_client_try(grant)

    def refresh(self, grant: Grant, back: int) -> None:
        index = max(len(grant.refresh_tokens) - 1 - back, 0)
        expected, now = grant.expected(index, self.clock()), self.clock()

        reply = self.run(self.at("token").refresh(grant.refresh_tokens[index]))

        if expected in (Expected.REUSE, Expected.REFUSED):
            assert reply.error == "invalid_grant", (expected, reply)
            grant.is_revoked |= expected is Expected.REUSE
            return
        assert reply.status == 200, (expected, reply)
        grant.access_tokens.append(AccessToken(reply.access_token, now + ACCESS_TOKEN_LIFETIME))
        if expected is Expected.ROTATED:
            assert reply.refresh_token not in grant.refresh_tokens
            grant.refresh_tokens.append(reply.refresh_token)
            grant.rotated_at = now
        else:
            assert reply.refresh_token == grant.refresh_tokens[-1]

    def revoke(self, token: str) -> None:
        assert self.run(self.at("token").revoke(token)).status == 200

    def let_another_client_try(self, grant: Grant) -> None:
        other = self.at("token", self.other)

        refreshed = [self.run(other.refresh(each)) for each in (grant.refresh_tokens[-1], grant.refresh_tokens[0])]
        revoked = [self.run(other.revoke(each)) for each in (grant.refresh_tokens[-1], grant.access_tokens[-1].value)]

        assert [reply.error for reply in refreshed] == ["invalid_grant"] * 2
        assert [reply.status for reply in revoked] == [200, 200]

    # What ends many things at once

    @rule(end=st.sampled_from(ENDS))
    def end(self, end: str) -> None:
        administration = self.fleet.system.administration
        match end:
            case "log out":
                self.log_out()
            case "disable" if self.life.is_enabled:
                self.run(administration.disable_user(self.person))
                self.life.is_enabled = False
                self.life.end_everything()
            case "password":
                password = f"another {self.turn}"
                self.party.person = self.run(administration.set_password(self.person, password))
                self.life.end_everything()
            case "withdraw":
                self.run(administration.withdraw_consent(self.person, self.party.client))
                self.life.end_agreements()

    def log_out(self) -> None:
        if self.life.session is None or not self.life.session.is_alive:
            return
        self.run(self._log_out(self.at("authorize")))
        self.life.end_session()

    async def _log_out(self, party: RelyingParty) -> None:
        page = await party.browser.get(f"{party.issuer}/logout")
        assert (await party.browser.submit(page, action="logout")).status in {200, 303}

    @precondition(lambda self: not self.life.is_enabled)
    @rule()
    def enable_the_user(self) -> None:
        self.run(self.fleet.system.administration.enable_user(self.person))

        self.life.is_enabled = True

    @rule()
    def flush_redis(self) -> None:
        self.run(self._flush())

        self.life.forget_codes()

    async def _flush(self) -> None:
        async with connect(self.fleet.system.redis_url) as redis:
            await redis.flushall()

    @rule(jump=st.sampled_from(JUMPS))
    def let_time_pass(self, jump: timedelta) -> None:
        if self.passed + jump < MOST_TIME:
            self.passed += jump
            self.pass_time(jump)

    # What must be so at any time

    @invariant()
    def every_access_token_is_what_it_should_be(self) -> None:
        self.settle()
        expected = list(self.life.active_tokens(self.clock()))[-12:]

        found = self.run(self._introspect([token for token, _ in expected]))

        assert found == [is_active for _, is_active in expected]

    async def _introspect(self, tokens: list[str]) -> list[bool]:
        replies = await asyncio.gather(*(self.at("introspection", self.api).introspect(token) for token in tokens))
        return [reply.active for reply in replies]

    # How it is done

    @property
    def person(self) -> Person:
        assert self.party.person is not None
        return self.party.person

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.fleet.system.run(work)

    def at(self, service: str, party: RelyingParty | None = None) -> RelyingParty:
        """The next replica."""
        self.turn += 1
        return self.fleet.at(party or self.party, service, self.turn % 2)

    def any_code(self, pick: int) -> Code:
        return self.life.codes[-1 - pick % len(self.life.codes)]

    def settle(self) -> None:
        """Let no moment at which something changes by itself be so near that the model cannot tell."""
        while any(abs(self.clock() - moment) < MARGIN for moment in self.life.moments()):
            self.pass_time(MARGIN)

    def pass_time(self, duration: timedelta) -> None:
        """Move every clock ahead, PostgreSQL's too as far as it counts."""
        self.clock.advance(seconds=duration.total_seconds())
        self.run(move_database_clock(self.fleet.system.administration, self.clock.ahead))


@pytest.fixture(scope="module")
def machine(postgres_server: EmbeddedPostgres, migrated_template: str) -> Iterator[type[LifeCycle]]:
    clock = MovableClock()
    changes = {
        "session_lifetime": "400d",
        "session_idle_lifetime": "90d",
        "refresh_token_lifetime": "30d",
        "refresh_token_idle_lifetime": "10d",
    }
    with running_system(postgres_server, migrated_template, replicas=2, clock=clock, changes=changes) as system:
        fleet = Fleet(system, system.run(system.administration.create_catalog()))
        yield type("LifeCycle", (LifeCycle,), {"fleet": fleet, "clock": clock})


@pytest.mark.timeout(480)  # a failure is made as small as possible, for five minutes at most
@pytest.mark.requirement("security 15: one success per code; a valid replay revokes, an invalid one does not")
@pytest.mark.requirement("security 20: rotation with reuse detection")
@pytest.mark.requirement("security 21: refused after every end of the grant, on every replica")
@pytest.mark.requirement("security 22: another client's token is not revoked")
def test_codes_and_tokens_live_and_die_as_the_model_says(machine: type[LifeCycle]) -> None:
    bounds = settings(
        max_examples=EXAMPLES, stateful_step_count=40, suppress_health_check=[HealthCheck.too_slow], deadline=None
    )

    run_state_machine_as_test(machine, settings=bounds)
