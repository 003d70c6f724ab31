"""PostgreSQL comes back from a backup, and nothing that has ended since comes back with it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from support.backup import dump, restore
from support.browser import Answer, query_of
from support.captured_output import captured_output
from support.eventually import eventually
from support.fleet import Fleet
from support.movable_clock import MovableClock
from support.operator_cli import Operator, environment_of
from support.outage_fleet import SCOPE, OutageFleet
from support.relying_party import CodeResponse, RelyingParty, Reply
from support.stores import create_migrated
from support.system import System, rotate
from support.tokens import header_of
from support.whole_flow import require_whole_flow
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.demo.stores.embedded_redis import EmbeddedRedis

DATABASE, ONLINE = "valetkey", "openid api:read"


@pytest.fixture(scope="module")
def own_stores() -> Iterator[OutageFleet]:
    """One replica of every service over a PostgreSQL and a Redis of their own."""
    with EmbeddedPostgres() as postgres, EmbeddedRedis() as redis:
        create_migrated(postgres, DATABASE)
        with System(postgres.dsn_of(DATABASE), redis.url, changes={"key_poll_interval": "1s"}) as system:
            fleet = Fleet(system, system.run(system.administration.create_catalog()))
            yield OutageFleet(fleet, postgres, redis, MovableClock())


@pytest.fixture
async def outage_fleet(own_stores: OutageFleet) -> OutageFleet:
    await own_stores.until_all_is_well()
    return own_stores


@pytest.fixture
def operator(outage_fleet: OutageFleet) -> Operator:
    return Operator(environment_of(outage_fleet.fleet.system.settings_of("operator")))


@dataclass(frozen=True, slots=True)
class Ended:
    """What was good when the backup was made and has ended since, with what has not been used yet."""

    api: RelyingParty
    revoked: tuple[RelyingParty, Reply]
    rotated: tuple[RelyingParty, Reply]
    newest: Reply
    spent: tuple[RelyingParty, CodeResponse]
    signed_out: tuple[RelyingParty, dict[str, str], Reply]
    disabled: tuple[RelyingParty, Reply]
    withdrawn: tuple[RelyingParty, Reply]
    machine: tuple[RelyingParty, Reply]
    unused: tuple[RelyingParty, CodeResponse]
    under_way: tuple[RelyingParty, Answer]
    kid: str

    @property
    def access_tokens(self) -> list[str]:
        """Every access token that was ended."""
        held = (self.revoked, self.disabled, self.withdrawn, self.machine)
        return [reply.access_token for _, reply in held] + [self.signed_out[2].access_token]

    @property
    def refresh_tokens(self) -> list[tuple[RelyingParty, str]]:
        """Every refresh token that was ended or exchanged."""
        held = (self.revoked, self.rotated, self.disabled, self.withdrawn)
        signed_out = (self.signed_out[0], self.signed_out[2].refresh_token)
        return [*((party, reply.refresh_token) for party, reply in held), signed_out]


@pytest.fixture
async def ended(outage_fleet: OutageFleet, tmp_path: Path) -> AsyncIterator[Ended]:
    """Given, backed up, and then ended in every way there is."""
    fleet, administration = outage_fleet.fleet, outage_fleet.fleet.system.administration
    async with AsyncExitStack() as stack:
        parties = [await fleet.new_party() for _ in range(7)]
        machine, api = await fleet.new_machine(), fleet.new_api()
        for each in (*parties, machine, api):
            stack.push_async_callback(each.browser.close)
        # A grant without offline access ends with the session of its user.
        replies = [await party.log_in(scope=ONLINE if party is parties[4] else SCOPE) for party in parties[:6]]
        issued = await machine.token("client_credentials")
        held = list(zip(parties, replies, strict=False))
        revoked, rotated, disabled, withdrawn, signed_out, spending = held
        code = await spending[0].authorize(scope=SCOPE)
        cookies = dict(signed_out[0].browser.cookies)

        await asyncio.to_thread(dump, outage_fleet.postgres, DATABASE, tmp_path / "backup")

        assert (await revoked[0].revoke(revoked[1].refresh_token)).status == 200
        assert (await machine.revoke(issued.access_token)).status == 200
        newest = await rotated[0].refresh(rotated[1].refresh_token)
        assert (await spending[0].redeem(code)).status == 200
        await signed_out[0].log_out(signed_out[1].body["id_token"])
        assert disabled[0].person is not None
        assert withdrawn[0].person is not None
        await administration.disable_user(disabled[0].person)
        await administration.withdraw_consent(withdrawn[0].person, withdrawn[0].client)
        under_way = await revoked[0].start(scope=SCOPE, prompt="consent")
        unused = await parties[6].authorize(scope=SCOPE)
        await rotate(fleet.system.settings_of("key_rotation"), emergency=True)
        yield Ended(
            api=api,
            revoked=revoked,
            rotated=rotated,
            newest=newest,
            spent=(spending[0], code),
            signed_out=(signed_out[0], cookies, signed_out[1]),
            disabled=disabled,
            withdrawn=withdrawn,
            machine=(machine, issued),
            unused=(parties[6], unused),
            under_way=(revoked[0], under_way),
            kid=header_of(issued.access_token)["kid"],
        )


@pytest.mark.requirement("operations: a backup of PostgreSQL that is restored resurrects nothing")
@pytest.mark.parametrize("redis", ["kept", "emptied"])
async def test_nothing_that_ended_since_the_backup_is_good_after_it_was_restored_as_the_runbook_says(
    outage_fleet: OutageFleet, operator: Operator, ended: Ended, tmp_path: Path, redis: str
) -> None:
    await asyncio.to_thread(restore, outage_fleet.postgres, DATABASE, tmp_path / "backup")
    if redis == "emptied":
        await outage_fleet.flush()
    await until_it_is_met_again(outage_fleet)
    await eventually(lambda: is_published(ended))
    before = [(await ended.api.introspect(token)).active for token in ended.access_tokens]

    await follow_the_runbook(outage_fleet, operator, ended)

    assert before == [redis == "emptied"] * len(before), "only Redis knows what PostgreSQL has forgotten"
    assert not any([(await ended.api.introspect(token)).active for token in ended.access_tokens])
    assert [(await party.refresh(token)).error for party, token in ended.refresh_tokens] == ["invalid_grant"] * 5
    for party, code in (ended.spent, ended.unused):
        assert (await party.redeem(code)).error == "invalid_grant"
    thief = replace(ended.signed_out[0])
    thief.browser.cookies.update(ended.signed_out[1])
    assert query_of((await thief.start(prompt="none")).location)["error"] == "login_required"
    assert not await goes_on_with(*ended.under_way)
    assert not await is_published(ended)
    refused = await ended.disabled[0].walk(await ended.disabled[0].start(prompt="login"))
    assert not refused.is_redirect


async def test_all_users_log_in_again_and_withdrawn_consents_are_asked_for_again(
    outage_fleet: OutageFleet, operator: Operator, ended: Ended, tmp_path: Path
) -> None:
    party = ended.withdrawn[0]
    await asyncio.to_thread(restore, outage_fleet.postgres, DATABASE, tmp_path / "backup")
    await until_it_is_met_again(outage_fleet)
    await follow_the_runbook(outage_fleet, operator, ended)

    asked = await party.sign_in(await party.start(scope=SCOPE))
    again = await party.log_in(scope=SCOPE)

    assert "allow" in {button.attributes.get("value") for button in asked.page.find_all("button")}
    assert (await ended.api.introspect(again.access_token)).active


@pytest.mark.requirement("operations: that PostgreSQL was put back is noticed")
async def test_a_refresh_token_that_postgresql_has_forgotten_ends_the_grant_and_with_it_the_one_it_replaced(
    outage_fleet: OutageFleet, ended: Ended, tmp_path: Path
) -> None:
    party, first = ended.rotated
    await asyncio.to_thread(restore, outage_fleet.postgres, DATABASE, tmp_path / "backup")
    await until_it_is_met_again(outage_fleet)

    with captured_output() as heard:
        newest = await party.refresh(ended.newest.refresh_token)
    stolen = await party.refresh(first.refresh_token)

    assert [newest.error, stolen.error] == ["invalid_grant", "invalid_grant"]
    assert '"type":"refresh_token.ahead"' in heard.getvalue()


async def follow_the_runbook(outage_fleet: OutageFleet, operator: Operator, ended: Ended) -> None:
    """Its commands, in its order."""
    system = outage_fleet.fleet.system
    migration = Operator(environment_of(system.settings_of("migration")))
    assert ended.disabled[0].person is not None
    await asyncio.to_thread(migration.succeed, "migrate", "up")
    await asyncio.to_thread(operator.succeed, "revocation", "end-all", "--consents", "--yes")
    await rotate(system.settings_of("key_rotation"), emergency=True)
    await asyncio.to_thread(operator.succeed, "user", "disable", ended.disabled[0].person.username)
    await until_it_is_met_again(outage_fleet)


async def until_it_is_met_again(outage_fleet: OutageFleet) -> None:
    """Every service works with the database, and with the keys, that came in place of others."""

    async def works() -> bool:
        try:
            await require_whole_flow(outage_fleet.fleet)
        except AssertionError:
            return False
        return True

    await eventually(works, 20)


async def is_published(ended: Ended) -> bool:
    """Whether the key that was withdrawn since the backup is in the JWK Set."""
    return ended.kid in {jwk["kid"] for jwk in (await ended.api.get_json("/jwks")).body["keys"]}


async def goes_on_with(party: RelyingParty, page: Answer) -> bool:
    """Whether a browser at this page gets tokens from there without a password."""
    answer = await party.browser.follow(await party.browser.submit(page, action="allow"), within=party.issuer)
    return answer.is_redirect and "code" in query_of(answer.location)
