"""Security 39 and 41: a refused login tells nothing about which accounts exist, and passwords are bounded."""

import re

import pytest

from support.administration import PASSWORD, Administration
from support.browser import Answer
from support.front_channel import heading
from support.relying_party import Person, RelyingParty
from support.systems import MakeParty
from valetkey.runtime.telemetry.metric import REGISTRY

HASHES = "valetkey_password_hash_duration_seconds_count"
REFUSED = "That user name or password is not right. Check both and try again."
VARIES = {"X-Trace-Id", "Date", "Content-Length"}


def hashes() -> float:
    """How many passwords have been hashed in this process."""
    return REGISTRY.get_sample_value(HASHES) or 0.0


def shape(answer: Answer, typed: str) -> tuple[object, ...]:
    """Everything an observer could compare, without what differs between any two requests."""
    text = re.sub(r"[A-Za-z0-9_-]{43}|[0-9a-f]{32}|web-[0-9a-f]{8}", "*", answer.text)
    value = answer.page.get("input", name="username").attributes["value"]
    assert value == typed[:254]
    text = re.sub(r'(name="username" type="text" dir="auto" value=")[^"]*"', r'\1*"', text)
    headers = {name: value for name, value in answer.headers.items() if name not in VARIES}
    return answer.status, text, headers


@pytest.mark.requirement("security 39: known and unknown users look the same and cost the same hash")
@pytest.mark.parametrize("mode", ["query", "form_post"])
async def test_an_answer_does_not_tell_whether_an_account_exists(
    make_party: MakeParty, administration: Administration, mode: str
) -> None:
    known, disabled, deleted = [await administration.create_user() for _ in range(3)]
    await administration.disable_user(disabled)
    await administration.delete_user(deleted)
    people = {
        "wrong password": Person(known.username, "wrong"),
        "wrong password, by e-mail": Person(f"{known.username}@example.com", "wrong"),
        "unknown": Person("unknown-user", PASSWORD),
        "unknown e-mail": Person("unknown@example.com", PASSWORD),
        "disabled": disabled,
        "disabled, wrong password": Person(disabled.username, "wrong"),
        "deleted": deleted,
        "no name that could exist": Person("a b\u200bc", PASSWORD),
        "a name that is too long": Person("a" * 300, PASSWORD),
        "SQL": Person("' OR '1'='1", PASSWORD),
        "LDAP": Person("*)(uid=*", PASSWORD),
        "wildcard": Person("%", PASSWORD),
    }
    shapes = {}

    for name, person in people.items():
        party = await make_party(person=known)
        before = hashes()
        answer = await party.sign_in(await party.start(response_mode=mode), person)
        assert hashes() - before == 1, name
        assert "vk_session" not in party.browser.cookies
        assert "vk_device" not in party.browser.cookies
        shapes[name] = shape(answer, person.username)

    expected = shapes["wrong password"]
    assert {name for name, seen in shapes.items() if seen != expected} == set()
    assert expected[0] == 403
    assert REFUSED in str(expected[1])


@pytest.mark.requirement("security 39: a right name with a wrong password is not remembered on the device")
async def test_a_refused_login_leaves_the_step_open(party: RelyingParty) -> None:
    assert party.person is not None
    page = await party.start()

    refused = await party.sign_in(page, Person(party.person.username, "wrong"))
    accepted = await party.sign_in(refused)

    assert refused.page.get(id="error").text == REFUSED
    assert "asks for access" in heading(accepted)


@pytest.mark.requirement("security 41: passwords are capped in length, and no shorter one stands for a longer one")
@pytest.mark.parametrize("length", [72, 73, 1024, 1025, 5000])
@pytest.mark.parametrize("letter", ["a", "é"])
async def test_only_the_whole_password_counts(
    make_party: MakeParty, administration: Administration, length: int, letter: str
) -> None:
    person = await administration.create_user(password=letter * length)
    party = await make_party(person=person)
    is_accepted = len(person.password.encode()) <= 1024

    shorter = await party.sign_in(await party.start(), Person(person.username, person.password[:-1]))
    longer = await party.sign_in(await party.start(), Person(person.username, person.password + letter))
    exact = await party.sign_in(await party.start())

    assert (shorter.status, longer.status) == (403, 403)
    assert exact.status == (200 if is_accepted else 403)


@pytest.mark.requirement("security 41: an overlong password costs no hash for any name")
@pytest.mark.parametrize("who", ["known", "unknown"])
async def test_an_overlong_password_is_refused_unhashed(party: RelyingParty, who: str) -> None:
    assert party.person is not None
    name = party.person.username if who == "known" else "unknown-user"
    before = hashes()

    answer = await party.sign_in(await party.start(), Person(name, "x" * 1025))

    assert answer.page.get(id="error").text == REFUSED
    assert hashes() == before


@pytest.mark.requirement("security 41: passwords are taken as they are typed")
@pytest.mark.parametrize(
    "password", [" spaces around ", "tab\tinside", "ünï©ödé 😀", "a&b=c%20+d", "<b>\"'", "line\nbreak"], ids=range(6)
)
async def test_any_text_can_be_a_password(make_party: MakeParty, administration: Administration, password: str) -> None:
    person = await administration.create_user(password=password)
    party = await make_party(person=person)

    trimmed = await party.sign_in(await party.start(), Person(person.username, password.strip() + "."))
    answer = await party.sign_in(await party.start())

    assert trimmed.status == 403
    assert "asks for access" in heading(answer)


@pytest.mark.requirement("OIDC Core §3.1.2.3: user names and e-mail addresses are one person's names")
@pytest.mark.parametrize("field", ["username", "password"])
async def test_what_is_missing_is_asked_for_again(party: RelyingParty, field: str) -> None:
    page = await party.start()
    assert party.person is not None
    values = {"username": party.person.username, "password": party.person.password, field: ""}
    before = hashes()

    answer = await party.browser.submit(page, **values)

    assert answer.status == 400
    assert answer.page.get(id="error").text == "Enter your user name or e-mail and your password."
    assert hashes() == before
    assert "asks for access" in heading(await party.sign_in(answer))


@pytest.mark.requirement("security 51: a password is never written into a page")
@pytest.mark.parametrize("outcome", ["wrong", "right", "incomplete", "refused form"])
async def test_a_password_comes_back_on_no_page(party: RelyingParty, outcome: str) -> None:
    canary = "canary-password-5b1f"
    page = await party.start()
    changes = {"refused form": {"csrf_token": "x"}, "incomplete": {"username": ""}}.get(outcome, {})
    person = party.person
    assert person is not None
    password = person.password if outcome == "right" else canary

    answer = await party.browser.submit(page, **{"username": person.username, "password": password, **changes})

    assert password not in answer.text
    assert password not in str(answer.headers)
    assert not [field for field in answer.page.find_all("input", type="password") if field.attributes.get("value")]
