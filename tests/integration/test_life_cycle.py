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

from support.fleet import Fleet
from support.life_model import ACCESS_TOKEN_LIFETIME, AccessToken, Code, Expected, Grant, Life
from support.movable_clock import MovableClock
from support.relying_party import Person, RelyingParty, Reply
from support.systems import running_system
from valetkey.cli.demo.embedded_postgres import EmbeddedPostgres
from valetkey.runtime.redis.connection import connect

T = TypeVar("T")
PICK = st.integers(min_value=0, max_value=99)
JUMPS = [timedelta(seconds=1), timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=9), timedelta(minutes=11)]
LONG_JUMPS = [timedelta(days=1), timedelta(days=6), timedelta(days=11)]
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

    async def _meet(self) -> None:
        self.party, self.stranger = await self.fleet.new_party(), await self.fleet.new_party()
        self.api = self.fleet.new_api()

    def teardown(self) -> None:
        if hasattr(self, "api"):
            self.run(self._part())

    async def _part(self) -> None:
        for each in (self.party, self.stranger, self.api):
            await each.browser.close()

    # What a user does

    @precondition(lambda self: self.life.is_enabled)
    @rule(is_offline=st.booleans(), prompt=st.sampled_from([None, "login"]))
    def authorize(self, is_offline: bool, prompt: str | None) -> None:
        response = self.run(self.at("authorize").authorize(scope=SCOPES[is_offline], prompt=prompt))

        self.life.issue(response, is_offline=is_offline)

    @precondition(lambda self: self.life.session is not None and self.life.session.is_alive)
    @rule()
    def log_out(self) -> None:
        self.run(self._log_out(self.at("authorize")))

        self.life.end_session()

    async def _log_out(self, party: RelyingParty) -> None:
        page = await party.browser.get(f"{party.issuer}/logout")
        assert (await party.browser.submit(page, action="logout")).status in {200, 303}

    # What a client does

    @precondition(lambda self: self.life.codes)
    @rule(pick=PICK)
    def redeem(self, pick: int) -> None:
        code = self.any_code(pick)
        is_due = self.life.may_redeem(code)

        reply = self.run(self.at("token").redeem(code.response))

        self.life.present(code)
        if is_due:
            assert reply.status == 200, reply
            self.life.redeem(code, reply, self.clock())
        else:
            assert reply.error == "invalid_grant", reply

    @precondition(lambda self: self.life.codes)
    @rule(pick=PICK, how=st.sampled_from(["verifier", "redirect URI", "client"]))
    def redeem_wrongly(self, pick: int, how: str) -> None:
        code = self.any_code(pick)
        changes = {"verifier": {"code_verifier": "w" * 48}, "redirect URI": {"redirect_uri": "https://a.example/"}}
        party = self.at("token", self.stranger if how == "client" else self.party)

        reply = self.run(party.redeem(code.response, **changes.get(how, {})))

        assert reply.error == "invalid_grant", reply

    @precondition(lambda self: self.life.grants)
    @rule(pick=PICK, back=st.sampled_from([0, 0, 0, 1, 1, 2, 5]))
    def refresh(self, pick: int, back: int) -> None:
        self.settle()
        grant = self.any_grant(pick)
        index = max(len(grant.refresh_tokens) - 1 - back, 0)
        expected = grant.expected(index, self.clock())

        reply = self.run(self.at("token").refresh(grant.refresh_tokens[index]))

        self.judge(grant, expected, reply)

    def judge(self, grant: Grant, expected: Expected, reply: Reply) -> None:
        now = self.clock()
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

    @precondition(lambda self: self.life.grants)
    @rule(pick=PICK, by_stranger=st.booleans())
    def revoke_refresh_token(self, pick: int, by_stranger: bool) -> None:
        grant = self.any_grant(pick)
        token = grant.refresh_tokens[pick % len(grant.refresh_tokens)]

        reply = self.run(self.at("token", self.stranger if by_stranger else self.party).revoke(token))

        assert reply.status == 200
        grant.is_revoked |= not by_stranger

    @precondition(lambda self: self.life.grants)
    @rule(pick=PICK, by_stranger=st.booleans())
    def revoke_access_token(self, pick: int, by_stranger: bool) -> None:
        grant = self.any_grant(pick)
        token = grant.access_tokens[pick % len(grant.access_tokens)]

        reply = self.run(self.at("token", self.stranger if by_stranger else self.party).revoke(token.value))

        assert reply.status == 200
        token.is_revoked |= not by_stranger

    @precondition(lambda self: self.life.grants)
    @rule(pick=PICK)
    def refresh_as_a_stranger(self, pick: int) -> None:
        token = self.any_grant(pick).refresh_tokens[-1]

        assert self.run(self.at("token", self.stranger).refresh(token)).error == "invalid_grant"

    # What an operator does, and what happens

    @precondition(lambda self: self.life.is_enabled)
    @rule()
    def disable_the_user(self) -> None:
        self.run(self.fleet.system.administration.disable_user(self.person))

        self.life.is_enabled = False
        self.life.end_everything()
        self.life.end_session()

    @precondition(lambda self: not self.life.is_enabled)
    @rule()
    def enable_the_user(self) -> None:
        self.run(self.fleet.system.administration.enable_user(self.person))

        self.life.is_enabled = True

    @rule(password=st.sampled_from(["another horse", "yet another battery"]))
    def change_the_password(self, password: str) -> None:
        self.party.person = self.run(self.fleet.system.administration.set_password(self.person, password))

        self.life.end_everything()
        self.life.end_session()

    @precondition(lambda self: self.life.grants)
    @rule()
    def withdraw_consent(self) -> None:
        self.run(self.fleet.system.administration.withdraw_consent(self.person, self.party.client))

        self.life.end_everything()

    @rule()
    def flush_redis(self) -> None:
        self.run(self._flush())

        self.life.forget_codes()

    async def _flush(self) -> None:
        async with connect(self.fleet.system.redis_url) as redis:
            await redis.flushall()

    @rule(jump=st.sampled_from(JUMPS))
    def let_time_pass(self, jump: timedelta) -> None:
        self.clock.advance(seconds=jump.total_seconds())

    @precondition(lambda self: self.passed < MOST_TIME - max(LONG_JUMPS))
    @rule(jump=st.sampled_from(LONG_JUMPS))
    def let_days_pass(self, jump: timedelta) -> None:
        self.passed += jump
        self.clock.advance(seconds=jump.total_seconds())

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

    def any_grant(self, pick: int) -> Grant:
        return self.life.grants[-1 - pick % len(self.life.grants)]

    def settle(self) -> None:
        """Let no moment at which something changes by itself be so near that the model cannot tell."""
        while any(abs(self.clock() - moment) < MARGIN for moment in self.life.moments()):
            self.clock.advance(seconds=MARGIN.total_seconds())


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


@pytest.mark.requirement(
    "security 15: one success per code; a valid replay revokes what was issued, an invalid one not"
)
@pytest.mark.requirement("security 20: rotation with reuse detection")
@pytest.mark.requirement("security 21: refused after every end of the grant, on every replica")
@pytest.mark.requirement("security 22: another client's token is not revoked")
def test_codes_and_tokens_live_and_die_as_the_model_says(machine: type[LifeCycle]) -> None:
    bounds = settings(
        max_examples=30, stateful_step_count=40, suppress_health_check=[HealthCheck.too_slow], deadline=None
    )

    run_state_machine_as_test(machine, settings=bounds)
