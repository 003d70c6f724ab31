"""Refreshing: rotation, honest retries, and what a thief gets. OAuth 2.1 §4.3, RFC 9700 §4.14, security 19 and 20."""

import asyncio
from dataclasses import replace

import pytest

from support.administration import Administration
from support.aging import Aging
from support.eventually import eventually
from support.refusal import require_refusal
from support.relying_party import RelyingParty, Reply
from support.system import System
from support.systems import MakeParty, StartSystem
from support.tokens import claims_of

METHODS = ("client_secret_basic", "client_secret_post", "none")
AFTER_GRACE = 10.5
SCOPE = "openid offline_access api:read"


@pytest.fixture(scope="module")
def impatient(start_system: StartSystem) -> System:
    """A system that forgives no repetition."""
    return start_system(changes={"refresh_grace": "0"})


async def is_active(api: RelyingParty, reply: Reply) -> bool:
    return (await api.introspect(reply.access_token)).active


@pytest.mark.requirement("security 20: rotation with reuse detection")
@pytest.mark.parametrize("method", METHODS)
async def test_every_refresh_gives_a_new_refresh_token_and_a_new_access_token(
    make_party: MakeParty, api: RelyingParty, method: str
) -> None:
    party = await make_party(method=method)
    replies = [await party.log_in(scope=SCOPE)]

    for _ in range(4):
        replies.append(await party.refresh(replies[-1].refresh_token))

    assert [reply.status for reply in replies] == [200] * 5
    assert len({reply.refresh_token for reply in replies}) == 5
    assert len({reply.access_token for reply in replies}) == 5
    assert [await is_active(api, reply) for reply in replies] == [True] * 5


@pytest.mark.requirement("RFC 9700 §4.14.2: a lost answer is no theft")
@pytest.mark.parametrize("method", METHODS)
async def test_a_retry_within_the_grace_period_gets_the_same_successor(
    make_party: MakeParty, api: RelyingParty, method: str
) -> None:
    party = await make_party(method=method)
    first = await party.log_in(scope=SCOPE)
    lost = await party.refresh(first.refresh_token)

    retries = [await party.refresh(first.refresh_token) for _ in range(3)]

    assert {reply.refresh_token for reply in retries} == {lost.refresh_token}
    assert (await party.refresh(lost.refresh_token)).status == 200
    assert await is_active(api, lost)


@pytest.mark.requirement("security 20: races give one successor")
@pytest.mark.parametrize("method", METHODS)
async def test_parallel_refreshes_give_one_successor(make_party: MakeParty, method: str) -> None:
    party = await make_party(method=method)
    first = await party.log_in(scope=SCOPE)

    replies = await asyncio.gather(*(party.refresh(first.refresh_token) for _ in range(12)))

    assert {reply.status for reply in replies} == {200}
    successors = {reply.refresh_token for reply in replies}
    assert len(successors) == 1
    assert (await party.refresh(successors.pop())).status == 200


@pytest.mark.requirement("security 20: no live sibling that revocation cannot reach")
async def test_revocation_reaches_every_access_token_of_a_race(party: RelyingParty, api: RelyingParty) -> None:
    first = await party.log_in(scope=SCOPE)
    replies = await asyncio.gather(*(party.refresh(first.refresh_token) for _ in range(6)))

    await party.revoke(first.refresh_token)

    assert not any([await is_active(api, reply) for reply in (first, *replies)])


@pytest.mark.requirement("security 20: rotation with reuse detection")
@pytest.mark.parametrize("method", METHODS)
async def test_a_rotated_token_after_the_grace_period_ends_the_authorization(
    make_party: MakeParty, aging: Aging, method: str
) -> None:
    party = await make_party(method=method, at=aging.system)
    api = await make_party(aging.resource_servers["api"], party.person, at=aging.system)
    first = await party.log_in(scope=SCOPE)
    second = await party.refresh(first.refresh_token)
    aging.pass_time(seconds=AFTER_GRACE)

    require_refusal(await party.refresh(first.refresh_token), "invalid_grant")

    require_refusal(await party.refresh(second.refresh_token), "invalid_grant")
    assert [await is_active(api, reply) for reply in (first, second)] == [False, False]
    assert (await party.userinfo(second.access_token)).status == 401


