"""``allowed_groups`` of a client: who may use it, asked before consent and again wherever tokens are made."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from support.administration import CALLBACK, FULL_SCOPE, Administration
from support.browser import Answer, form_of, query_of
from support.eventually import eventually
from support.front_channel import heading
from support.relying_party import CodeResponse, RelyingParty
from support.systems import MakeParty
from support.tokens import claims_of

METHODS = ["client_secret_basic", "client_secret_post", "none"]
REFUSED = "You cannot use Web application"
each_method = pytest.mark.parametrize("method", METHODS)


@dataclass(frozen=True, slots=True)
class Closed:
    """A client that allows two groups; who is in ``inner`` is in the second one."""

    party: RelyingParty
    administration: Administration
    allowed: tuple[str, str]
    inner: str

    async def admit(self, *, by: str | None = None) -> None:
        assert self.party.person is not None
        await self.administration.put_into(by or self.inner, self.party.person)

    async def remove(self) -> None:
        assert self.party.person is not None
        await self.administration.take_out_of(self.inner, self.party.person)

    async def refused(self, **changes: str | None) -> Answer:
        """The page that a signed-in user gets who may not go on."""
        answer = await self.party.walk(await self.party.start(**changes))
        assert (answer.status, heading(answer)) == (403, REFUSED)
        return answer


MakeClosed = Callable[[str], Awaitable[Closed]]


@pytest.fixture
async def make_closed(make_party: MakeParty, administration: Administration) -> MakeClosed:
    async def make(method: str) -> Closed:
        allowed = await administration.create_groups("ops", "staff")
        (inner,) = await administration.create_groups("inner", within=allowed[1])
        client = await administration.create_web_client(
            method, scope=(*FULL_SCOPE, "groups"), allowed_groups=frozenset(allowed)
        )
        return Closed(await make_party(client), administration, (allowed[0], allowed[1]), inner)

    return make


@pytest.fixture
async def closed(make_closed: MakeClosed) -> Closed:
    return await make_closed("client_secret_basic")


@pytest.mark.requirement("allowed_groups: a member may use the client, directly or through another group")
@pytest.mark.parametrize("way", ["direct", "nested"])
@each_method
async def test_a_member_gets_tokens_and_refreshes(make_closed: MakeClosed, method: str, way: str) -> None:
    closed = await make_closed(method)
    await closed.admit(by=closed.allowed[0] if way == "direct" else None)

    tokens = await closed.party.log_in(scope="openid offline_access")
    again = await closed.party.refresh(tokens.refresh_token)

    assert closed.party.person is not None
    assert claims_of(again.access_token)["sub"] == closed.party.person.subject


@pytest.mark.requirement("allowed_groups: checked before consent, with a page that explains")
@each_method
async def test_anyone_else_is_told_before_consent(make_closed: MakeClosed, method: str) -> None:
    closed = await make_closed(method)

    page = await closed.refused(scope="openid profile")

    assert "this account is in none of them" in page.text
    assert not any(group in page.text for group in (*closed.allowed, closed.inner))
    assert {button.attributes["value"] for button in page.page.find_all("button")} == {"another", "deny"}


@pytest.mark.requirement("security 9: every page carries the same headers")
async def test_the_page_is_guarded_as_the_others_are(closed: Closed, party: RelyingParty) -> None:
    page, login = await closed.refused(), await party.start()

    names = ("Content-Security-Policy", "Cache-Control", "Referrer-Policy", "X-Content-Type-Options", "X-Frame-Options")
    # The login page has a script of ours that this one needs not.
    expected = {name: login.headers.get(name, "").replace("; script-src 'self'", "") for name in names}
    assert {name: page.headers.get(name) for name in names} == expected


@pytest.mark.requirement("RFC 6749 §4.1.2.1: access_denied")
@pytest.mark.parametrize("mode", ["query", "form_post"])
async def test_going_back_answers_the_client(closed: Closed, mode: str) -> None:
    page = await closed.refused(response_mode=mode)

    answer = await closed.party.browser.submit(page, action="deny")

    params = dict(form_of(answer).fields) if mode == "form_post" else query_of(answer.location)
    assert params["error"] == "access_denied"
    assert params["iss"] == closed.party.issuer
    assert "code" not in params


async def test_another_account_may_go_on(closed: Closed, administration: Administration) -> None:
    page, grace = await closed.refused(), await administration.create_user()
    await administration.put_into(closed.inner, grace)

    login = await closed.party.browser.follow(
        await closed.party.browser.submit(page, action="another"), within=closed.party.issuer
    )
    closed.party.person = grace
    answer = await closed.party.walk(login)

    assert answer.is_redirect
    assert "code" in query_of(answer.location)


@pytest.mark.requirement("OIDC Core §3.1.2.1: prompt=none shows no page")
async def test_without_prompt_the_client_is_told(closed: Closed) -> None:
    await closed.refused()

    answer = await closed.party.start(prompt="none")

    assert answer.is_redirect
    assert answer.location.startswith(CALLBACK)
    assert query_of(answer.location)["error"] == "access_denied"


@pytest.mark.requirement("allowed_groups: consent given before opens nothing")
@pytest.mark.parametrize("prompt", [None, "none", "consent", "login", "select_account"])
async def test_consent_from_before_does_not_help(closed: Closed, prompt: str | None) -> None:
    await closed.admit()
    await closed.party.log_in()
    await closed.remove()

    answer = await closed.party.walk(await closed.party.start(prompt=prompt))

    if prompt == "none":
        assert query_of(answer.location)["error"] == "access_denied"
    else:
        assert (answer.status, heading(answer)) == (403, REFUSED)


@pytest.mark.requirement("allowed_groups: a form that says yes all the same gets no code")
@pytest.mark.parametrize("action", ["allow", "maybe", None])
async def test_the_page_takes_no_other_answer(closed: Closed, action: str | None) -> None:
    page = await closed.refused()
    pairs = [*form_of(page).fields, *([("action", action)] if action else [])]

    answer = await closed.party.browser.post(form_of(page).action, pairs)

    assert answer.status == 400


async def test_who_is_removed_while_the_consent_page_is_open_gets_no_code(closed: Closed) -> None:
    await closed.admit()
    consent = await closed.party.sign_in(await closed.party.start())
    await closed.remove()

    answer = await closed.party.browser.follow(
        await closed.party.browser.submit(consent, action="allow"), within=closed.party.issuer
    )

    # The form was for another step.
    assert answer.status == 403
    assert not answer.is_redirect


@pytest.mark.requirement("allowed_groups: asked again at redemption")
@each_method
async def test_a_code_from_before_is_worth_nothing(make_closed: MakeClosed, method: str) -> None:
    closed = await make_closed(method)
    await closed.admit()
    code = await closed.party.authorize()
    await closed.remove()

    refused = await closed.party.redeem(code)
    await closed.admit()

    assert (refused.status, refused.error) == (400, "invalid_grant")
    assert (await closed.party.redeem(code)).error == "invalid_grant"


@pytest.mark.requirement("allowed_groups: asked again at refresh, and the grant ends")
@each_method
async def test_a_refresh_token_from_before_is_worth_nothing(
    make_closed: MakeClosed,
    method: str,
    api: RelyingParty,
) -> None:
    closed = await make_closed(method)
    await closed.admit()
    tokens = await closed.party.log_in(scope="openid offline_access api:read")
    await closed.remove()

    refused = await closed.party.refresh(tokens.refresh_token)
    retried = await closed.party.refresh(tokens.refresh_token)
    await closed.admit()

    assert (refused.status, refused.error) == (400, "invalid_grant")
    assert retried.error == "invalid_grant"
    assert (await closed.party.refresh(tokens.refresh_token)).error == "invalid_grant"
    assert not (await api.introspect(tokens.access_token)).active


async def test_a_client_that_closes_later_closes_for_grants_there_are(
    make_party: MakeParty, administration: Administration
) -> None:
    party = await make_party()
    code: CodeResponse = await party.authorize()
    tokens = await party.log_in(scope="openid offline_access")
    (group,) = await administration.create_groups("ops")

    await administration.change_client(party.client, allowed_groups=frozenset({group}))

    replies = [tokens]

    async def is_closed() -> bool:
        replies.append(await party.refresh(replies[-1].refresh_token))
        return replies[-1].status != 200

    # The service hears of it in its own time.
    await eventually(is_closed)
    assert replies[-1].error == "invalid_grant"
    assert (await party.redeem(code)).error == "invalid_grant"


async def test_a_client_that_acts_for_itself_has_no_user_to_leave_out(
    make_party: MakeParty, administration: Administration
) -> None:
    (group,) = await administration.create_groups("ops")
    machine = await make_party(await administration.create_machine(allowed_groups=frozenset({group})))

    tokens = await machine.token("client_credentials")

    assert tokens.status == 200, json.dumps(tokens.body)
