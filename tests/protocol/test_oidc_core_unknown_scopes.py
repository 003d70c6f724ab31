"""OIDC Core §3.1.2.1: with `openid`, scopes that are not understood are ignored; without it they are refused."""

import pytest

from support.administration import CALLBACK, Administration
from support.captured_output import captured_output
from support.front_channel import response_of
from support.relying_party import RelyingParty
from support.systems import MakeParty
from support.tokens import claims_of

METHODS = ("client_secret_basic", "client_secret_post", "none")
MODES = ("query", "form_post")


@pytest.mark.requirement("OIDC Core §3.1.2.1: scope values that are not understood are ignored")
@pytest.mark.requirement("RFC 6749 §5.1: the scope of the answer says what was granted")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("openid nosuch", "openid"),
        ("nosuch openid https://graph.example/User.Read profile", "openid profile"),
        ("  openid   profile ", "openid profile"),
    ],
)
async def test_the_token_response_says_what_was_granted(
    make_party: MakeParty, method: str, asked: str, granted: str
) -> None:
    party = await make_party(method=method)

    tokens = await party.log_in(scope=asked)
    refreshed = await party.refresh(tokens.refresh_token)

    assert tokens.body["scope"] == claims_of(tokens.access_token)["scope"] == granted
    assert refreshed.body["scope"] == granted


@pytest.mark.requirement("OIDC Core §3.1.2.1: scope values that are not understood are ignored")
@pytest.mark.parametrize("mode", MODES)
async def test_consent_that_was_given_covers_what_is_left(party: RelyingParty, mode: str) -> None:
    await party.authorize(scope="openid profile")

    silent = await party.start(scope="openid profile nosuch", prompt="none", response_mode=mode)

    assert response_of(silent, CALLBACK).code


@pytest.mark.requirement("OIDC Core §3.1.2.1: scopes about the user that the client has not are ignored")
async def test_a_scope_about_the_user_that_is_not_registered_is_ignored(
    make_party: MakeParty, administration: Administration
) -> None:
    party = await make_party(await administration.create_web_client(scope=("openid", "email")))

    assert (await party.log_in(scope="openid profile email address")).body["scope"] == "openid email"


@pytest.mark.requirement("OIDC Core §11: offline_access is ignored where no refresh token can be given")
@pytest.mark.parametrize("registered", [("openid",), ("openid", "offline_access")], ids=len)
async def test_offline_access_is_ignored_without_the_refresh_grant(
    make_party: MakeParty, administration: Administration, registered: tuple[str, ...]
) -> None:
    client = await administration.create_web_client(scope=registered, grants=("authorization_code",))
    party = await make_party(client)

    tokens = await party.log_in(scope="openid offline_access")

    assert tokens.body["scope"] == "openid"
    assert "refresh_token" not in tokens.body


@pytest.mark.requirement("RFC 6749 §3.3: elsewhere an unknown scope is invalid_scope")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("scope", ["nosuch", "profile nosuch", "openid other:read", "OpenID"])
async def test_without_openid_and_for_rights_it_is_refused(party: RelyingParty, scope: str, mode: str) -> None:
    answer = await party.start(scope=scope, response_mode=mode)

    assert response_of(answer, CALLBACK).error == "invalid_scope"


@pytest.mark.requirement("RFC 6749 §3.3: elsewhere an unknown scope is invalid_scope")
async def test_a_refresh_may_not_ask_for_it(party: RelyingParty) -> None:
    tokens = await party.log_in(scope="openid nosuch")

    refused = await party.refresh(tokens.refresh_token, scope="openid nosuch")
    spaced = await party.refresh(tokens.refresh_token, scope="  openid ")

    assert refused.error == "invalid_scope"
    assert spaced.body["scope"] == "openid"


async def test_one_line_of_the_log_per_client_names_what_was_ignored(make_party: MakeParty) -> None:
    one, other = await make_party(), await make_party()

    with captured_output() as heard:
        for scope in ("openid", "openid nosuch:one", "openid nosuch:one", "openid nosuch:two"):
            await one.start(scope=scope)
        await other.start(scope="openid nosuch:three")

    lines = [line for line in heard.getvalue().splitlines() if "scopes ignored" in line and line.startswith("{")]
    assert [name in line for line, name in zip(lines, ("nosuch:one", "nosuch:three"), strict=True)] == [True, True]
    assert one.client.client_id in lines[0]


@pytest.mark.parametrize("prompt", [" login", "login ", "login  consent"])
async def test_spaces_in_prompt_are_no_reason_to_refuse(party: RelyingParty, prompt: str) -> None:
    answer = await party.walk(await party.start(prompt=prompt))

    assert response_of(answer, CALLBACK).code
