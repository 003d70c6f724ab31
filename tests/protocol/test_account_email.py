"""The e-mail address of an account: confirmed, changed and brought back by its user."""

import asyncio
import re

import pytest

from support.account_page import entries, send, send_and_follow, visit
from support.browser import Browser
from support.email_party import (
    CHANGED,
    EMAIL,
    GONE,
    ON_ITS_WAY,
    address_of,
    ask_for_change,
    change_link,
    claims,
    link_in,
    make_person,
    new_address,
    person_of,
    press_link,
)
from support.front_channel import heading
from support.movable_clock import MovableClock
from support.postbox import MAIL, Postbox
from support.relying_party import Person
from support.second_factor import MakeSecond
from support.system import System
from support.systems import StartSystem
from valetkey.core.mail.content import (
    EmailChangeConfirmation,
    EmailChanged,
    EmailInUse,
    EmailReverted,
    EmailVerification,
)

ACCOUNT, CONFIRM = "Your account", "Confirm that it is you"
BACK = "Bring your address back?"
CONFIRMED, REVERTED = "Your address is confirmed", "Your address is back"


async def test_an_address_is_confirmed_and_applications_are_told(
    make_second: MakeSecond, mailing: System, postbox: Postbox
) -> None:
    second = await make_person(make_second, mailing, email_verified=False)
    token = (await second.party.log_in(scope="openid email")).access_token
    assert (await claims(second, token))[1] is False
    page = await visit(second)
    assert "Not confirmed yet" in entries(page)

    asked = await send_and_follow(second, await visit(second, "/account/email"), "verify")

    email = (await postbox.mails(person_of(second)))[0]
    assert isinstance(email, EmailVerification)
    assert ON_ITS_WAY in entries(asked)
    assert (await claims(second, token))[1] is False
    assert heading(await press_link(second, email.link)) == CONFIRMED
    assert (await claims(second, token))[1] is True
    assert "Confirmed" in entries(await visit(second))
    assert heading(await press_link(second, email.link)) == GONE
    assert await postbox.kinds(person_of(second)) == ["email_verification"]


async def test_a_confirmed_address_is_not_confirmed_again(
    make_second: MakeSecond, mailing: System, postbox: Postbox
) -> None:
    second = await make_person(make_second, mailing)
    page = await visit(second, "/account/email")

    assert "Confirm this address" not in page.text
    assert (await send(second, page, "change", action="verify")).is_redirect
    assert await postbox.kinds(person_of(second)) == []


@pytest.mark.requirement("account: nothing changes before the new address is confirmed, and the former one is told")
async def test_an_address_is_changed_once_the_new_one_is_confirmed(
    make_second: MakeSecond, mailing: System, postbox: Postbox
) -> None:
    second = await make_person(make_second, mailing)
    tokens = await second.party.log_in(scope="openid email offline_access")
    link = await change_link(second, postbox)
    assert re.fullmatch(r"/account/email/confirm\?token=[A-Za-z0-9_-]{43}", link)
    assert await claims(second, tokens.access_token) == (address_of(second), True)

    done = await press_link(second, link)

    assert heading(done) == CHANGED
    assert await claims(second, tokens.access_token) == (new_address(second), True)
    told = (await postbox.mails_to(address_of(second)))[-1]
    assert isinstance(told, EmailChanged)
    assert told.minutes == 7 * 24 * 60
    assert heading(await press_link(second, link)) == GONE
    # It ends nothing, and signs in under the new name.
    assert (await second.party.refresh(tokens.refresh_token)).status == 200
    person = person_of(second)
    again = await second.party.start(prompt="login")
    signed_in = await second.party.sign_in(again, Person(new_address(second), person.password))
    assert signed_in.status != 403
    refused = await second.party.sign_in(
        await second.party.start(prompt="login"), Person(address_of(second), person.password)
    )
    assert refused.status == 403


