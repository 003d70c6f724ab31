"""OAuth 2.1 §7.5.1: a confidential client that an operator lets off PKCE, and every other client beside it."""

import pytest

from support.administration import CALLBACK, Administration
from support.front_channel import response_of
from support.refusal import require_refusal
from support.relying_party import RelyingParty
from support.systems import MakeParty
from valetkey.core.client.client import PkcePolicy

NONE = {"code_challenge": None, "code_challenge_method": None}
METHODS = ("client_secret_basic", "client_secret_post", "none")
MODES = ("query", "form_post")
CONFIDENTIAL = METHODS[:2]
LET_OFF = (PkcePolicy.OPTIONAL, PkcePolicy.OPTIONAL_WITHOUT_NONCE)


async def party_with(
    make_party: MakeParty, administration: Administration, pkce: PkcePolicy, method: str = "client_secret_basic"
) -> RelyingParty:
    return await make_party(await administration.create_web_client(method, pkce=pkce))


@pytest.mark.requirement(
    "OAuth 2.1 §7.5.1: a nonce may stand in for PKCE of a confidential client; public ones need it"
)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("pkce", PkcePolicy)
@pytest.mark.parametrize(
    "asked",
    [{"scope": "openid", "nonce": "n"}, {"scope": "openid"}, {"scope": "api:read", "nonce": "n"}],
    ids=["nonce", "no nonce", "no openid"],
)
async def test_who_may_leave_the_challenge_out(
    make_party: MakeParty,
    administration: Administration,
    pkce: PkcePolicy,
    method: str,
    mode: str,
    asked: dict[str, str],
) -> None:
    party = await party_with(make_party, administration, pkce, method)
    permitted = {
        PkcePolicy.REQUIRED: False,
        PkcePolicy.OPTIONAL: asked == {"scope": "openid", "nonce": "n"},
        PkcePolicy.OPTIONAL_WITHOUT_NONCE: True,
    }[pkce]

    answer = await party.start(**NONE, **asked, response_mode=mode)

    if permitted and method in CONFIDENTIAL:
        assert response_of(await party.walk(answer), CALLBACK).code
    else:
        assert response_of(answer, CALLBACK).error == "invalid_request"


@pytest.mark.requirement("RFC 9700 §2.1.1: a verifier if and only if there was a challenge, for who is let off too")
@pytest.mark.parametrize("method", CONFIDENTIAL)
@pytest.mark.parametrize("pkce", LET_OFF)
@pytest.mark.parametrize("with_challenge", [True, False], ids=["challenge", "no challenge"])
@pytest.mark.parametrize("with_verifier", [True, False], ids=["verifier", "no verifier"])
async def test_a_verifier_is_due_exactly_where_a_challenge_was_sent(
    make_party: MakeParty,
    administration: Administration,
    method: str,
    pkce: PkcePolicy,
    with_challenge: bool,
    with_verifier: bool,
) -> None:
    party = await party_with(make_party, administration, pkce, method)
    code = await party.authorize(nonce="n", **({} if with_challenge else NONE))

    reply = await party.redeem(code, **({} if with_verifier else {"code_verifier": None}))

    if with_challenge is with_verifier:
        assert reply.status == 200
    else:
        require_refusal(reply, "invalid_grant")
        again = await party.redeem(code, **({} if with_challenge else {"code_verifier": None}))
        assert again.status == 200


@pytest.mark.requirement("security 12: plain, a missing method and a malformed challenge are refused to everybody")
@pytest.mark.parametrize(
    "sent",
    [
        {"code_challenge_method": "plain"},
        {"code_challenge_method": None},
        {"code_challenge": None},
        {"code_challenge": "a" * 42},
    ],
    ids=str,
)
async def test_half_a_challenge_is_refused(
    make_party: MakeParty, administration: Administration, sent: dict[str, str | None]
) -> None:
    party = await party_with(make_party, administration, PkcePolicy.OPTIONAL_WITHOUT_NONCE)

    assert response_of(await party.start(**sent, nonce="n"), CALLBACK).error == "invalid_request"


@pytest.mark.requirement("security 15: a replay revokes what was issued, without PKCE too")
async def test_a_code_without_a_challenge_is_good_once(make_party: MakeParty, administration: Administration) -> None:
    party = await party_with(make_party, administration, PkcePolicy.OPTIONAL)
    code = await party.authorize(nonce="n", **NONE)
    first = await party.redeem(code, code_verifier=None)

    second = await party.redeem(code, code_verifier=None)

    require_refusal(second, "invalid_grant")
    assert (await party.refresh(first.refresh_token)).error == "invalid_grant"


@pytest.mark.requirement("security 14: a code is bound to its client, without PKCE too")
async def test_another_client_that_is_let_off_cannot_redeem_it(
    make_party: MakeParty, administration: Administration
) -> None:
    one = await party_with(make_party, administration, PkcePolicy.OPTIONAL)
    other = await party_with(make_party, administration, PkcePolicy.OPTIONAL)
    code = await one.authorize(nonce="n", **NONE)

    require_refusal(await other.redeem(code, code_verifier=None), "invalid_grant")
    assert (await one.redeem(code, code_verifier=None)).status == 200
