"""Writing to Redis gets an attacker no token: values that services did not write count as absent. Security item 55b."""

from __future__ import annotations

import io
import json
import secrets
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from support.administration import API
from support.aging import move_database_clock
from support.browser import form_of
from support.captured_output import captured_output, everything_in_redis
from support.front_channel import require_shown
from support.movable_clock import MovableClock
from support.planted_codes import SCOPE, PlantedCodes, planted_codes
from support.redis_writer import (
    TAMPERINGS,
    RedisWriter,
    a_key_of_their_own,
    redis_writer,
    scene_of_code,
    scene_of_interaction,
)
from support.refusal import require_refusal
from support.relying_party import CodeResponse, RelyingParty, challenge_for
from support.secret_search import Secrets
from support.steps import STEPS, filled, reach
from support.system import System
from support.systems import MakeParty, StartSystem
from support.tokens import claims_of
from support.wire_values import INTERACTION
from valetkey.core.authentication.acr import ACR_PASSWORD
from valetkey.core.authentication.result import Authentication
from valetkey.core.clock_tolerance import CLOCK_TOLERANCE
from valetkey.core.oauth.authorization_code import AuthorizationCode, generate_code
from valetkey.storage.redis.kept.keyspace import code_key, interaction_key

GONE = "This sign-in has expired"
VERIFIER = "v" * 43


@pytest.fixture
async def writer(system: System) -> AsyncIterator[RedisWriter]:
    async with redis_writer(system.redis_url) as writer:
        yield writer


@pytest.fixture
def heard() -> Iterator[io.StringIO]:
    with captured_output() as heard:
        yield heard


@pytest.fixture
async def planted(system: System, party: RelyingParty) -> AsyncIterator[PlantedCodes]:
    async with planted_codes(system, party) as planted:
        yield planted


def events(heard: io.StringIO, kind: str) -> list[dict[str, str]]:
    """Audit events of this type."""
    lines = [line for line in heard.getvalue().splitlines() if line.startswith('{"log":"audit"')]
    return [event for event in map(json.loads, lines) if event["type"] == kind]


def key_of(page_fields: dict[str, str]) -> str:
    return interaction_key(page_fields["interaction"])


def require_told(heard: io.StringIO, kind: str) -> None:
    told = events(heard, "stored_value.refused")
    assert told
    assert all(event["reason"].startswith(f"{kind} in Redis ") for event in told)
    assert all(event["outcome"] == "failure" and event["trace_id"] and event["address"] for event in told)


@pytest.mark.requirement("security 55b: a tampered code is as if it were not there")
@pytest.mark.parametrize("tampering", TAMPERINGS)
@pytest.mark.parametrize("state", [b"F", b"S"], ids=["fresh", "spent"])
@pytest.mark.parametrize("redirect_uri", ["sent", "omitted"])
async def test_a_code_that_was_tampered_with_gets_nothing_but_invalid_grant(
    party: RelyingParty,
    planted: PlantedCodes,
    writer: RedisWriter,
    heard: io.StringIO,
    tampering: str,
    state: bytes,
    redirect_uri: str,
) -> None:
    code, another = await planted.plant(), await planted.plant()
    page = await party.start()
    foreign = await writer.read(key_of(dict(form_of(page).fields)))
    raw = state + (await writer.read(code_key(code.code)))[1:]
    forged = forged_code(party, planted.client_uid, party.person.subject if party.person else "")
    scene = scene_of_code(code.code, raw, await writer.read(code_key(another.code)), foreign, forged)
    await writer.write(scene.key, TAMPERINGS[tampering](scene))

    reply = await party.redeem(code, **({} if redirect_uri == "sent" else {"redirect_uri": None}))

    require_refusal(reply, "invalid_grant")
    require_told(heard, "authorization_code")
    assert not events(heard, "authorization_code.replayed")
    assert not events(heard, "token.issued")
    assert (await party.redeem(another)).status == 200