@pytest.mark.requirement("account: a changed address is brought back by its owner, and everything ends")
async def test_an_address_is_brought_back(
    make_second: MakeSecond, mailing: System, postbox: Postbox, stranger: Browser
) -> None:
    second = await make_person(make_second, mailing)
    tokens = await second.party.log_in(scope="openid email offline_access")
    assert heading(await press_link(second, await change_link(second, postbox))) == CHANGED
    pending = await change_link(second, postbox, f"{person_of(second).username}@third.example")
    undo = link_in((await postbox.mails_to(address_of(second)))[-1])
    page = await stranger.get(f"{second.party.issuer}{undo}")
    assert heading(page) == BACK

    done = await press_link(second, undo)

    assert heading(done) == REVERTED
    assert (await second.party.refresh(tokens.refresh_token)).error == "invalid_grant"
    assert heading(await second.party.start()) == "Sign in"
    told = [(await postbox.mails_to(address, 2))[-1] for address in (address_of(second), new_address(second))]
    assert [isinstance(each, EmailReverted) and bool(each.address) for each in told] == [True, False]
    assert heading(await press_link(second, pending)) == GONE
    assert heading(await press_link(second, undo)) == GONE
    assert address_of(second) in entries(await visit(second))
    # The way to a new password leads over the address that is back.
    (onward, *_) = (link for link in done.page.find_all("a") if "primary" in link.attributes.get("class", ""))
    forgotten = await stranger.get(f"{mailing.origin}{onward.attributes['href']}")
    assert heading(forgotten) == "Forgotten your password?"


@pytest.mark.requirement("account: one answer to every address, and only the mailbox hears whose it is")
async def test_nothing_tells_whose_address_it_is(make_second: MakeSecond, mailing: System, postbox: Postbox) -> None:
    second, other = await make_person(make_second, mailing), await make_person(make_second, mailing)
    named = await mailing.administration.create_user(username=f"{person_of(other).username}@as-name.example")
    disabled = await mailing.administration.create_user(enabled=False)
    addresses = [
        new_address(second),
        address_of(other),
        address_of(other).upper(),
        named.username,
        f"{disabled.username}@example.com",
    ]

    answers = [await ask_for_change(second, address) for address in addresses]

    assert len({re.sub(r"[0-9a-f]{32}", "ID", answer.text) for answer in answers}) == 1
    assert {answer.status for answer in answers} == {200}
    kinds = [type((await postbox.mails_to(address))[-1]) for address in addresses]
    assert kinds == [EmailChangeConfirmation] + [EmailInUse] * 4
    token = (await other.party.log_in(scope="openid email")).access_token
    assert await claims(other, token) == (address_of(other), True)


@pytest.mark.requirement("security 51: a line break in an address forges no header")
@pytest.mark.parametrize(
    "email",
    [
        "",
        "ada",
        "ada@",
        "@example.com",
        "a@b@example.com",
        "ada@example.com\r\nBcc: eve@evil.example",
        "ada@example.com\nSubject: x",
        "ada@example\t.com",
        "Ada <ada@example.com>",
        "ada@exämple.com",
        "ada@example.com, eve@evil.example",
        "a" * 65 + "@example.com",
        "a@" + "b" * 260,
        '"a b"@example.com',
        "ada@[127.0.0.1]",
        "ada@example.com\u202e",
    ],
)
async def test_what_is_no_address_says_how_to_write_one(
    make_second: MakeSecond, mailing: System, postbox: Postbox, email: str
) -> None:
    second = await make_person(make_second, mailing)
    page = await visit(second, "/account/email")

    refused = await send(second, page, "change", email=email)

    assert (refused.status, heading(refused)) == (400, EMAIL)
    assert "such as ada@example.com" in refused.text
    assert await postbox.kinds(person_of(second)) == []


@pytest.mark.parametrize("spelled", [str, str.upper, lambda address: f" {address} "])
async def test_the_same_address_is_no_change(make_second: MakeSecond, mailing: System, spelled: object) -> None:
    second = await make_person(make_second, mailing)
    page = await visit(second, "/account/email")

    refused = await send(second, page, "change", email=spelled(address_of(second)))  # type: ignore[operator]

    assert (refused.status, "That is your address already" in refused.text) == (400, True)


