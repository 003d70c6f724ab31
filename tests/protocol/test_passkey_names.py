"""What people call their passkeys: set on the account page, in one line, by their user alone."""

import asyncpg
import pytest

from support.browser import Answer
from support.front_channel import heading
from support.movable_clock import MovableClock
from support.passkey_party import MakePasskeyParty, PasskeyParty
from valetkey.runtime.telemetry.audit import AuditEvent, audit_told_to

ACCOUNT = "Your account"
LONGEST = "n" * 64


async def account(one: PasskeyParty) -> Answer:
    """The account page, after a login by the passkey where one comes first."""
    page = await one.party.browser.get(f"{one.party.issuer}/account")
    page = await one.party.browser.follow(page, within=one.party.issuer)
    if "/login" in page.url:
        page = await one.use(page)
    assert heading(page) == ACCOUNT, page.text
    return page


def rename_fields(page: Answer) -> dict[str, str]:
    """The fields of the form that renames the first passkey."""
    for form in page.page.find_all("form"):
        fields = {
            each.attributes["name"]: each.attributes.get("value", "")
            for each in form.find_all("input")
            if "name" in each.attributes
        }
        if fields.get("action") == "rename":
            return fields
    raise AssertionError("there is no such form")


async def rename(one: PasskeyParty, page: Answer, **changes: str) -> Answer:
    fields = rename_fields(page) | changes
    answer = await one.party.browser.post(f"{one.party.issuer}/account", list(fields.items()))
    return await one.party.browser.follow(answer, within=one.party.issuer)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("Ada's phone", "Ada's phone"),
        ("  two \r\n lines\t", "two lines"),
        (LONGEST, LONGEST),
        ("電話", "電話"),
        ("<b>&amp;", "<b>&amp;"),
    ],
)
async def test_a_passkey_is_renamed(make_passkey_party: MakePasskeyParty, typed: str, shown: str) -> None:
    one = await make_passkey_party()
    events: list[AuditEvent] = []

    with audit_told_to(events.append):
        page = await rename(one, await account(one), name=typed)

    assert "It has its new name." in page.text
    assert rename_fields(page)["name"] == shown
    (event,) = (event for event in events if event.type == "credential.renamed")
    assert (event.outcome, event.subject, event.reason) == ("success", str(one.subject), "passkey")
    assert typed not in repr(event)


@pytest.mark.parametrize("typed", ["", "   ", "\r\n", LONGEST + "n", "x" * 5000])
async def test_what_is_no_name_is_refused_in_words(make_passkey_party: MakePasskeyParty, typed: str) -> None:
    one = await make_passkey_party()

    page = await rename(one, await account(one), name=typed)

    assert page.status == 400
    assert "A name has 1 to 64 characters." in page.text
    assert rename_fields(page)["name"] == "Laptop"


@pytest.mark.requirement("account: nobody changes what is another's")
async def test_another_s_passkey_keeps_its_name(make_passkey_party: MakePasskeyParty) -> None:
    ada, eve = await make_passkey_party(), await make_passkey_party()
    of_ada = rename_fields(await account(ada))["credential_id"]

    await rename(eve, await account(eve), credential_id=of_ada, name="Eve was here")
    await rename(eve, await account(eve), credential_id="nonsense", name="Eve was here")

    assert [rename_fields(await account(each))["name"] for each in (ada, eve)] == ["Laptop", "Laptop"]


@pytest.mark.requirement("account: every change needs a login of the last ten minutes")
async def test_a_browser_left_open_renames_nothing(
    make_passkey_party: MakePasskeyParty, passkey_clock: MovableClock
) -> None:
    one = await make_passkey_party()
    page = await account(one)
    passkey_clock.advance(minutes=11)

    answer = await rename(one, page, name="left open")

    assert "/login" in answer.url
    connection = await asyncpg.connect(one.system.postgres_dsn)
    name = await connection.fetchval("SELECT name FROM credentials WHERE subject = $1", one.subject)
    await connection.close()
    assert name == "Laptop"
