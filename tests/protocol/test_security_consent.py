"""Security 43: the consent page says who asks for what and where it goes; what was agreed to is remembered, or not."""

import json

import pytest

from support.administration import API, CALLBACK, OTHER_API, Administration
from support.browser import Answer
from support.eventually import eventually
from support.front_channel import heading, response_of
from support.relying_party import RelyingParty
from support.steps import reach
from support.systems import MakeParty
from support.tokens import claims_of

CONSENT = "Web application asks for access to your account"
UNVERIFIED = "The identity of this application has not been verified."
WORDS = {
    "openid": "Confirm who you are",
    "profile": "See your name and profile",
    "email": "See your e-mail address",
    "offline_access": "Keep this access while you are away",
    "api:read": "Read things of api",
    "api:write": "Write things of api",
}
PUBLIC, CONFIDENTIAL = "none", "client_secret_basic"


async def consent_page(party: RelyingParty, **changes: str | None) -> Answer:
    page = await party.start(**changes)
    return page if heading(page) != "Sign in" else await party.sign_in(page)


async def is_asked(party: RelyingParty, **changes: str | None) -> bool:
    """Whether the user is shown the page, which is what prompt=none reports as well."""
    answer = await party.start(**changes)
    silent = response_of(await party.start(**{**changes, "prompt": "none"}), CALLBACK).error
    assert (silent == "consent_required") is not answer.is_redirect
    return not answer.is_redirect


def grants(page: Answer) -> list[str]:
    return [item.text for item in page.page.find_all("li")]


@pytest.mark.requirement("security 43: consent shows the exact scopes in words, and nothing else")
@pytest.mark.parametrize(
    "scope",
    ["openid", "profile", "openid profile email", "openid api:read", "api:write api:read", " ".join(WORDS)],
)
@pytest.mark.parametrize("method", [CONFIDENTIAL, PUBLIC])
async def test_every_scope_is_shown_in_words(make_party: MakeParty, scope: str, method: str) -> None:
    party = await make_party(method=method)

    page = await consent_page(party, scope=scope)

    assert sorted(grants(page)) == sorted(WORDS[name] for name in scope.split())


@pytest.mark.requirement("security 43: consent shows the client, its identifier, the user and the redirect host")
@pytest.mark.parametrize(
    ("redirect_uri", "shown", "is_local"),
    [
        ("https://client.example/callback", "client.example", False),
        ("https://client.example:8443/callback", "client.example:8443", False),
        ("https://xn--80ak6aa92e.example/callback", "xn--80ak6aa92e.example", False),
        ("https://bank.example.evil.example/callback", "bank.example.evil.example", False),
        ("http://127.0.0.1:8000/callback", "127.0.0.1:8000", True),
        ("http://[::1]/callback", "[::1]", True),
        ("com.example.app:/callback", "com.example.app:", True),
    ],
)
@pytest.mark.parametrize("method", [CONFIDENTIAL, PUBLIC])
async def test_the_page_says_who_asks_and_where_it_leads(
    make_party: MakeParty, administration: Administration, redirect_uri: str, shown: str, is_local: bool, method: str
) -> None:
    party = await make_party(await administration.create_web_client(method, redirect_uris=(redirect_uri,)))

    page = await consent_page(party)

    told = dict(zip(*([fact.text for fact in page.page.find_all(tag)] for tag in ("dt", "dd")), strict=True))
    assert heading(page) == CONSENT
    assert told["Application identifier"] == party.client.client_id
    assert told["Afterwards you go to"] == (f"{shown} on this device" if is_local else shown)
    assert party.person is not None
    assert party.person.username in page.page.text
    # Only the host of an https redirect URI gets its answer, whose name the page shows. RFC 8252 §8.6.
    assert (UNVERIFIED in page.page.text) is (method == PUBLIC and not redirect_uri.startswith("https:"))


@pytest.mark.requirement("security 43: consent names the APIs, those without scopes too")
async def test_apis_are_shown_by_their_names(make_party: MakeParty, administration: Administration) -> None:
    client = await administration.create_web_client(resources=frozenset({OTHER_API}))
    party = await make_party(client)

    plain = await consent_page(party, scope="openid")
    with_scope = await consent_page(party, scope="openid api:read")
    with_resource = await consent_page(party, scope="openid", resource=OTHER_API)

    titles = [[title.text for title in page.page.find_all("h2")] for page in (plain, with_scope, with_resource)]
    assert titles == [
        ["It will be able to"],
        ["It will be able to", "In Api application, it will be able to"],
        ["It will be able to", "In Other application, it will be able to"],
    ]
    assert "Call it on your behalf" in grants(with_resource)


@pytest.mark.requirement("security 43: consent shows claims that were asked for one by one")
async def test_single_claims_are_shown_in_words(party: RelyingParty) -> None:
    claims = json.dumps({"userinfo": {"birthdate": None, "nosuch": None}, "id_token": {"email": {"essential": True}}})

    page = await consent_page(party, claims=claims)

    assert grants(page)[1:] == ["Your date of birth", "Your e-mail address"]
    assert "nosuch" not in page.page.text