async def test_a_user_without_an_address_adds_one(make_second: MakeSecond, mailing: System, postbox: Postbox) -> None:
    second = await make_person(make_second, mailing, email=None, email_verified=False)
    assert "There is none." in entries(await visit(second))

    assert heading(await press_link(second, await change_link(second, postbox))) == CHANGED

    assert new_address(second) in entries(await visit(second))
    assert await postbox.kinds(person_of(second)) == ["email_change_confirmation"]


@pytest.mark.requirement("account: every change asks for a login of the last ten minutes")
@pytest.mark.parametrize("action", ["verify", "change"])
async def test_a_form_of_long_ago_asks_for_a_login(
    make_second: MakeSecond, mailing: System, clock: MovableClock, postbox: Postbox, action: str
) -> None:
    second = await make_person(make_second, mailing, email_verified=False)
    page = await visit(second, "/account/email")
    clock.advance(minutes=11)

    asked = await send_and_follow(second, page, action, email=new_address(second))

    assert heading(asked) == CONFIRM
    assert heading(await second.party.sign_in(asked)) == EMAIL
    assert await postbox.kinds(person_of(second)) == []


@pytest.mark.requirement("account: a form counts for the session and the browser that it was shown to")
@pytest.mark.parametrize("how", ["no token", "another site", "unknown action"])
async def test_a_form_that_is_not_ours_sends_nothing(
    make_second: MakeSecond, mailing: System, postbox: Postbox, how: str
) -> None:
    second = await make_person(make_second, mailing)
    page = await visit(second, "/account/email")
    changes = {"email": new_address(second)}
    if how == "no token":
        changes["csrf_token"] = ""
    elif how == "another site":
        second.party.browser.headers["Sec-Fetch-Site"] = "cross-site"
    else:
        changes["action"] = "nothing"

    answer = await send(second, page, "change", **changes)

    assert answer.status == (400 if how == "unknown action" else 403)
    assert await postbox.kinds(person_of(second)) == []


@pytest.mark.requirement("account: what an applied file owns is changed in that file")
async def test_an_address_that_a_file_owns_is_not_the_users_to_change(
    make_second: MakeSecond, mailing: System, postbox: Postbox
) -> None:
    second = await make_person(make_second, mailing, email_verified=False)
    page = await visit(second, "/account/email")
    await mailing.administration.own_user(person_of(second), "git")

    for action in ("verify", "change"):
        assert heading(await send_and_follow(second, page, action, email=new_address(second))) == ACCOUNT
    shown = await visit(second, "/account/email")
    assert heading(shown) == ACCOUNT
    assert address_of(second) in entries(shown)
    assert "/account/email" not in shown.text
    assert await postbox.kinds(person_of(second)) == []


@pytest.mark.requirement("account: what a user can have sent is limited over all replicas, to whichever address")
async def test_a_user_has_so_many_mails_sent(
    start_system: StartSystem, make_second: MakeSecond, clock: MovableClock
) -> None:
    limited = await asyncio.to_thread(start_system, clock=clock, replicas=2, changes=MAIL | {"mail_per_recipient": "3"})
    second = await make_person(make_second, limited)

    page = await visit(second, "/account/email")

    answers = await asyncio.gather(
        *(send(second, page, "change", email=f"{number}@stranger.example") for number in range(8))
    )

    assert sorted(answer.status for answer in answers) == [303] * 3 + [429] * 5
    (refused, *_) = (answer for answer in answers if answer.status == 429)
    assert refused.headers["Retry-After"].isdecimal()
    assert "Wait a while" in refused.text


async def test_without_mail_the_way_is_not_offered(make_second: MakeSecond) -> None:
    second = await make_second()

    shown = await visit(second)

    assert "/account/email" not in shown.text
    assert heading(await visit(second, "/account/email")) == ACCOUNT
