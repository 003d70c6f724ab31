"""What people do with what is known of them: edit it, fetch a copy, delete the account."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest

from support.account_page import entries, press, send, send_and_follow, visit
from support.email_party import make_person, person_of
from support.front_channel import heading
from support.movable_clock import MovableClock
from support.postbox import MAIL, Postbox
from support.second_factor import MakeSecond, SecondFactorParty
from support.system import System
from support.systems import StartSystem
from valetkey.core.authentication.subject import subject_of
from valetkey.core.oidc.claims.registry import EDITABLE_CLAIMS
from valetkey.core.routes import ACCOUNT_DELETE, ACCOUNT_EMAIL, ACCOUNT_EXPORT, ACCOUNT_PROFILE, Route

ACCOUNT, CONFIRM = "Your account", "Confirm that it is you"
DETAILS, COPY, DELETE, DELETED = "Your details", "A copy of your data", "Delete your account", "Your account is deleted"
PAGES = {ACCOUNT_PROFILE: DETAILS, ACCOUNT_EXPORT: COPY, ACCOUNT_DELETE: DELETE, ACCOUNT_EMAIL: "Your e-mail address"}
GOOD = {
    "name": "Ada King, Countess of Lovelace",
    "given_name": "Ada",
    "family_name": "Лавлейс",
    "middle_name": "Augusta",
    "nickname": "Enchantress",
    "profile": "https://example.com/ada",
    "picture": "https://example.com/ada.png",
    "website": "https://ada.example/",
    "gender": "female",
    "birthdate": "1815-12-10",
    "zoneinfo": "Europe/London",
    "locale": "en-GB",
}
BAD = {
    "name": ["a\u202eb", "x" * 256, "a\tb"],
    "nickname": ["a\u200bb"],
    "profile": ["javascript:alert(1)", "http://example.com/", "example.com"],
    "birthdate": ["yesterday", "2026-02-30"],
    "zoneinfo": ["Mars/Olympus", "../../etc/passwd"],
    "locale": ["English", "en us"],
}


@pytest.fixture(scope="module")
def open_to_all(start_system: StartSystem, clock: MovableClock) -> System:
    """A system that sends mail, where people may edit whatever there is and delete their account."""
    changes = MAIL | {"account_deletion": "true", "account_editable": ",".join(EDITABLE_CLAIMS)}
    return start_system(clock=clock, replicas=2, changes=changes)


@pytest.fixture
async def postbox(open_to_all: System) -> AsyncIterator[Postbox]:
    async with Postbox.of(open_to_all) as opened:
        yield opened


async def fetch(second: SecondFactorParty) -> dict[str, Any]:
    file = await send(second, await visit(second, "/account/export"))
    assert file.status == 200, file.text
    found = json.loads(file.text)
    assert isinstance(found, dict)
    return found


async def test_details_are_edited_and_applications_are_told(
    make_second: MakeSecond, open_to_all: System, postbox: Postbox
) -> None:
    second = await make_person(make_second, open_to_all, claims={"name": "Ada", "phone_number": "+12025550100"})
    token = (await second.party.log_in(scope="openid profile")).access_token
    page = await visit(second, "/account/profile")
    assert heading(page) == DETAILS

    shown = await send_and_follow(second, page, **GOOD)

    assert "Your details are changed." in entries(shown)
    told = (await second.party.userinfo(token)).body
    assert {name: told[name] for name in GOOD} == GOOD
    assert GOOD["name"] in entries(shown)
    assert (await fetch(second))["profile"]["attributes"] == GOOD | {"phone_number": "+12025550100"}
    assert await postbox.kinds(person_of(second)) == ["profile_changed"]


async def test_an_empty_field_takes_the_attribute_away(make_second: MakeSecond, open_to_all: System) -> None:
    second = await make_person(make_second, open_to_all, claims={"name": "Ada", "locale": "en"})

    await send(second, await visit(second, "/account/profile"), name="  ")

    assert (await fetch(second))["profile"]["attributes"] == {"locale": "en"}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in BAD.items() for text in texts])
async def test_what_will_not_do_says_how_to_write_it_and_changes_nothing(
    make_second: MakeSecond, open_to_all: System, postbox: Postbox, name: str, text: str
) -> None:
    second = await make_person(make_second, open_to_all, claims={"name": "Ada"})
    page = await visit(second, "/account/profile")

    refused = await send(second, page, **{"given_name": "Ada", name: text})

    assert (refused.status, heading(refused)) == (400, DETAILS)
    assert ": write " in refused.text
    assert (await fetch(second))["profile"]["attributes"] == {"name": "Ada"}
    assert await postbox.kinds(person_of(second)) == []


@pytest.mark.requirement("account: only what the installation leaves to its people is theirs to edit")
async def test_what_is_not_left_to_people_is_not_edited(
    make_second: MakeSecond, start_system: StartSystem, clock: MovableClock
) -> None:
    usual = await asyncio.to_thread(start_system, clock=clock)
    second = await make_person(make_second, usual, claims={"name": "Ada", "website": "https://ada.example/"})
    page = await visit(second, "/account/profile")
    assert 'name="website"' not in page.text

    await send(second, page, **GOOD, sub="eve", groups="admins", email="eve@evil.example", phone_number="+12025550100")

    found = (await fetch(second))["profile"]
    edited = ("name", "given_name", "family_name", "nickname", "locale", "zoneinfo")
    assert found["attributes"] == {name: GOOD[name] for name in edited} | {"website": "https://ada.example/"}
    assert found["groups"] == []
    assert found["email"] == f"{person_of(second).username}@example.com"


async def test_where_nothing_is_left_to_people_there_is_no_page(
    make_second: MakeSecond, start_system: StartSystem, clock: MovableClock
) -> None:
    closed = await asyncio.to_thread(start_system, clock=clock, changes={"account_editable": "none"})
    second = await make_person(make_second, closed)

    shown = await visit(second)

    assert "/account/profile" not in shown.text
    assert "/account/delete" not in shown.text
    assert [heading(await visit(second, f"/account/{page}")) for page in ("profile", "delete")] == [ACCOUNT] * 2


async def test_details_that_are_too_long_together_are_refused(make_second: MakeSecond, open_to_all: System) -> None:
    second = await make_person(make_second, open_to_all, claims={"address": {"formatted": "x" * 16_000}})

    refused = await send(second, await visit(second, "/account/profile"), name="x" * 255, nickname="y" * 255)

    assert (refused.status, "too long" in refused.text) == (400, True)


@pytest.mark.requirement("account: what an applied file owns is changed in that file")
async def test_who_is_owned_by_a_file_edits_and_deletes_nothing(
    make_second: MakeSecond, open_to_all: System, postbox: Postbox
) -> None:
    second = await make_person(make_second, open_to_all, claims={"name": "Ada"})
    pages = {path: await visit(second, f"/account/{path}") for path in ("profile", "delete")}
    await open_to_all.administration.own_user(person_of(second), "git")

    for page in pages.values():
        assert heading(await send_and_follow(second, page, name="Eve", username=person_of(second).username)) == ACCOUNT

    shown = await visit(second)
    assert [path for path in pages if f"/account/{path}" in shown.text] == []
    assert (await fetch(second))["profile"]["attributes"] == {"name": "Ada"}
    assert await postbox.kinds(person_of(second)) == []


@pytest.mark.requirement("account: a copy of one's own data has everything, and no secret")
async def test_a_copy_has_what_is_kept_and_no_secret(make_second: MakeSecond, open_to_all: System) -> None:
    person = await open_to_all.administration.create_user()
    (group,) = await open_to_all.administration.create_groups("staff")
    await open_to_all.administration.put_into(group, person)
    second = await make_second(person, enrolled=True, at=open_to_all)
    assert second.app is not None
    tokens = await second.party.redeem(
        await second.finish(await second.answer(await second.to_second_factor("v" * 43), second.next_code()), "v" * 43)
    )
    page = await visit(second, "/account/export")
    assert heading(page) == COPY

    file = await send(second, page)

    found = json.loads(file.text)
    assert file.headers["Content-Type"].startswith("application/json")
    assert file.headers["Content-Disposition"] == 'attachment; filename="account-data.json"'
    assert file.headers["Cache-Control"] == "no-store"
    assert list(found) == [
        *("version", "issuer", "exported_at", "profile", "sign_in_methods", "sessions", "applications", "consents")
    ]
    assert found["profile"]["sub"] == person.subject
    assert found["profile"]["groups"] == [group]
    assert [each["method"] for each in found["sign_in_methods"]] == ["password", "totp", "recovery_code"]
    assert [each["is_this"] for each in found["sessions"]].count(True) == 1
    assert [(each["client_id"], each["grants"]) for each in found["applications"]] == [
        (second.party.client.client_id, 1)
    ]
    assert [each["client_id"] for each in found["consents"]] == [second.party.client.client_id]
    assert "openid" in found["consents"][0]["scopes"]
    secrets = [second.app.secret, *second.recovery_codes, tokens.refresh_token, tokens.access_token, person.password]
    secrets += list(second.party.browser.cookies.values())
    assert [secret for secret in secrets if str(secret) in file.text] == []
    assert "$argon2" not in file.text


async def test_a_copy_is_of_oneself(make_second: MakeSecond, open_to_all: System) -> None:
    ada, bob = await make_person(make_second, open_to_all), await make_person(make_second, open_to_all)
    await bob.party.log_in(scope="openid offline_access")
    await visit(bob)

    found = json.dumps(await fetch(ada))

    assert person_of(bob).username not in found
    assert person_of(bob).subject not in found
    assert bob.party.client.client_id not in found


async def test_what_is_withdrawn_is_in_no_copy(make_second: MakeSecond, open_to_all: System) -> None:
    second = await make_person(make_second, open_to_all)
    await second.party.log_in(scope="openid offline_access")
    assert (await fetch(second))["applications"]

    await press(second, await visit(second), "withdraw")

    found = await fetch(second)
    assert (found["applications"], found["consents"]) == ([], [])


@pytest.mark.requirement("account: a deleted account leaves nothing behind that counts")
async def test_an_account_is_deleted(make_second: MakeSecond, open_to_all: System, postbox: Postbox) -> None:
    second = await make_person(make_second, open_to_all)
    person = person_of(second)
    tokens = await second.party.log_in(scope="openid offline_access")
    assert (await second.party.userinfo(tokens.access_token)).status == 200
    elsewhere = await make_second(person, at=open_to_all)
    await elsewhere.party.authorize()
    page = await visit(second, "/account/delete")
    assert heading(page) == DELETE

    gone = await send(second, page, username=f" {person.username.upper()} ")

    assert (gone.status, heading(gone)) == (200, DELETED)
    assert (await second.party.refresh(tokens.refresh_token)).error == "invalid_grant"
    assert (await second.party.userinfo(tokens.access_token)).status == 401
    for each in (second, elsewhere):
        assert heading(await each.party.start()) == "Sign in"
        assert (await each.party.sign_in(await each.party.start())).status == 403
    (last,) = await postbox.mails_to(f"{person.username}@example.com")
    assert last.kind == "account_deleted"
    again = await open_to_all.administration.create_user(username=person.username)
    assert again.subject != person.subject
    reborn = await make_second(again, at=open_to_all)
    assert (await fetch(reborn))["consents"] == []


@pytest.mark.parametrize("typed", ["", "somebody", "ada lovelace"])
async def test_without_the_user_name_nothing_is_deleted(
    make_second: MakeSecond, open_to_all: System, typed: str
) -> None:
    second = await make_person(make_second, open_to_all)

    refused = await send(second, await visit(second, "/account/delete"), username=typed)

    assert (refused.status, heading(refused)) == (400, DELETE)
    assert "Nothing was deleted." in refused.text
    assert heading(await visit(second)) == ACCOUNT


async def test_the_e_mail_address_is_no_user_name(make_second: MakeSecond, open_to_all: System) -> None:
    second = await make_person(make_second, open_to_all)
    email = f"{person_of(second).username}@example.com"

    assert (await send(second, await visit(second, "/account/delete"), username=email)).status == 400


@pytest.mark.requirement("account: every change asks for a login of the last ten minutes")
@pytest.mark.parametrize("route", PAGES, ids=lambda route: route.path)
async def test_a_page_and_a_form_of_long_ago_ask_for_a_login(
    make_second: MakeSecond, open_to_all: System, clock: MovableClock, postbox: Postbox, route: Route
) -> None:
    second = await make_person(make_second, open_to_all)
    page = await visit(second, route.path)
    assert heading(page) == PAGES[route]
    clock.advance(minutes=11)

    opened = await second.go(f"{second.party.issuer}{route.path}")
    asked = await send_and_follow(second, page, name="Eve", username=person_of(second).username, email="e@x.example")

    assert heading(opened) == heading(asked) == CONFIRM
    assert heading(await second.party.sign_in(asked)) == PAGES[route]
    assert await postbox.kinds(person_of(second)) == []


@pytest.mark.requirement("account: every change asks for everything that its user has set up")
@pytest.mark.parametrize("route", PAGES, ids=lambda route: route.path)
async def test_a_password_alone_is_not_enough_where_there_is_a_second_factor(
    make_second: MakeSecond, open_to_all: System, route: Route
) -> None:
    second = await make_second(enrolled=True, at=open_to_all)

    asked = await second.party.sign_in(await second.go(f"{second.party.issuer}{route.path}"))

    assert heading(asked) == CONFIRM
    assert heading(await second.answer(asked, second.next_code())) == PAGES[route]


@pytest.mark.requirement("account: a form counts for the session and the browser that it was shown to")
@pytest.mark.parametrize("route", PAGES, ids=lambda route: route.path)
@pytest.mark.parametrize("how", ["no token", "token of another session", "another site"])
async def test_a_form_that_is_not_ours_does_nothing(
    make_second: MakeSecond, open_to_all: System, postbox: Postbox, route: Route, how: str
) -> None:
    second, other = await make_person(make_second, open_to_all), await make_person(make_second, open_to_all)
    page = await visit(second, route.path)
    changes = {"name": "Eve", "username": person_of(second).username, "email": "eve@evil.example"}
    if how == "no token":
        changes["csrf_token"] = ""
    elif how == "another site":
        second.party.browser.headers["Sec-Fetch-Site"] = "cross-site"
    else:
        (token, *_) = (
            each.attributes["value"]
            for each in (await visit(other, route.path)).page.find_all("input")
            if each.attributes["name"] == "csrf_token"
        )
        changes["csrf_token"] = token

    assert (await send(second, page, **changes)).status == 403

    second.party.browser.headers.pop("Sec-Fetch-Site", None)
    assert heading(await visit(second)) == ACCOUNT
    assert await postbox.kinds(person_of(second)) == []


async def test_a_user_who_came_with_a_subject_is_deleted_and_can_come_again(
    make_second: MakeSecond, open_to_all: System
) -> None:
    sub = f"auth0|{secrets.token_hex(8)}"
    second = await make_person(make_second, open_to_all, subject=subject_of(sub), given_sub=sub)
    assert (await fetch(second))["profile"]["sub"] == sub

    gone = await send(second, await visit(second, "/account/delete"), username=person_of(second).username)

    assert heading(gone) == DELETED
    again = await make_person(make_second, open_to_all, subject=subject_of(sub), given_sub=sub)
    assert (await fetch(again))["profile"]["sub"] == sub
