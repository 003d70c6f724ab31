"""RFC 8252 §8.6, OAuth 2.1 §7.3.1: whom an operator spares the question, and that no other is spared it."""

import pytest

from support.administration import CALLBACK, Administration
from support.eventually import eventually
from support.front_channel import heading, response_of
from support.relying_party import RelyingParty
from support.steps import reach
from support.systems import MakeParty
from valetkey.core.client.client import ConsentPolicy

ASK, REMEMBER, TRUSTED = ConsentPolicy
METHODS = ("client_secret_basic", "client_secret_post", "none")
MODES = ("query", "form_post")
LOOPBACK, PRIVATE = "http://127.0.0.1/callback", "com.example.app:/callback"


async def party_with(
    make_party: MakeParty,
    administration: Administration,
    consent: ConsentPolicy | None,
    method: str = "none",
    redirect_uri: str = CALLBACK,
) -> RelyingParty:
    client = await administration.create_web_client(method, consent=consent, redirect_uris=(redirect_uri,))
    return await make_party(client)


async def silently(party: RelyingParty, mode: str = "query", **changes: str) -> str | None:
    """The error of `prompt=none`, None where it was answered with a code."""
    answer = await party.start(prompt="none", response_mode=mode, **changes)
    return response_of(answer, party.client.redirect_uri).error


@pytest.mark.requirement("RFC 8252 §8.6: a client that its https redirect URI proves may be remembered")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("consent", [None, *ConsentPolicy])
async def test_who_is_asked_at_first_and_again(
    make_party: MakeParty, administration: Administration, consent: ConsentPolicy | None, method: str, mode: str
) -> None:
    party = await party_with(make_party, administration, consent, method)
    counts = consent or (ASK if method == "none" else REMEMBER)

    first = await party.sign_in(await party.start(response_mode=mode))
    before = await silently(party, mode)
    assert response_of(await party.walk(first), CALLBACK).code
    after = await silently(party, mode)
    more = await silently(party, mode, scope="openid email")

    assert [before, after, more] == {
        ASK: ["consent_required"] * 3,
        REMEMBER: ["consent_required", None, "consent_required"],
        TRUSTED: [None] * 3,
    }[counts]


@pytest.mark.requirement("RFC 8252 §8.6: without an https redirect URI users of public clients are asked every time")
@pytest.mark.parametrize("redirect_uri", [LOOPBACK, PRIVATE])
@pytest.mark.parametrize("consent", ConsentPolicy)
async def test_what_only_the_device_can_tell_is_asked_every_time(
    make_party: MakeParty, administration: Administration, consent: ConsentPolicy, redirect_uri: str
) -> None:
    party = await party_with(make_party, administration, consent, redirect_uri=redirect_uri)
    await party.authorize()

    page = await party.start()

    assert "has not been verified" in page.page.text
    assert await silently(party) == "consent_required"


@pytest.mark.requirement("OIDC Core §3.1.2.1: prompt=consent asks again, but of a first party there is nothing to ask")
@pytest.mark.parametrize(("consent", "asks"), [(ASK, True), (REMEMBER, True), (TRUSTED, False)])
async def test_prompt_consent(
    make_party: MakeParty, administration: Administration, consent: ConsentPolicy, asks: bool
) -> None:
    party = await party_with(make_party, administration, consent)
    await party.authorize()

    assert (await party.start(prompt="consent")).is_redirect is not asks


@pytest.mark.requirement(
    "security 21: a withdrawal ends what a trusted client was given, and nothing is agreed to for it"
)
async def test_what_a_trusted_client_was_given_can_be_withdrawn(
    make_party: MakeParty, administration: Administration
) -> None:
    party = await party_with(make_party, administration, TRUSTED)
    assert party.person is not None
    tokens = await party.log_in(scope="openid offline_access")
    code = await party.authorize()

    await administration.withdraw_consent(party.person, party.client)

    assert (await party.refresh(tokens.refresh_token)).error == "invalid_grant"
    assert (await party.redeem(code)).error == "invalid_grant"
    assert (await party.log_in()).status == 200


@pytest.mark.requirement("security 43: what a user has not agreed to is asked for once the client is trusted no more")
async def test_trust_leaves_no_agreement_behind(make_party: MakeParty, administration: Administration) -> None:
    party = await party_with(make_party, administration, TRUSTED, "client_secret_basic")
    await party.authorize()

    await administration.change_client(party.client, consent=REMEMBER)

    async def is_asked() -> bool:
        # Until the service has heard of it, the client is trusted.
        return await silently(party) == "consent_required"

    await eventually(is_asked)


@pytest.mark.requirement("security 42: a trusted client's user signs in all the same")
@pytest.mark.parametrize("prompt", ["login", "select_account"])
async def test_trust_skips_no_other_step(make_party: MakeParty, administration: Administration, prompt: str) -> None:
    party = await party_with(make_party, administration, TRUSTED)
    await party.authorize()

    page = await party.start(prompt=prompt)

    assert heading(page) == ("Confirm that it is you" if prompt == "login" else "Choose an account")
    assert response_of(await party.walk(page), CALLBACK).code


@pytest.mark.requirement("security 43: who is not the one that is signed in can say so on the consent page")
async def test_not_you_leads_to_the_login_of_another_account(
    make_party: MakeParty, administration: Administration
) -> None:
    party, other = await make_party(), await administration.create_user()
    page = await reach(party, "consent")

    login = await party.browser.follow(await party.browser.submit(page, action="another"), within=party.issuer)
    asked = await party.sign_in(login, other)

    assert heading(login) == "Sign in"
    assert other.username in asked.page.text
    assert response_of(await party.browser.submit(asked, action="allow"), CALLBACK).code


@pytest.mark.requirement("security 11: the form of one step answers for no other")
async def test_not_you_cannot_be_taken_back_without_choosing(make_party: MakeParty) -> None:
    party = await make_party()
    page = await reach(party, "consent")
    await party.browser.submit(page, action="another")

    refused = await party.browser.follow(await party.browser.submit(page, action="allow"), within=party.issuer)

    assert heading(refused) == "Choose an account"
