"""What a user still has to do."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from valetkey.core.authentication.factor import Factor, Method
from valetkey.core.authentication.session import Session
from valetkey.core.authentication.user import User
from valetkey.core.client.client import AuthenticationMethod, Client, ConsentPolicy
from valetkey.core.client.registration import client_problems
from valetkey.core.oauth.authorization_request import AuthorizationRequest, TrustedRedirect
from valetkey.core.oauth.consent import Consent, KeptConsent, must_ask
from valetkey.core.oauth.resource import Catalog
from valetkey.core.oidc.claims.request import ClaimsRequest
from valetkey.core.oidc.interaction import Interaction, Step, login_step, refusal_without_prompt

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ADA, BOB = uuid4(), uuid4()


def session(age: int = 100, subject: UUID = ADA) -> Session:
    user = User(subject, "ada", None, email_verified=False, enabled=True, valid_since=NOW, updated_at=NOW)
    return Session(uuid4(), user, (Factor(Method.PASSWORD, NOW - timedelta(seconds=age)),))


def interaction(
    prompt: str = "", max_age: int | None = None, hinted: UUID | None = None, sub: UUID | None = None
) -> Interaction:
    request = AuthorizationRequest(
        "web", TrustedRedirect("https://c.example", "query", None), ("openid",), (), "c",
        prompt=frozenset(prompt.split()), max_age=max_age, claims=ClaimsRequest(subject=str(sub) if sub else None),
    )  # fmt: skip
    return Interaction(request, uuid4(), b"", NOW, hinted_subject=hinted)


@pytest.mark.parametrize("prompt", ["", "login", "consent", "select_account", "login consent"])
@pytest.mark.parametrize("max_age", [None, 0, 1000])
def test_without_a_session_one_must_sign_in(prompt: str, max_age: int | None) -> None:
    assert login_step(interaction(prompt, max_age), None, NOW) is Step.LOGIN


@pytest.mark.requirement("security 42: prompt=login and max_age cannot be satisfied by an old login")
@pytest.mark.parametrize(
    ("prompt", "max_age", "age", "step"),
    [
        ("", None, 10_000, Step.CONSENT),
        ("login", None, 0, Step.LOGIN),
        ("", 0, 0, Step.LOGIN),
        ("", 99, 100, Step.LOGIN),
        ("", 100, 100, Step.LOGIN),
        ("", 101, 100, Step.CONSENT),
        ("select_account", None, 0, Step.SELECT_ACCOUNT),
        ("login select_account", None, 0, Step.LOGIN),
        ("select_account", 0, 0, Step.LOGIN),
        ("consent", None, 0, Step.CONSENT),
    ],
)
def test_an_existing_session_counts_only_where_it_may(prompt: str, max_age: int | None, age: int, step: Step) -> None:
    assert login_step(interaction(prompt, max_age), session(age), NOW) is step


@pytest.mark.parametrize(("prompt", "max_age"), [("login", None), ("", 0), ("login select_account", 0)])
def test_a_login_in_this_interaction_counts(prompt: str, max_age: int | None) -> None:
    current = session(0)

    step = login_step(interaction(prompt, max_age).logged_in(current.session_id), current, NOW)

    assert step is Step.CONSENT


@pytest.mark.requirement("security 42: a login in another tab does not satisfy prompt=login here")
def test_a_login_elsewhere_does_not_count() -> None:
    assert login_step(interaction("login").logged_in(uuid4()), session(0), NOW) is Step.LOGIN


def test_choosing_an_account_counts_for_that_account_only() -> None:
    current = session()
    chosen = interaction("select_account").account_selected(current.session_id)

    assert login_step(chosen, current, NOW) is Step.CONSENT
    assert login_step(chosen, session(), NOW) is Step.SELECT_ACCOUNT


@pytest.mark.parametrize(("hinted", "sub"), [(BOB, None), (None, BOB), (ADA, BOB), (BOB, ADA)])
def test_another_user_than_demanded_must_sign_in(hinted: UUID | None, sub: UUID | None) -> None:
    assert login_step(interaction(hinted=hinted, sub=sub), session(subject=ADA), NOW) is Step.LOGIN
    assert login_step(interaction(hinted=ADA, sub=ADA), session(subject=ADA), NOW) is Step.CONSENT


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (Step.LOGIN, "login_required"),
        (Step.SELECT_ACCOUNT, "account_selection_required"),
        (Step.CONSENT, "consent_required"),
    ],
)
def test_prompt_none_names_what_would_have_been_needed(step: Step, error: str) -> None:
    assert refusal_without_prompt(step).error == error


ASKED = Consent(frozenset({"openid", "a"}), frozenset({"https://api"}), frozenset({"email"}))


@pytest.mark.requirement("security 43: nothing new goes unasked, unless the client is trusted")
@pytest.mark.parametrize("policy", ConsentPolicy)
@pytest.mark.parametrize("prompt", [frozenset[str](), frozenset({"consent"}), frozenset({"login"})])
@pytest.mark.parametrize(
    ("remembered", "covered"),
    [
        (None, False),
        (ASKED, True),
        (ASKED.join(Consent(frozenset({"b"}))), True),
        (Consent(frozenset({"openid"}), ASKED.resources, ASKED.claims), False),
        (Consent(ASKED.scope, frozenset(), ASKED.claims), False),
        (Consent(ASKED.scope, ASKED.resources), False),
    ],
)
def test_when_consent_must_be_asked(
    policy: ConsentPolicy, prompt: frozenset[str], remembered: Consent | None, covered: bool
) -> None:
    kept = None if remembered is None else KeptConsent(remembered, 0)

    asks = must_ask(policy, kept, ASKED, prompt)

    assert (
        asks
        is {
            ConsentPolicy.ASK: True,
            ConsentPolicy.REMEMBER: not covered or "consent" in prompt,
            ConsentPolicy.TRUSTED: False,
        }[policy]
    )


HTTPS, LOOPBACK, PRIVATE = "https://app.example/cb", "http://127.0.0.1/cb", "com.example.app:/cb"
LOCALHOST = "http://localhost:3000/cb"


@pytest.mark.requirement("RFC 8252 §8.6: without an https redirect URI users of public clients are asked every time")
@pytest.mark.parametrize("method", AuthenticationMethod)
@pytest.mark.parametrize("redirect_uri", [HTTPS, LOOPBACK, LOCALHOST, PRIVATE])
@pytest.mark.parametrize("registered", [None, *ConsentPolicy])
def test_which_policy_counts(method: AuthenticationMethod, redirect_uri: str, registered: ConsentPolicy | None) -> None:
    is_public = method is AuthenticationMethod.NONE
    client = Client("c", uuid4(), "C", method, frozenset(), consent=registered)
    default = ConsentPolicy.ASK if is_public else ConsentPolicy.REMEMBER

    counts = client.consent_policy(redirect_uri)

    assert counts is (ConsentPolicy.ASK if is_public and redirect_uri != HTTPS else registered or default)
    assert client.is_proven_by(redirect_uri) is (not is_public or redirect_uri == HTTPS)


@pytest.mark.requirement("RFC 8252 §8.6: without an https redirect URI users of public clients are asked every time")
@pytest.mark.parametrize("method", AuthenticationMethod)
@pytest.mark.parametrize("redirect_uris", [(HTTPS,), (HTTPS, LOOPBACK), (LOOPBACK,), (PRIVATE, LOCALHOST)])
@pytest.mark.parametrize("registered", [None, *ConsentPolicy])
def test_what_could_never_count_is_not_registered(
    method: AuthenticationMethod, redirect_uris: tuple[str, ...], registered: ConsentPolicy | None
) -> None:
    grants = frozenset({"authorization_code"})
    client = Client("c", uuid4(), "C", method, grants, redirect_uris=redirect_uris, consent=registered)

    problems = client_problems(client, Catalog({}, {}))

    is_refused = (
        method is AuthenticationMethod.NONE
        and registered in {ConsentPolicy.REMEMBER, ConsentPolicy.TRUSTED}
        and HTTPS not in redirect_uris
    )
    assert [problem.partition(":")[0] for problem in problems] == (["consent"] if is_refused else [])