@pytest.mark.requirement("security 55b: a tampered login is as if it were not there")
@pytest.mark.parametrize("tampering", TAMPERINGS)
@pytest.mark.parametrize("step", STEPS)
async def test_a_login_that_was_tampered_with_is_gone(
    party: RelyingParty, planted: PlantedCodes, writer: RedisWriter, heard: io.StringIO, tampering: str, step: str
) -> None:
    another, code = await party.start(prompt="login"), await planted.plant()
    page = await reach(party, step)
    fields = dict(form_of(page).fields)
    foreign, key = await writer.read(code_key(code.code)), key_of(fields)
    other = await writer.read(key_of(dict(form_of(another).fields)))
    scene = scene_of_interaction(key, await writer.read(key), other, foreign, INTERACTION)
    for answer in ("shown", "posted"):
        await writer.write(key, TAMPERINGS[tampering](scene))
        if answer == "shown":
            shown = await party.browser.get(page.url)
        else:
            shown = await party.browser.post(form_of(page).action, filled(party, page, step))

        assert require_shown(shown, 410) == GONE
    require_told(heard, "interaction")
    await writer.write(key, scene.raw)
    assert (await party.browser.get(page.url)).status == 200


@pytest.mark.parametrize("step", STEPS)
async def test_what_is_no_string_is_neither_a_login_nor_a_code(
    party: RelyingParty, planted: PlantedCodes, writer: RedisWriter, step: str
) -> None:
    page, code = await reach(party, step), await planted.plant()
    key = key_of(dict(form_of(page).fields))
    for each in (key, code_key(code.code)):
        await writer.redis.delete(each)
        await writer.redis.rpush(each, "x")

    assert require_shown(await party.browser.get(page.url), 410) == GONE
    assert require_shown(await party.browser.post(form_of(page).action, filled(party, page, step)), 410) == GONE
    require_refusal(await party.redeem(code), "invalid_grant")


def forged_code(party: RelyingParty, client_uid: UUID, subject: str) -> AuthorizationCode:
    """What this client would like a user to have agreed to."""
    now = MovableClock()()
    return AuthorizationCode(
        authorization_id=uuid4(),
        client_uid=client_uid,
        redirect_uri=party.client.redirect_uri,
        code_challenge=challenge_for(VERIFIER),
        scope=SCOPE,
        resources=(API,),
        authentication=Authentication(UUID(subject), now, ACR_PASSWORD, ("pwd",), uuid4()),
        issued_at=now,
    )


@pytest.fixture(scope="module")
def believing(start_system: StartSystem) -> System:
    """A system whose keys say that plain values are believed."""
    return start_system(changes={"sealing_keys": "plain"})


@pytest.mark.requirement("security 55b: a store that can be written to mints nothing")
@pytest.mark.parametrize("sealed", [False, True], ids=["plain", "sealed with a key of their own"])
async def test_a_code_forged_in_redis_gets_no_token(
    make_party: MakeParty, system: System, writer: RedisWriter, heard: io.StringIO, sealed: bool
) -> None:
    victim, client = await make_party(), await make_party()
    assert victim.person is not None
    value = generate_code()
    async with planted_codes(system, client) as planted:
        forged = forged_code(client, planted.client_uid, victim.person.subject)
    await writer.forge_code(value, forged, a_key_of_their_own() if sealed else None)

    reply = await client.redeem(CodeResponse({"code": value}, VERIFIER))

    require_refusal(reply, "invalid_grant")
    require_told(heard, "authorization_code")


async def test_where_plain_values_are_believed_it_would(make_party: MakeParty, believing: System) -> None:
    victim, client = await make_party(at=believing), await make_party(at=believing)
    assert victim.person is not None
    value = generate_code()
    async with planted_codes(believing, client) as planted, redis_writer(believing.redis_url) as writer:
        await writer.forge_code(value, forged_code(client, planted.client_uid, victim.person.subject))

        reply = await client.redeem(CodeResponse({"code": value}, VERIFIER))

    assert claims_of(reply.access_token)["sub"] == victim.person.subject


@pytest.mark.requirement("security 55b: a code cannot be bound to another client")
async def test_a_stolen_code_cannot_be_bound_to_the_thief(
    make_party: MakeParty, system: System, writer: RedisWriter, heard: io.StringIO
) -> None:
    owner, thief = await make_party(), await make_party()
    stolen = await owner.authorize()
    own = generate_code()
    async with planted_codes(system, thief) as planted:
        assert thief.person is not None
        await writer.forge_code(own, forged_code(thief, planted.client_uid, thief.person.subject))
    dress = await writer.read(code_key(own))
    raw = await writer.read(code_key(stolen.code))
    await writer.write(code_key(stolen.code), dress[:65] + raw[65:])

    reply = await thief.redeem(CodeResponse({"code": stolen.code}, VERIFIER))

    require_refusal(reply, "invalid_grant")
    require_told(heard, "authorization_code")


