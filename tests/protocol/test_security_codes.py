"""Authorization codes: bound, short, and good for one success ever. Security items 14 to 18."""

import asyncio
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from support.administration import CALLBACK, FULL_SCOPE, Administration
from support.captured_output import captured_output
from support.refusal import require_refusal
from support.relying_party import CodeResponse, RelyingParty, Reply
from support.system import System
from support.systems import MakeParty, StartSystem

METHODS = ("client_secret_basic", "client_secret_post", "none")
SECOND_CALLBACK = "https://client.example/second"


@dataclass(frozen=True)
class Redeemed:
    """A code that has been redeemed, and everything that came of it."""

    party: RelyingParty
    api: RelyingParty
    code: CodeResponse
    tokens: Reply

    async def is_alive(self) -> tuple[bool, bool, bool]:
        """Whether introspection, UserInfo and a refresh still go by the first tokens."""
        introspected = await self.api.introspect(self.tokens.access_token)
        userinfo = await self.party.userinfo(self.tokens.access_token)
        refreshed = await self.party.refresh(self.tokens.refresh_token)
        return introspected.active, userinfo.status == 200, refreshed.status == 200


@pytest.fixture(scope="module")
def hasty(start_system: StartSystem) -> System:
    """A system whose codes live as short as settings allow."""
    return start_system(changes={"authorization_code_lifetime": "5s"})


ALIVE, DEAD = (True, True, True), (False, False, False)


async def redeemed(make_party: MakeParty, api: RelyingParty, method: str, scope: str = "openid api:read") -> Redeemed:
    party = await make_party(method=method)
    code = await party.authorize(scope=scope)
    tokens = await party.redeem(code)
    assert tokens.status == 200
    return Redeemed(party, api, code, tokens)


@pytest.mark.requirement("RFC 6749 §4.1.2: a code MUST NOT be used more than once")
@pytest.mark.requirement("security 15: a valid replay revokes what was issued")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scope", ["openid api:read", "openid offline_access api:read"])
async def test_a_valid_replay_is_refused_and_kills_what_the_first_redemption_got(
    make_party: MakeParty, api: RelyingParty, method: str, scope: str
) -> None:
    first = await redeemed(make_party, api, method, scope)

    second = await first.party.redeem(first.code)

    require_refusal(second, "invalid_grant")
    assert await first.is_alive() == DEAD


@pytest.mark.requirement("security 15: a valid replay revokes what was issued")
async def test_a_replay_kills_the_tokens_of_refreshes_too(make_party: MakeParty, api: RelyingParty) -> None:
    first = await redeemed(make_party, api, "client_secret_basic")
    refreshed = await first.party.refresh(first.tokens.refresh_token)

    await first.party.redeem(first.code)

    later = replace(first, tokens=refreshed)
    assert await later.is_alive() == DEAD


@pytest.mark.requirement("security 15: an invalid replay revokes nothing")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("mistake", ["client", "verifier", "no verifier", "redirect_uri", "client and verifier"])
async def test_an_invalid_replay_is_refused_and_ends_nothing(
    make_party: MakeParty, api: RelyingParty, method: str, mistake: str
) -> None:
    first = await redeemed(make_party, api, method)
    thief = await make_party(method=method) if mistake.startswith("client") else first.party
    changes: dict[str, dict[str, str | None]] = {
        "client": {},
        "verifier": {"code_verifier": "v" * 64},
        "no verifier": {"code_verifier": None},
        "redirect_uri": {"redirect_uri": SECOND_CALLBACK},
        "client and verifier": {"code_verifier": "v" * 64},
    }

    second = await thief.redeem(first.code, **changes[mistake])

    require_refusal(second, "invalid_request" if mistake == "no verifier" else "invalid_grant")
    assert await first.is_alive() == ALIVE


@pytest.mark.requirement("security 15: an invalid replay revokes nothing")
async def test_a_replay_without_authentication_ends_nothing(make_party: MakeParty, api: RelyingParty) -> None:
    first = await redeemed(make_party, api, "client_secret_basic")
    impostor = await make_party(replace(first.party.client, client_secret="w" * 43))

    require_refusal(await impostor.redeem(first.code), "invalid_client")
    assert await first.is_alive() == ALIVE