@pytest.mark.requirement("security 43: consent of confidential clients is remembered per client and scope")
@pytest.mark.parametrize(
    ("agreed", "asked", "asks"),
    [
        ("openid", "openid", False),
        ("openid profile", "openid", False),
        ("openid profile", "profile openid", False),
        ("openid", "openid profile", True),
        ("openid profile", "openid email", True),
        ("openid api:read", "openid api:read", False),
        ("openid api:read", "openid api:write", True),
        ("openid api:read", "openid", False),
        ("openid", "openid offline_access", True),
        ("profile", "openid", True),
    ],
)
@pytest.mark.parametrize("method", [CONFIDENTIAL, "client_secret_post", PUBLIC])
async def test_consent_is_asked_for_again_where_it_was_not_given(
    make_party: MakeParty, agreed: str, asked: str, asks: bool, method: str
) -> None:
    party = await make_party(method=method)
    await party.authorize(scope=agreed)

    assert await is_asked(party, scope=asked) is (asks or method == PUBLIC)


@pytest.mark.requirement("security 43: consent adds up over several questions")
async def test_what_was_agreed_to_adds_up(party: RelyingParty) -> None:
    await party.authorize(scope="openid profile")
    await party.authorize(scope="openid email")

    assert not await is_asked(party, scope="openid profile email")
    assert await is_asked(party, scope="openid profile email api:read")


@pytest.mark.requirement("security 43: resources and single claims are agreed to as well")
@pytest.mark.parametrize(
    ("first", "second", "asks"),
    [
        ({"claims": '{"userinfo":{"birthdate":null}}'}, {"claims": '{"id_token":{"birthdate":null}}'}, False),
        ({"claims": '{"userinfo":{"birthdate":null}}'}, {}, False),
        ({}, {"claims": '{"userinfo":{"birthdate":null}}'}, True),
        ({}, {"resource": OTHER_API}, True),
        ({"resource": OTHER_API}, {"resource": OTHER_API}, False),
        ({"resource": OTHER_API}, {"resource": API}, True),
        ({"resource": OTHER_API}, {}, False),
    ],
    ids=range(7),
)
async def test_more_than_scope_is_agreed_to(
    make_party: MakeParty, administration: Administration, first: dict[str, str], second: dict[str, str], asks: bool
) -> None:
    party = await make_party(await administration.create_web_client(resources=frozenset({OTHER_API})))
    await party.authorize(**first)

    assert await is_asked(party, **second) is asks


@pytest.mark.requirement("security 43: consent is one user's, for one client")
async def test_consent_carries_over_to_no_other_user(make_party: MakeParty) -> None:
    party = await make_party()
    await party.authorize()
    other_user = await make_party(party.client)
    other_client = await make_party(person=party.person)
    other_client.browser.cookies = party.browser.cookies
    await other_user.sign_in(await other_user.start())

    assert not await is_asked(party)
    assert await is_asked(other_user)
    assert await is_asked(other_client)


@pytest.mark.requirement("security 43: a refusal is not remembered, and takes nothing back")
async def test_saying_no_changes_nothing(party: RelyingParty) -> None:
    await party.authorize(scope="openid profile")

    answer = await party.browser.submit(await party.start(scope="openid email"), action="deny")

    assert response_of(answer, CALLBACK).error == "access_denied"
    assert await is_asked(party, scope="openid email")
    assert not await is_asked(party, scope="openid profile")


@pytest.mark.requirement("security 21: consent withdrawn is asked for again")
@pytest.mark.parametrize("in_between", [False, True])
async def test_withdrawn_consent_is_gone(party: RelyingParty, administration: Administration, in_between: bool) -> None:
    await party.authorize(scope="openid profile")
    assert party.person is not None
    page = await reach(party, "consent", scope="openid") if in_between else None

    await administration.withdraw_consent(party.person, party.client)
    if page is not None:
        await party.browser.submit(page, action="allow")

    assert await is_asked(party, scope="openid") is not in_between
    assert await is_asked(party, scope="openid profile")


@pytest.mark.requirement("security 60: a client registered again under the old client_id inherits no consent")
async def test_consent_does_not_outlive_its_client(party: RelyingParty, administration: Administration) -> None:
    await party.authorize()
    await administration.delete_client(party.client)

    await administration.create_web_client(client_id=party.client.client_id)

    async def is_asked_again() -> bool:
        return not (await party.start()).is_redirect

    await eventually(is_asked_again)


@pytest.mark.requirement("security 43: what is granted is what was shown")
@pytest.mark.parametrize("scope", ["openid", "openid profile", "openid api:read"])
async def test_no_more_is_granted_than_was_shown(party: RelyingParty, scope: str) -> None:
    await party.authorize(scope="openid profile email api:read api:write")

    tokens = await party.log_in(scope=scope, prompt="consent")

    assert tokens.body["scope"] == scope
    assert claims_of(tokens.access_token)["scope"] == scope


@pytest.mark.requirement("security 43: Allow and Deny are the only answers")
@pytest.mark.parametrize("action", ["", "yes", "Allow", "allow ", "deny\n", "continue", "logout"])
async def test_anything_but_allow_grants_nothing(party: RelyingParty, action: str) -> None:
    page = await reach(party, "consent")

    answer = await party.browser.submit(page, action=action)

    assert answer.status == 400
    assert response_of(await party.browser.submit(page, action="allow"), CALLBACK).code