@pytest.mark.requirement("security 20: rotation with reuse detection")
async def test_without_a_grace_period_every_second_presentation_is_reuse(
    impatient: System, make_party: MakeParty
) -> None:
    party = await make_party(at=impatient)
    first = await party.log_in(scope=SCOPE)
    second = await party.refresh(first.refresh_token)

    require_refusal(await party.refresh(first.refresh_token), "invalid_grant")

    require_refusal(await party.refresh(second.refresh_token), "invalid_grant")
    assert not await is_active(party, second)


@pytest.mark.requirement("security 20: rotation with reuse detection")
async def test_an_older_generation_ends_the_authorization_even_within_the_grace_period(
    party: RelyingParty, api: RelyingParty
) -> None:
    first = await party.log_in(scope=SCOPE)
    second = await party.refresh(first.refresh_token)
    third = await party.refresh(second.refresh_token)

    require_refusal(await party.refresh(first.refresh_token), "invalid_grant")

    require_refusal(await party.refresh(third.refresh_token), "invalid_grant")
    assert [await is_active(api, reply) for reply in (first, second, third)] == [False] * 3


@pytest.mark.requirement("security 20: rotation with reuse detection")
async def test_reuse_leaves_the_other_authorizations_of_the_same_user_and_client_alone(
    party: RelyingParty, api: RelyingParty
) -> None:
    stolen, other = await party.log_in(scope=SCOPE), await party.log_in(scope=SCOPE)
    latest = await party.refresh((await party.refresh(stolen.refresh_token)).refresh_token)

    await party.refresh(stolen.refresh_token)

    assert not await is_active(api, latest)
    assert await is_active(api, other)
    assert (await party.refresh(other.refresh_token)).status == 200


@pytest.mark.requirement("security 19: bound to the client")
@pytest.mark.parametrize("owner", METHODS)
@pytest.mark.parametrize("thief", METHODS)
async def test_another_client_gets_nothing_and_ends_nothing(
    make_party: MakeParty, api: RelyingParty, owner: str, thief: str
) -> None:
    party, other = await make_party(method=owner), await make_party(method=thief)
    first = await party.log_in(scope=SCOPE)
    second = await party.refresh(first.refresh_token)

    for stolen in (first, second):
        require_refusal(await other.refresh(stolen.refresh_token), "invalid_grant")

    assert await is_active(api, second)
    assert (await party.refresh(second.refresh_token)).status == 200


@pytest.mark.requirement("security 19: bound to the client")
async def test_reuse_without_authentication_ends_nothing(make_party: MakeParty, party: RelyingParty) -> None:
    impostor = await make_party(replace(party.client, client_secret="w" * 43))
    first = await party.log_in(scope=SCOPE)
    second = await party.refresh((await party.refresh(first.refresh_token)).refresh_token)

    require_refusal(await impostor.refresh(first.refresh_token), "invalid_client")

    assert (await party.refresh(second.refresh_token)).status == 200


@pytest.mark.requirement("RFC 6749 §6: a refresh may ask for less")
@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("api:read", "api:read"),
        ("openid", "openid"),
        ("openid api:read", "openid api:read"),
        ("api:read api:read", "api:read"),
        (SCOPE, SCOPE),
        (None, SCOPE),
        ("", SCOPE),
    ],
)
async def test_narrowing_narrows_the_token_and_not_the_grant(
    party: RelyingParty, asked: str | None, given: str
) -> None:
    first = await party.log_in(scope=SCOPE)

    narrowed = await party.refresh(first.refresh_token, scope=asked)

    assert narrowed.body["scope"] == claims_of(narrowed.access_token)["scope"] == given
    assert ("id_token" in narrowed.body) == ("openid" in given.split())
    assert (await party.refresh(narrowed.refresh_token)).body["scope"] == SCOPE