@pytest.mark.requirement("security 14: client, challenge and redirect URI are bound to the code")
@pytest.mark.requirement("security 49: the reason is for the log")
async def test_the_log_names_the_part_that_does_not_match_and_the_answer_does_not(make_party: MakeParty) -> None:
    party, other = await make_party(), await make_party()
    code = await party.authorize()
    wrong: dict[str, str | None] = {"code_verifier": "v" * 64, "redirect_uri": SECOND_CALLBACK}
    attempts: dict[str, tuple[RelyingParty, dict[str, str | None]]] = {
        "code is mismatched: client_id": (other, {}),
        "code is mismatched: code_verifier": (party, {"code_verifier": "v" * 64}),
        "code is mismatched: redirect_uri": (party, {"redirect_uri": SECOND_CALLBACK}),
        "code is mismatched: client_id, code_verifier, redirect_uri": (other, wrong),
        "code is unknown": (party, {"code": f"vk_ac_{'A' * 43}"}),
    }

    with captured_output() as heard:
        refused = [await who.redeem(code, **changes) for who, changes in attempts.values()]

    for reply in refused:
        require_refusal(reply, "invalid_grant")
    answers = {
        (
            json.dumps(reply.body).replace(reply.headers["X-Trace-Id"], "reference"),
            tuple((name, value) for name, value in reply.headers.items() if name not in {"X-Trace-Id", "Date"}),
        )
        for reply in refused
    }
    assert len(answers) == 1
    lines = [json.loads(line) for line in heard.getvalue().splitlines() if line.startswith("{")]
    audited = [line["reason"] for line in lines if line.get("type") == "token.refused"]
    logged = [line["reason"] for line in lines if line.get("message") == "refused"]
    assert audited == logged == list(attempts)
    assert (await party.redeem(code)).status == 200


@pytest.mark.requirement("security 14: client, challenge and redirect URI are bound to the code")
@pytest.mark.parametrize("owner", METHODS)
@pytest.mark.parametrize("thief", METHODS)
async def test_another_client_cannot_redeem_a_code_and_cannot_spend_it(
    make_party: MakeParty, owner: str, thief: str
) -> None:
    party, other = await make_party(method=owner), await make_party(method=thief)
    code = await party.authorize()

    refused = await other.redeem(code)

    require_refusal(refused, "invalid_grant")
    assert (await party.redeem(code)).status == 200


@pytest.mark.requirement("security 14: client, challenge and redirect URI are bound to the code")
@pytest.mark.parametrize(
    "redirect_uri",
    [
        SECOND_CALLBACK,
        CALLBACK + "/",
        CALLBACK.upper(),
        CALLBACK + "?",
        CALLBACK + "#",
        CALLBACK.replace("https", "http"),
        CALLBACK.replace("callback", "call%62ack"),
        " " + CALLBACK,
        "x",
    ],
)
async def test_another_redirect_uri_is_refused_however_close_and_costs_nothing(
    make_party: MakeParty, administration: Administration, redirect_uri: str
) -> None:
    client = await administration.create_web_client(redirect_uris=(CALLBACK, SECOND_CALLBACK))
    party = await make_party(client)
    code = await party.authorize()

    refused = await party.redeem(code, redirect_uri=redirect_uri)

    require_refusal(refused, "invalid_grant")
    assert (await party.redeem(code)).status == 200


@pytest.mark.requirement("OAuth 2.1 §10.2: redirect_uri may be left out at the token endpoint")
@pytest.mark.parametrize("redirect_uri", [None, ""], ids=["missing", "empty"])
async def test_a_code_can_be_redeemed_without_repeating_the_redirect_uri(
    party: RelyingParty, redirect_uri: str | None
) -> None:
    code = await party.authorize()

    assert (await party.redeem(code, redirect_uri=redirect_uri)).status == 200