@pytest.mark.requirement("security 15: one success per code, whatever Redis says")
@pytest.mark.parametrize("scope", ["openid api:read", "openid offline_access api:read"])
async def test_a_spent_code_made_fresh_again_gets_nothing_and_ends_what_it_was_redeemed_for(
    party: RelyingParty, api: RelyingParty, writer: RedisWriter, heard: io.StringIO, scope: str
) -> None:
    code = await party.authorize(scope=scope)
    first = await party.redeem(code)
    await writer.redis.setrange(code_key(code.code), 0, "F")

    second = await party.redeem(code)

    require_refusal(second, "invalid_grant")
    assert len(events(heard, "authorization_code.replayed")) == 1
    assert not (await api.introspect(first.access_token)).active


@pytest.fixture(scope="module")
def brief(start_system: StartSystem, clock: MovableClock) -> System:
    """A system in which every authorization ends after a minute, and whose clock can be moved."""
    lifetimes = {"refresh_token_lifetime": "60s", "refresh_token_idle_lifetime": "60s", "access_token_lifetime": "60s"}
    return start_system(clock=clock, changes=lifetimes)


@pytest.mark.requirement("security 56: nothing resurrects a spent code, whatever Redis says")
@pytest.mark.parametrize("seconds", [0, 61, 120, 200, 300, 361, 4000, 100_000])
async def test_a_code_put_back_later_gets_nothing(
    make_party: MakeParty, brief: System, clock: MovableClock, heard: io.StringIO, seconds: int
) -> None:
    party = await make_party(at=brief)
    async with planted_codes(brief, party) as planted, redis_writer(brief.redis_url) as writer:
        code, never_redeemed = await planted.plant(), await planted.plant()
        fresh = {key: await writer.read(key) for key in (code_key(code.code), code_key(never_redeemed.code))}
        assert (await party.redeem(code)).status == 200
        clock.advance(seconds=seconds)
        await move_database_clock(brief.administration, clock.ahead)
        # Each redemption sweeps a few authorizations that have ended.
        for _ in range(3):
            assert (await party.redeem(await planted.plant())).status == 200
        for key, raw in fresh.items():
            await writer.write(key, raw)

        require_refusal(await party.redeem(code), "invalid_grant")
        late = await party.redeem(never_redeemed)

    # Who writes to Redis can keep a code alive for as long as clocks may differ, and no longer.
    too_old = timedelta(seconds=seconds) > timedelta(seconds=60) + CLOCK_TOLERANCE
    assert late.status == (400 if too_old else 200)
    told = [event["reason"] for event in events(heard, "stored_value.refused")]
    assert len(told) == (2 if too_old else 0)
    assert all("older than it can be" in reason for reason in told)


async def test_a_login_put_back_later_is_gone(
    make_party: MakeParty, brief: System, clock: MovableClock, heard: io.StringIO
) -> None:
    party = await make_party(at=brief)
    page = await party.start()
    async with redis_writer(brief.redis_url) as writer:
        key = key_of(dict(form_of(page).fields))
        raw = await writer.read(key)
        clock.advance(seconds=900 + CLOCK_TOLERANCE.total_seconds() + 1)
        await writer.write(key, raw)

        assert require_shown(await party.browser.get(page.url), 410) == GONE

    require_told(heard, "interaction")


@pytest.mark.requirement("security 51: no nonce, state, login hint or subject in Redis")
async def test_nothing_that_a_client_or_its_user_said_can_be_read_in_redis(party: RelyingParty, system: System) -> None:
    canaries = Secrets()
    said = {name: f"{name}-c4n4ry-{secrets.token_hex(8)}" for name in ("state", "nonce", "login_hint")}
    for name, value in said.items():
        canaries.add(name, value)
    assert party.person is not None
    canaries.add("subject", party.person.subject)

    page = await party.start(scope="openid api:read", **said)
    places = [await everything_in_redis(system.redis_url)]
    consent = await party.sign_in(page)
    places.append(await everything_in_redis(system.redis_url))
    code = await party.walk(consent)
    places.append(await everything_in_redis(system.redis_url))

    assert code.is_redirect
    found = {name for place in places for name in canaries.found_in(place)}
    assert found == set()
    subject = UUID(party.person.subject).bytes.decode("latin-1")
    assert not [place for place in places if subject in place]