@pytest.mark.requirement("security 19: neither scope nor resource can be widened")
@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"scope": "openid api:read api:write"}, "invalid_scope"),
        ({"scope": "api:write"}, "invalid_scope"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"scope": "nothing"}, "invalid_scope"),
        ({"scope": "OPENID"}, "invalid_scope"),
        ({"scope": 'open"id'}, "invalid_scope"),
        ({"scope": "openid\tapi:read"}, "invalid_scope"),
        ({"resource": "https://other.example/"}, "invalid_target"),
        ({"resource": "https://api.example/v1"}, "invalid_target"),
        ({"resource": "https://api.example/#x"}, "invalid_target"),
        ({"resource": "relative"}, "invalid_target"),
    ],
    ids=lambda value: "=".join(*value.items()) if isinstance(value, dict) else value,
)
async def test_asking_for_more_is_refused_and_does_not_rotate(
    party: RelyingParty, params: dict[str, str], error: str
) -> None:
    first = await party.log_in(scope=SCOPE)
    second = await party.refresh(first.refresh_token)

    for _ in range(2):
        require_refusal(await party.refresh(second.refresh_token, **params), error)

    # Only while nothing has moved since is the first one still an honest retry.
    assert (await party.refresh(first.refresh_token)).refresh_token == second.refresh_token
    assert (await party.refresh(second.refresh_token)).status == 200


@pytest.mark.requirement("security 19: bound to consented scope and resources")
@pytest.mark.parametrize("left", ["openid api:read offline_access", "openid offline_access", "api:read"])
async def test_what_the_client_has_lost_is_missing_from_the_next_token(
    make_party: MakeParty, administration: Administration, left: str
) -> None:
    party = await make_party(
        await administration.create_web_client(scope=("openid", "offline_access", "api:read", "api:write"))
    )
    replies = [await party.log_in(scope="openid offline_access api:read api:write")]

    await administration.change_client(party.client, scope=tuple(left.split()))

    async def is_narrowed() -> bool:
        replies.append(await party.refresh(replies[-1].refresh_token))
        return set(replies[-1].body["scope"].split()) == set(left.split())

    await eventually(is_narrowed)
    claims = claims_of(replies[-1].access_token)
    assert set(claims["scope"].split()) == set(left.split())
    assert claims["aud"] == ("https://api.example/" if "api:read" in left else party.issuer)


@pytest.mark.requirement("security 19: bound to the client")
async def test_a_client_that_loses_the_refresh_grant_cannot_refresh(
    party: RelyingParty, administration: Administration
) -> None:
    replies = [await party.log_in(scope=SCOPE)]

    await administration.change_client(party.client, grant_types=frozenset({"authorization_code"}))

    async def is_refused() -> bool:
        reply = await party.refresh(replies[-1].refresh_token)
        replies.append(reply if reply.status == 200 else replies[-1])
        return reply.error == "unauthorized_client"

    await eventually(is_refused)


@pytest.mark.requirement("security 17: truncated, extended or re-cased values are invalid")
async def test_a_value_that_is_nearly_a_refresh_token_is_none_and_ends_nothing(party: RelyingParty) -> None:
    token = (await party.log_in(scope=SCOPE)).refresh_token
    body = token.removeprefix("vk_rt_")
    mutations = [
        token[:-1],
        token + "A",
        token + "=",
        token + " ",
        " " + token,
        token.swapcase(),
        body,
        "vk_ac_" + body,
        token[:-1] + ("A" if token[-1] != "A" else "B"),
        # The generation lies behind the 16 bytes of the authorization's id.
        "vk_rt_" + body[:24] + ("A" if body[24] != "A" else "B") + body[25:],
        "vk_rt_" + "A" * len(body),
        token * 100,
        "vk_rt_" + body + "é",
    ]

    for value in mutations:
        require_refusal(await party.refresh(value), "invalid_grant")

    assert (await party.refresh(token)).status == 200
