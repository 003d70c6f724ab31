"""No way in by a passkey but the one: each answer counts once, where it was asked for, and for its own user."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from support.browser import Answer
from support.client_address import new_address
from support.front_channel import heading
from support.movable_clock import MovableClock
from support.passkey_party import ASK, ENROL, SIGN_IN, MakePasskeyParty, PasskeyParty, passkey_form
from support.software_authenticator import Flags
from support.system import System
from support.systems import StartSystem
from support.tokens import claims_of
from valetkey.authorize.login.passkeys.challenge import LIFETIME
from valetkey.authorize.pages.models import LoginError, ProofError
from valetkey.core.authentication.acr import ACR_MFA

LIMIT = 12


async def start(made: PasskeyParty, where: str) -> Answer:
    """The page of a login, of a second factor, or of setting a passkey up."""
    page = await made.party.start()
    return page if where == "login" else await made.party.sign_in(page)


def is_refused(answer: Answer) -> bool:
    """Whether the same page is shown again, with one sentence."""
    alerts = [each.text for each in answer.page.find_all(role="alert")]
    words = {LoginError.PASSKEY, ProofError.PASSKEY, ProofError.NEW_PASSKEY}
    return answer.status == 403 and len(alerts) == 1 and alerts[0] in words


@pytest.mark.requirement("OIDC Core §2: what a passkey proves is said in acr and amr")
@pytest.mark.parametrize(
    ("flags", "acr", "key"),
    [(Flags(), "phrh", "hwk"), (Flags(be=True), "phr", "swk"), (Flags(be=True, bs=True), "phr", "swk")],
)
async def test_a_passkey_signs_in(make_passkey_party: MakePasskeyParty, flags: Flags, acr: str, key: str) -> None:
    made = await make_passkey_party(device={"flags": flags})
    verifier = "v" * 43
    page = await made.party.start(verifier)

    response = await made.finish(await made.use(page), verifier)

    claims = claims_of((await made.party.redeem(response)).body["id_token"])
    assert claims["sub"] == str(made.subject)
    assert claims["acr"] == acr
    assert set(claims["amr"]) == {key, "user", "mfa"}


async def test_a_passkey_is_set_up_and_signs_in(make_passkey_party: MakePasskeyParty) -> None:
    made = await make_passkey_party(enrolled=False)

    shown = await made.enrol()

    assert heading(shown) == "Your recovery codes"
    assert (await made.finish(await made.use(await made.party.start()))).code


async def test_a_passkey_follows_a_password(make_passkey_party: MakePasskeyParty) -> None:
    made = await make_passkey_party()
    page = await made.party.sign_in(await made.party.start())
    assert heading(page) == ASK

    assert (await made.finish(await made.use(page))).code


WRONG: dict[str, dict[str, Any]] = {
    "another origin": {"origin": "https://evil.example"},
    "an origin that ends like ours": {"origin": "http://badlocalhost"},
    "another RP ID": {"rp_id": "evil.example"},
    "no user verified": {"flags": Flags(uv=False)},
    "no user present": {"flags": Flags(up=False)},
    "another challenge": {"challenge": "AAAA"},
    "an enrolment": {"type": "webauthn.create"},
    "backup eligibility that has changed": {"flags": Flags(be=True)},
    "a counter that goes back": {"sign_count": 0},
    "a wrong signature": {"signature": b"x" * 70},
}


@pytest.mark.requirement("WebAuthn §7.2: an answer that is wrong in any way signs nobody in")
@pytest.mark.parametrize("where", ["login", "second factor"])
@pytest.mark.parametrize("case", WRONG)
async def test_a_wrong_answer_leads_nowhere(make_passkey_party: MakePasskeyParty, case: str, where: str) -> None:
    made = await make_passkey_party()
    page = await start(made, where)
    session = made.party.browser.cookies.get("vk_session")

    answer = await made.use(page, **WRONG[case])

    assert is_refused(answer), answer.text
    assert made.party.browser.cookies.get("vk_session") == session
    # The page that is shown again has a question of its own.
    made.device.sign_count = 1
    assert (await made.finish(await made.use(answer))).code


@pytest.mark.requirement("WebAuthn §7.1: an answer that is wrong in any way enrols nothing")
@pytest.mark.parametrize("case", [case for case in WRONG if "backup" not in case and "counter" not in case])
async def test_a_wrong_answer_enrols_nothing(make_passkey_party: MakePasskeyParty, case: str) -> None:
    made = await make_passkey_party(enrolled=False)
    wrong = {"fmt": "packed", "statement": {"alg": -7, "sig": b"x"}} if "signature" in case else WRONG[case]
    wrong = {"type": "webauthn.get"} if case == "an enrolment" else wrong

    assert is_refused(await made.enrol(**wrong))


@pytest.mark.requirement("WebAuthn §13.4.3: an answer counts once, on whichever replica")
@pytest.mark.parametrize("flags", [Flags(), Flags(be=True, bs=True)])
@pytest.mark.parametrize("where", ["login", "second factor"])
async def test_of_one_answer_sent_at_once_one_counts(
    make_passkey_party: MakePasskeyParty, flags: Flags, where: str
) -> None:
    made = await make_passkey_party(device={"flags": flags, "sign_count": 0 if flags.be else 1})
    page = await start(made, where)
    fields = made.answer(page)
    path = page.url.removeprefix(made.system.origin).partition("?")[0]
    doors = [f"{url}{path}" for url in made.system.urls["authorize"]] * 5

    answers = await asyncio.gather(*(made.party.browser.post(door, list(fields.items())) for door in doors))

    assert sum(answer.is_redirect and path not in answer.location for answer in answers) == 1


@pytest.mark.requirement("WebAuthn §13.4.3: an answer that was given before is none")
async def test_an_answer_is_not_accepted_again(make_passkey_party: MakePasskeyParty) -> None:
    made = await make_passkey_party(device={"flags": Flags(be=True), "sign_count": 0})
    page = await made.party.start()
    fields = made.answer(page)
    await made.send(page, fields)

    assert is_refused(await made.send(page, fields))


@pytest.mark.requirement("security 11: an answer is for one browser, one login and one step")
@pytest.mark.parametrize("elsewhere", ["another browser", "another login", "second factor", "enrolment", "no token"])
async def test_an_answer_counts_only_where_it_was_asked_for(
    make_passkey_party: MakePasskeyParty, elsewhere: str
) -> None:
    made = await make_passkey_party()
    other = await make_passkey_party(made.party.person, enrolled=False)
    given = made.answer(await made.party.start())["passkey"]
    if elsewhere == "another browser":
        page = await other.party.start()
        answer = await other.send(page, other.answer(page) | {"passkey": given})
    elif elsewhere == "enrolment":
        fresh = await make_passkey_party(enrolled=False, required_acr=ACR_MFA)
        page = await fresh.party.sign_in(await fresh.party.start())
        assert heading(page) == ENROL
        answer = await fresh.send(page, fresh.answer(page) | {"passkey": given})
    else:
        page = await start(made, "second factor" if elsewhere == "second factor" else "login")
        fields = made.answer(page) | {"passkey": given}
        if elsewhere == "no token":
            del fields["csrf_token"]
        answer = await made.send(page, fields)

    if elsewhere == "no token":
        assert answer.status == 403
        assert heading(answer) == "We could not confirm this step"
    else:
        assert is_refused(answer), answer.text


@pytest.mark.requirement("WebAuthn §7.2: a passkey of one user is no second factor of another")
async def test_another_users_passkey_is_no_second_factor(make_passkey_party: MakePasskeyParty) -> None:
    ada, eve = await make_passkey_party(), await make_passkey_party()
    page = await start(ada, "second factor")
    ada.device = eve.device

    assert is_refused(await ada.use(page))
    assert is_refused(await ada.use(page, user_handle=b""))


async def test_only_a_second_factor_names_the_passkeys_of_its_user(make_passkey_party: MakePasskeyParty) -> None:
    made = await make_passkey_party()
    login = await made.party.start()
    second = await made.party.sign_in(login)

    asked = [json.loads(passkey_form(page).attributes["data-options"]) for page in (login, second)]

    assert [len(each["allowCredentials"]) for each in asked] == [0, 1]


@pytest.mark.requirement("WebAuthn §13.4.3: a challenge is good for five minutes")
@pytest.mark.parametrize("where", ["login", "second factor"])
async def test_an_answer_that_comes_too_late_is_refused(
    make_passkey_party: MakePasskeyParty, passkey_clock: MovableClock, where: str
) -> None:
    made = await make_passkey_party()
    page = await start(made, where)
    fields = made.answer(page)
    passkey_clock.advance(seconds=LIFETIME.total_seconds() + 1)

    answer = await made.send(page, fields)

    assert is_refused(answer)
    assert (await made.finish(await made.use(answer))).code


@pytest.mark.requirement("security 39: unknown, removed and disabled look the same")
@pytest.mark.parametrize("why", ["unknown", "removed", "disabled", "another user's handle"])
async def test_what_is_refused_looks_the_same(make_passkey_party: MakePasskeyParty, why: str) -> None:
    made = await make_passkey_party(enrolled=why != "unknown")
    made.device.user_handle = made.device.user_handle or bytes(64)
    if why == "removed":
        await made.remove()
    if why == "disabled":
        await made.disable()
    page = await made.party.start()

    answer = await made.use(page, **({"user_handle": bytes(64)} if why.startswith("another") else {}))

    assert is_refused(answer)
    assert heading(answer) == SIGN_IN


@pytest.mark.requirement("WebAuthn §7.1: a passkey is of one user, whoever enrols it")
async def test_a_credential_of_another_user_cannot_be_enrolled(make_passkey_party: MakePasskeyParty) -> None:
    ada, eve = await make_passkey_party(), await make_passkey_party(enrolled=False)
    eve.device.credential_id = ada.device.credential_id

    shown = await eve.enrol()

    assert shown.status == 403
    assert ProofError.GONE in shown.page.text
    assert (await ada.finish(await ada.use(await ada.party.start()))).code


@pytest.mark.requirement("OIDC Core §3.1.2.2: another user than the one demanded is refused")
async def test_a_passkey_of_another_account_than_the_expected_is_refused(make_passkey_party: MakePasskeyParty) -> None:
    made = await make_passkey_party()
    claims = json.dumps({"id_token": {"sub": {"value": "somebody-else"}}})
    page = await made.party.start(claims=claims)

    answer = await made.use(page)

    assert answer.status == 403
    assert LoginError.OTHER_ACCOUNT in answer.page.text


@pytest.fixture(scope="module")
def narrow(start_system: StartSystem) -> System:
    """One whose addresses may begin few logins, and answer as many questions."""
    changes = {"interactions_per_address": str(LIMIT), "trusted_proxies": "127.0.0.1/32"}
    return start_system(host="localhost", replicas=2, changes=changes)


@pytest.mark.requirement("security 40: what an address can make us do is bounded over all replicas")
async def test_an_address_gives_so_many_answers(make_passkey_party: MakePasskeyParty, narrow: System) -> None:
    here = await seen_at(new_address(), make_passkey_party, narrow, replica=0)
    page = await here.party.start()
    answers = [await here.use(page) for _ in range(LIMIT + 2)]

    same = await seen_at(here.party.browser.headers["X-Forwarded-For"], make_passkey_party, narrow, replica=1)
    spent = await same.use(await same.party.start())
    elsewhere = await seen_at(new_address(), make_passkey_party, narrow, replica=1)
    other = await elsewhere.use(await elsewhere.party.start())

    assert [answer.status for answer in answers] == [403] * LIMIT + [429] * 2
    assert answers[-1].headers["Retry-After"]
    assert spent.status == 429
    assert other.status == 403


async def seen_at(address: str, make: MakePasskeyParty, system: System, *, replica: int) -> PasskeyParty:
    """A browser with a passkey that is not known, at an address, before one of the replicas."""
    made = await make(at=system, enrolled=False)
    made.party.issuer = system.urls["authorize"][replica]
    made.party.browser.headers["X-Forwarded-For"] = address
    made.device.user_handle = bytes(64)
    return made
