"""Stores that are away, and stores that come back knowing less: security items 55 and 56, architecture section 4."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from redis.asyncio import Redis

from support.eventually import eventually
from support.fragile import Fragile
from support.refusal import require_refusal
from support.relying_party import CodeResponse, RelyingParty, Reply
from support.systems import MakeParty
from valetkey.storage.redis.kept.keyspace import REVOCATIONS_LOADED

SCOPE = "openid offline_access api:read"
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Scene:
    """Before the stores go: a live token, a revoked one, a code, and clients that every replica knows."""

    fragile: Fragile
    party: RelyingParty
    machine: RelyingParty
    api: RelyingParty
    tokens: Reply
    revoked: Reply
    code: CodeResponse

    async def outcomes(self) -> dict[str, int]:
        """The status of every request there is, cheapest first."""
        await_all = {
            "metadata": self.party.get_json("/.well-known/openid-configuration"),
            "jwks": self.party.get_json("/jwks"),
            "client_credentials": self.machine.token("client_credentials"),
            "introspect": self.api.introspect(self.tokens.access_token),
            "introspect revoked": self.api.introspect(self.revoked.access_token),
            "userinfo": self.party.userinfo(self.tokens.access_token),
            "refresh": self.party.refresh(self.tokens.refresh_token),
            "redeem": self.party.redeem(self.code),
        }
        replies = {name: await reply for name, reply in await_all.items()}
        for reply in replies.values():
            if reply.status == 503:
                require_unavailable(reply)
        if replies["introspect revoked"].status == 200:
            assert not replies["introspect revoked"].active
        if replies["introspect"].status == 200:
            assert replies["introspect"].active
        return {name: reply.status for name, reply in replies.items()}


def require_unavailable(reply: Reply) -> None:
    """503, and when to come back."""
    require_refusal(reply, "temporarily_unavailable")
    assert int(reply.headers["Retry-After"]) >= 1


async def is_loaded(fragile: Fragile) -> bool:
    """Whether Redis is known to hold every revocation."""
    async with Redis.from_url(fragile.redis.url) as redis:
        marker = await redis.get(REVOCATIONS_LOADED.prefix)
    return isinstance(marker, bytes) and not marker.startswith(b"loading:")


@pytest.fixture
async def scene(fragile: Fragile, make_party: MakeParty) -> AsyncIterator[Scene]:
    system = fragile.system
    party = await make_party(at=system)
    machine = await make_party(await system.administration.create_machine(), party.person, at=system)
    api = await make_party(fragile.resource_servers["api"], party.person, at=system)
    tokens, revoked = await party.log_in(scope=SCOPE), await party.log_in(scope=SCOPE)
    await party.revoke(revoked.access_token)
    await machine.token("client_credentials")

    async def is_ready() -> bool:
        await api.introspect(tokens.access_token)
        return await is_loaded(fragile)

    await eventually(is_ready)
    yield Scene(fragile, party, machine, api, tokens, revoked, await party.authorize(scope=SCOPE))
    fragile.mend()

    async def is_well() -> bool:
        return (await party.log_in()).status == 200 and await is_ready()

    await eventually(is_well)


ALL_WELL = {
    "metadata": 200,
    "jwks": 200,
    "client_credentials": 200,
    "introspect": 200,
    "introspect revoked": 200,
    "userinfo": 200,
    "refresh": 200,
    "redeem": 200,
}


async def test_while_both_stores_are_there_everything_is_answered(scene: Scene) -> None:
    assert await scene.outcomes() == ALL_WELL


@pytest.mark.requirement("security 55: Redis away: codes are refused with 503, the rest is answered")
async def test_without_redis_only_codes_are_refused(scene: Scene) -> None:
    scene.fragile.redis.kill()

    assert await scene.outcomes() == ALL_WELL | {"redeem": 503}


@pytest.mark.requirement("security 55: PostgreSQL away: what needs the record is 503, known clients are served")
async def test_without_postgresql_known_clients_get_what_needs_no_record(scene: Scene) -> None:
    scene.fragile.postgres.kill()

    assert await scene.outcomes() == ALL_WELL | {"userinfo": 503, "refresh": 503, "redeem": 503}


@pytest.mark.requirement("security 55: both away: nothing is assumed valid")
async def test_without_either_only_public_documents_are_answered_and_signed_tokens_issued(scene: Scene) -> None:
    scene.fragile.redis.kill()
    scene.fragile.postgres.kill()

    outcomes = await scene.outcomes()

    assert {name for name, status in outcomes.items() if status == 200} <= {"metadata", "jwks", "client_credentials"}
    assert set(outcomes.values()) == {200, 503}


@pytest.mark.requirement("security 55: never a default client")
@pytest.mark.parametrize("endpoint", ["/token", "/revoke", "/introspect"])
async def test_a_client_that_cannot_be_looked_up_is_neither_authenticated_nor_called_unknown(
    scene: Scene, make_party: MakeParty, endpoint: str
) -> None:
    system = scene.fragile.system
    new_party = await make_party(await system.administration.create_web_client(), scene.party.person, at=system)
    scene.fragile.postgres.kill()

    reply = await new_party.post(endpoint, [("token", "x"), ("grant_type", "refresh_token"), ("refresh_token", "x")])

    require_unavailable(reply)


@pytest.mark.requirement("security 22: a storage failure is 503, never 200")
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
@pytest.mark.parametrize("store", ["redis", "postgres"])
async def test_a_revocation_that_is_not_certain_is_not_confirmed(scene: Scene, kind: str, store: str) -> None:
    (scene.fragile.redis if store == "redis" else scene.fragile.postgres).kill()

    reply = await scene.party.revoke(scene.tokens.body[kind])

    require_unavailable(reply)
    scene.fragile.mend()

    async def is_confirmed() -> bool:
        return (await scene.party.revoke(scene.tokens.body[kind])).status == 200

    await eventually(is_confirmed)
    assert not (await scene.api.introspect(scene.tokens.access_token)).active


@pytest.mark.requirement("security 55: readiness follows no shared dependency")
async def test_pods_stay_ready_while_stores_are_away(scene: Scene) -> None:
    scene.fragile.redis.kill()
    scene.fragile.postgres.kill()

    for (url,) in scene.fragile.system.management_urls.values():
        for probe in ("readyz", "livez"):
            assert (await scene.party.browser.get(f"{url}/{probe}")).status == 200


@pytest.mark.requirement("RFC 6749 §4.1.2: a failure of ours costs the client nothing")
async def test_a_code_that_met_an_absent_postgresql_can_be_redeemed_afterwards(scene: Scene) -> None:
    scene.fragile.postgres.kill()
    require_unavailable(await scene.party.redeem(scene.code))

    scene.fragile.postgres.start()

    async def is_redeemed() -> bool:
        return (await scene.party.redeem(scene.code)).status == 200

    await eventually(is_redeemed)


@pytest.mark.requirement("security 56: restart never resurrects a spent code, a rotated or a revoked token")
async def test_an_empty_redis_knows_no_code_and_forgives_no_revocation(scene: Scene) -> None:
    rotated = await scene.party.refresh(scene.tokens.refresh_token)
    assert (await scene.party.redeem(scene.code)).status == 200
    scene.fragile.redis.kill()
    scene.fragile.redis.start()

    replay = await scene.party.redeem(scene.code)

    require_refusal(replay, "invalid_grant")
    assert not (await scene.api.introspect(scene.revoked.access_token)).active
    assert (await scene.api.introspect(rotated.access_token)).active
    await scene.party.refresh((await scene.party.refresh(rotated.refresh_token)).refresh_token)
    require_refusal(await scene.party.refresh(scene.tokens.refresh_token), "invalid_grant")


@pytest.mark.requirement("security 56: restore never resurrects a spent code, a rotated or a revoked token")
async def test_a_redis_restored_from_before_neither_revives_a_code_nor_a_token(scene: Scene) -> None:
    async with Redis.from_url(scene.fragile.redis.url) as redis:
        await redis.save()
    first = await scene.party.redeem(scene.code)
    await scene.party.revoke(scene.tokens.access_token)
    scene.fragile.redis.kill()
    scene.fragile.redis.start()

    replay = await scene.party.redeem(scene.code)

    require_refusal(replay, "invalid_grant")
    for dead in (scene.tokens, scene.revoked, first):
        assert not (await scene.api.introspect(dead.access_token)).active
    require_refusal(await scene.party.refresh(first.refresh_token), "invalid_grant")
