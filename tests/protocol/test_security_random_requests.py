"""Security 3, 6 and 49 once more, by chance: whatever is combined, no browser is sent elsewhere and nothing breaks."""

import random
from urllib.parse import urlencode

import pytest

from support.browser import Answer, Pairs, form_of
from support.relying_party import RelyingParty
from support.systems import MakeParty

ROUNDS = 300
LONGEST_QUERY = 7000
ENDPOINTS = (*["/authorize"] * 6, "/login", "/consent", "/select-account", "/logout")
NAMES = (
    "response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method", "nonce",
    "prompt", "max_age", "login_hint", "id_token_hint", "claims", "resource", "acr_values", "response_mode", "request",
    "display", "interaction", "action", "csrf_token", "username", "password", "post_logout_redirect_uri",
)  # fmt: skip
VALUES = (
    "", " ", "a", "0", "-1", "9" * 10, "9" * 400, "\u0661", "\N{GRINNING FACE}", "\u202e", "\u2028", "\x7f", "\r\n",
    "%00", "&", "=", "+", "\\", "'", '"', "<", "x" * 3000, ".", "..", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "A" * 43,
    "none", "login", "consent", "openid", "openid profile", "code", "query", "form_post", "fragment", "S256", "allow",
    "https://api.example/", "https://evil.example/", "//evil.example", "urn:x", "a:b", "://", "null", "[]", "{}",
    '{"id_token":null}', '{"id_token":{"acr":null}}', '{"id_token":{"acr":{"essential":true,"values":[]}}}',
    '{"userinfo":{"sub":{"value":"\\u0000"}}}', '{"id_token":{"sub":{"value":"\\udfff"}}}',
    '{"id_token":{"acr":{"values":"x","essential":1}}}', '{"id_token":{"name":{"value":1e999}}}',
)  # fmt: skip


class Dice:
    """Requests by chance, the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    async def send(self, party: RelyingParty) -> tuple[Answer, Pairs]:
        """A request of this browser that is almost right, or all wrong."""
        url = f"{party.issuer}{self._random.choice(ENDPOINTS)}"
        pairs = party.request_params("v" * 43) if self._random.random() < 0.9 else []
        if not url.endswith("/authorize") and self._random.random() < 0.3:
            page = await party.start(prompt="consent login")
            pairs += form_of(page).fields
        for _ in range(self._random.randrange(1, 4)):
            name = self._random.choice(NAMES)
            if self._random.random() < 0.8:
                pairs = [pair for pair in pairs if pair[0] != name]
            pairs.append((name, self._random.choice(VALUES)))
        is_posted = self._random.random() < 0.3 or len(urlencode(pairs)) > LONGEST_QUERY
        return await (party.browser.post if is_posted else party.browser.get)(url, pairs), pairs


@pytest.mark.requirement("security 3: no redirect to what is not registered, in any combination")
@pytest.mark.requirement("security 49: no combination of parameters is a fault of ours")
@pytest.mark.parametrize("seed", range(4))
async def test_requests_by_chance_lead_nowhere_new(make_party: MakeParty, seed: int) -> None:
    signed_in = await make_party()
    signed_out = await make_party(signed_in.client)
    await signed_in.authorize()
    dice, homes = Dice(seed), (f"{signed_in.issuer}/", signed_in.client.redirect_uri)

    for number in range(ROUNDS):
        answer, pairs = await dice.send(signed_in if number % 2 else signed_out)

        assert answer.status < 500, (answer.url, pairs)
        assert not answer.is_redirect or answer.location.startswith(homes), (answer.location, pairs)
