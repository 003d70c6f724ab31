"""RFC 7636 at the token endpoint: the proof, of every client, every time."""

import string

import pytest

from support.refusal import require_refusal
from support.relying_party import CodeResponse, RelyingParty, challenge_for
from support.systems import MakeParty

METHODS = ("client_secret_basic", "client_secret_post", "none")
UNRESERVED = string.ascii_letters + string.digits + "-._~"


async def code_for(party: RelyingParty, verifier: str) -> CodeResponse:
    """A code whose challenge this verifier answers."""
    answer = await party.walk(await party.start(verifier))
    assert answer.is_redirect
    return CodeResponse(dict(pair.split("=", 1) for pair in answer.location.partition("?")[2].split("&")), verifier)


@pytest.mark.requirement("RFC 7636 §4.1: 43 to 128 unreserved characters")
@pytest.mark.parametrize(
    "verifier",
    [
        "a" * 43,
        UNRESERVED[:43],
        UNRESERVED,
        (UNRESERVED * 2)[:128],
        "~" * 128,
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    ],
)
async def test_every_verifier_within_the_grammar_is_accepted(party: RelyingParty, verifier: str) -> None:
    code = await code_for(party, verifier)

    assert (await party.redeem(code)).status == 200


@pytest.mark.requirement("security 12: wrong alphabet, wrong length and plain are refused")
@pytest.mark.parametrize(
    "verifier",
    ["a" * 42, "a" * 129, "a" * 42 + "+", "a" * 42 + "/", "a" * 42 + "=", "a" * 42 + " ", "a" * 42 + "é", "a" * 9000],
    ids=["42", "129", "plus", "slash", "equals", "space", "not ASCII", "huge"],
)
async def test_a_verifier_outside_the_grammar_is_refused_even_where_its_digest_fits(
    party: RelyingParty, verifier: str
) -> None:
    code = await code_for(party, verifier)

    require_refusal(await party.redeem(code), "invalid_grant")


@pytest.mark.requirement("security 12: PKCE S256 for every client")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("mistake", ["another", "the challenge", "re-cased", "extended", "truncated"])
async def test_a_wrong_verifier_is_refused_and_costs_nothing(make_party: MakeParty, method: str, mistake: str) -> None:
    party = await make_party(method=method)
    code = await party.authorize()
    wrong = {
        "another": "a" * 64,
        "the challenge": challenge_for(code.verifier),
        "re-cased": code.verifier.swapcase(),
        "extended": code.verifier + "a",
        "truncated": code.verifier[:-1],
    }[mistake]

    refused = await party.redeem(code, code_verifier=wrong)

    require_refusal(refused, "invalid_grant")
    assert (await party.redeem(code)).status == 200


@pytest.mark.requirement("security 13: a verifier if and only if there was a challenge")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("verifier", [None, ""], ids=["missing", "empty"])
async def test_no_verifier_is_refused_to_every_kind_of_client_and_costs_nothing(
    make_party: MakeParty, method: str, verifier: str | None
) -> None:
    party = await make_party(method=method)
    code = await party.authorize()

    refused = await party.redeem(code, code_verifier=verifier)

    require_refusal(refused, "invalid_request")
    assert (await party.redeem(code)).status == 200


@pytest.mark.requirement("RFC 9700 §4.8.2: a code cannot be moved to another challenge")
async def test_codes_of_one_client_cannot_be_redeemed_with_each_others_verifiers(party: RelyingParty) -> None:
    first, second = await party.authorize(), await party.authorize()

    crossed = [
        await party.redeem(first, code_verifier=second.verifier),
        await party.redeem(second, code_verifier=first.verifier),
    ]

    for refused in crossed:
        require_refusal(refused, "invalid_grant")
    assert [(await party.redeem(code)).status for code in (first, second)] == [200, 200]
