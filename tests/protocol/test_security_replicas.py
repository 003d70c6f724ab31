"""What one replica is told, every replica knows: security items 15 and 21 to 23."""

import asyncio
import secrets
from dataclasses import replace

import pytest

from support.eventually import eventually
from support.refusal import require_refusal
from support.relying_party import Person, RelyingParty
from support.system import System
from support.systems import MakeParty, StartSystem

SCOPE = "openid offline_access api:read"
REPLICAS = 3


@pytest.fixture(scope="module")
def fleet(start_system: StartSystem) -> System:
    """Several replicas of every service."""
    return start_system(replicas=REPLICAS)


@pytest.fixture
async def parties(fleet: System, make_party: MakeParty) -> list[RelyingParty]:
    """One client and its user, at each replica."""
    party = await make_party(at=fleet)
    return [replace(party, issuer=door) for door in fleet.doors]


@pytest.mark.requirement("security 15: one success per code on any replicas")
async def test_of_redemptions_on_every_replica_one_succeeds(parties: list[RelyingParty]) -> None:
    code = await parties[0].authorize(scope=SCOPE)

    replies = await asyncio.gather(*(party.redeem(code) for party in parties * 5))

    successes = [reply for reply in replies if reply.status == 200]
    assert len(successes) == 1
    for party in parties:
        assert not (await party.introspect(successes[0].access_token)).active
        require_refusal(await party.refresh(successes[0].refresh_token), "invalid_grant")


@pytest.mark.requirement("security 20: races give one successor")
async def test_refreshes_on_every_replica_give_one_successor(parties: list[RelyingParty]) -> None:
    tokens = await parties[0].log_in(scope=SCOPE)

    replies = await asyncio.gather(*(party.refresh(tokens.refresh_token) for party in parties * 5))

    assert {reply.status for reply in replies} == {200}
    assert len({reply.refresh_token for reply in replies}) == 1


@pytest.mark.requirement("security 21: refused on every replica")
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_what_is_revoked_at_one_replica_is_dead_at_the_others(parties: list[RelyingParty], kind: str) -> None:
    tokens = await parties[0].log_in(scope=SCOPE)
    for party in parties:
        assert (await party.introspect(tokens.access_token)).active

    await parties[1].revoke(tokens.body[kind])

    for party in parties:
        assert not (await party.introspect(tokens.access_token)).active
        assert (await party.userinfo(tokens.access_token)).status == 401
        assert (await party.refresh(tokens.refresh_token)).status == (200 if kind == "access_token" else 400)


@pytest.mark.requirement("security 23: after revoke has answered, nothing minted from that grant is active")
async def test_a_refresh_at_one_replica_does_not_survive_a_revocation_at_another(parties: list[RelyingParty]) -> None:
    for _ in range(5):
        tokens = await parties[0].log_in(scope=SCOPE)

        *refreshed, revoked = await asyncio.gather(
            *(party.refresh(tokens.refresh_token) for party in parties), parties[1].revoke(tokens.refresh_token)
        )

        assert revoked.status == 200
        for reply in refreshed:
            if reply.status == 200:
                assert not (await parties[2].introspect(reply.access_token)).active
                require_refusal(await parties[2].refresh(reply.refresh_token), "invalid_grant")


@pytest.mark.requirement("security 21: refused on every replica")
@pytest.mark.parametrize("end", ["user", "password", "consent", "client"])
async def test_what_ends_at_the_stores_ends_at_every_replica_at_once(
    fleet: System, parties: list[RelyingParty], make_party: MakeParty, end: str
) -> None:
    administration, person = fleet.administration, parties[0].person
    assert person is not None
    resource = f"https://{secrets.token_hex(4)}.example/"
    server = await make_party(await administration.create_client(name="archive", resource=resource), person, at=fleet)
    client = await administration.create_web_client(resources=frozenset({resource}))
    tokens = await (await make_party(client, person, at=fleet)).log_in(scope="openid offline_access", resource=resource)
    everywhere = [(replace(party, client=client), replace(server, issuer=party.issuer)) for party in parties]
    for _, observer in everywhere:
        assert (await observer.introspect(tokens.access_token)).active

    if end == "user":
        await administration.disable_user(person)
    elif end == "password":
        await administration.set_password(person, "another horse, another battery")
    elif end == "consent":
        await administration.withdraw_consent(person, client)
    else:
        await administration.disable_client(client)

    for party, observer in everywhere:
        assert not (await observer.introspect(tokens.access_token)).active
        assert (await party.userinfo(tokens.access_token)).status == 401
        assert (await party.refresh(tokens.refresh_token)).error in {"invalid_grant", "invalid_client"}


@pytest.mark.requirement("security 21: refused on every replica")
async def test_every_replica_hears_that_a_client_is_disabled(fleet: System, parties: list[RelyingParty]) -> None:
    for party in parties:
        assert (await party.introspect("x")).status == 200

    await fleet.administration.disable_client(parties[0].client)

    async def is_refused_everywhere() -> bool:
        return {(await party.introspect("x")).status for party in parties} == {401}

    await eventually(is_refused_everywhere)


@pytest.mark.requirement("security 53: no client gets the answer to another one")
async def test_answers_to_many_questions_at_once_are_not_mixed_up(
    fleet: System, parties: list[RelyingParty], make_party: MakeParty
) -> None:
    machines = [
        await make_party(await fleet.administration.create_machine(), Person("unused", ""), at=fleet) for _ in range(6)
    ]

    async def ask(number: int) -> tuple[bool, bool]:
        machine = replace(machines[number % 6], issuer=fleet.doors[number % REPLICAS])
        token = (await machine.token("client_credentials")).access_token
        if number % 2:
            await machine.revoke(token)
        answer = await machine.introspect(token)
        return answer.active, answer.body.get("client_id") in {machine.client.client_id, None}

    answers = await asyncio.gather(*(ask(number) for number in range(90)))

    assert answers == [(number % 2 == 0, True) for number in range(90)]