@pytest.mark.requirement("security 14: the resource and the nonce are bound to the code")
async def test_what_was_authorized_cannot_be_changed_when_the_code_is_redeemed(
    party: RelyingParty, api: RelyingParty
) -> None:
    code = await party.authorize(scope="openid api:read", nonce="n-1")

    reply = await party.redeem(
        code, scope=" ".join(FULL_SCOPE), nonce="n-2", code_challenge="x", sub="x", state="x", claims="{}"
    )

    assert reply.body["scope"] == "openid api:read"
    assert (await api.introspect(reply.access_token)).body["scope"] == "openid api:read"


@pytest.mark.requirement("security 17: truncated, extended or re-cased values are invalid")
@pytest.mark.parametrize(
    "mutate",
    [
        lambda code: code[:-1],
        lambda code: code + "A",
        lambda code: code + " ",
        lambda code: " " + code,
        lambda code: code + "=",
        lambda code: code + "\n",
        lambda code: code.swapcase(),
        lambda code: code.removeprefix("vk_ac_"),
        lambda code: code[:-1] + ("A" if code[-1] != "A" else "B"),
        lambda code: code.replace("vk_ac_", "vk_rt_"),
        lambda code: code[:6] + code[6:][::-1],
        lambda code: code * 200,
        lambda code: code + "*",
    ],
    ids=[
        "truncated", "extended", "space after", "space before", "padded", "line feed", "re-cased", "without prefix",
        "last character", "another prefix", "backwards", "huge", "wildcard",
    ],
)  # fmt: skip
async def test_a_value_that_is_nearly_a_code_is_none(party: RelyingParty, mutate: Callable[[str], str]) -> None:
    code = await party.authorize()

    refused = await party.redeem(code, code=mutate(code.code))

    require_refusal(refused, "invalid_grant")
    assert (await party.redeem(code)).status == 200


@pytest.mark.requirement("security 17: 160 bits of entropy")
async def test_codes_share_nothing_but_their_prefix(party: RelyingParty) -> None:
    codes = [(await party.authorize()).code.removeprefix("vk_ac_") for _ in range(8)]

    assert all(len(code) == 43 for code in codes)
    assert all(len(set(column)) > 1 for column in list(zip(*codes, strict=True))[:-1])


@pytest.mark.requirement("security 18: a value of one kind can never be looked up as another")
async def test_no_other_value_of_ours_is_taken_for_a_code_or_a_refresh_token(
    party: RelyingParty, api: RelyingParty
) -> None:
    tokens = await party.log_in(scope="openid api:read")
    code = await party.authorize()
    session = next(value for name, value in party.browser.cookies.items() if name.endswith("vk_session"))
    values = [tokens.access_token, tokens.body["id_token"], session, secrets.token_urlsafe(32)]

    for value in [*values, tokens.refresh_token]:
        require_refusal(await party.redeem(code, code=value), "invalid_grant")
    for value in [*values, code.code]:
        require_refusal(await party.refresh(value), "invalid_grant")
    assert (await api.introspect(tokens.access_token)).active
    assert (await party.redeem(code)).status == 200


@pytest.mark.requirement("security 15: one success per code under any number of parallel redemptions")
@pytest.mark.parametrize("method", METHODS)
async def test_of_parallel_redemptions_one_succeeds(make_party: MakeParty, api: RelyingParty, method: str) -> None:
    party = await make_party(method=method)
    code = await party.authorize(scope="openid api:read")

    replies = await asyncio.gather(*(party.redeem(code) for _ in range(12)))

    successes = [reply for reply in replies if reply.status == 200]
    assert len(successes) == 1
    for refused in (reply for reply in replies if reply.status != 200):
        require_refusal(refused, "invalid_grant")
    assert not (await api.introspect(successes[0].access_token)).active
    assert (await party.refresh(successes[0].refresh_token)).error == "invalid_grant"


@pytest.mark.requirement("security 16: codes live 60 seconds at most")
async def test_a_code_is_dead_once_its_lifetime_is_over(hasty: System, make_party: MakeParty) -> None:
    party = await make_party(at=hasty)
    in_time, late = await party.authorize(), await party.authorize()
    assert (await party.redeem(in_time)).status == 200

    await asyncio.sleep(5.1)

    require_refusal(await party.redeem(late), "invalid_grant")
