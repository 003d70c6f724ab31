"""Links in mails about an address: each counts once, for one purpose, and does nothing before its button is pressed."""

import asyncio
from urllib.parse import urlsplit

import pytest

from support.account_page import entries, visit
from support.browser import Browser
from support.email_party import (
    CHANGED,
    GONE,
    change_link,
    claims,
    link_of_kind,
    make_person,
    new_address,
    person_of,
    press_link,
)
from support.front_channel import heading
from support.postbox import Postbox
from support.second_factor import MakeSecond
from support.system import System

ASK = "Is this your address?"


async def test_the_page_says_whose_account_it_is(
    make_second: MakeSecond, mailing: System, postbox: Postbox, stranger: Browser
) -> None:
    second = await make_person(make_second, mailing)
    link = await change_link(second, postbox)

    page = await stranger.get(f"{second.party.issuer}{link}")

    assert heading(page) == ASK
    assert person_of(second).username in entries(page)
    assert new_address(second) in entries(page)


@pytest.mark.requirement("account: a link in a mail counts once, across replicas")
@pytest.mark.parametrize("kind", ["verify", "confirm", "revert"])
async def test_a_link_counts_once_however_many_press_the_button(
    make_second: MakeSecond, mailing: System, postbox: Postbox, kind: str
) -> None:
    second = await make_person(make_second, mailing, email_verified=kind != "verify")
    link = await link_of_kind(second, postbox, kind)
    path, _, token = link.partition("?token=")
    browsers = [Browser() for _ in range(6)]
    for browser in browsers:
        browser.origin = mailing.origin
    urls = [mailing.urls["authorize"][number % 2] for number in range(6)]

    answers = await asyncio.gather(
        *(browser.post(f"{url}{path}", [("token", token)]) for browser, url in zip(browsers, urls, strict=True))
    )

    assert sorted(answer.status for answer in answers) == [200] + [410] * 5
    for browser in browsers:
        await browser.close()


@pytest.mark.requirement("account: opening a link uses nothing up, and changes nothing")
@pytest.mark.parametrize("kind", ["verify", "confirm", "revert"])
async def test_a_program_that_opens_links_does_no_harm(
    make_second: MakeSecond, mailing: System, postbox: Postbox, stranger: Browser, kind: str
) -> None:
    second = await make_person(make_second, mailing, email_verified=kind != "verify")
    link = await link_of_kind(second, postbox, kind)
    before = entries(await visit(second))

    for method in ("GET", "HEAD", "GET"):
        assert (await stranger.request(method, f"{second.party.issuer}{link}")).status == 200

    assert entries(await visit(second)) == before
    assert heading(await press_link(second, link)) != GONE


@pytest.mark.requirement("account: a token of one purpose is worth nothing for another")
@pytest.mark.parametrize("kind", ["verify", "confirm", "revert"])
async def test_a_link_does_nothing_at_another_page(
    make_second: MakeSecond, mailing: System, postbox: Postbox, kind: str
) -> None:
    second = await make_person(make_second, mailing, email_verified=kind != "verify")
    token = (await link_of_kind(second, postbox, kind)).partition("token=")[2]
    paths = {f"/account/email/{each}" for each in ("verify", "confirm", "revert")} | {"/recover/password"}

    for path in paths - {f"/account/email/{kind}"}:
        pairs = [
            ("token", token),
            ("password", "a new password of many words"),
            ("again", "a new password of many words"),
        ]
        assert (await second.party.browser.get(f"{second.party.issuer}{path}", [("token", token)])).status == 410
        assert (await second.party.browser.post(f"{second.party.issuer}{path}", pairs)).status == 410


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "A" * 1000, "é" * 43])
@pytest.mark.parametrize("kind", ["verify", "confirm", "revert"])
async def test_what_is_no_token_looks_like_a_used_one(
    make_second: MakeSecond, mailing: System, kind: str, token: str
) -> None:
    second = await make_person(make_second, mailing)
    url = f"{second.party.issuer}/account/email/{kind}"

    opened = await second.party.browser.get(url, [("token", token)])
    pressed = await second.party.browser.post(url, [("token", token)])

    assert (opened.status, pressed.status) == (410, 410)
    assert heading(opened) == heading(pressed) == GONE


@pytest.mark.parametrize("kind", ["verify", "confirm", "revert"])
async def test_a_button_of_another_site_does_nothing(
    make_second: MakeSecond, mailing: System, postbox: Postbox, stranger: Browser, kind: str
) -> None:
    second = await make_person(make_second, mailing, email_verified=kind != "verify")
    link = await link_of_kind(second, postbox, kind)
    stranger.headers["Sec-Fetch-Site"] = "cross-site"

    answer = await stranger.post(
        f"{second.party.issuer}{urlsplit(link).path}", [("token", link.partition("token=")[2])]
    )

    assert answer.status == 403
    assert heading(await press_link(second, link)) != GONE


@pytest.mark.requirement("account: a reset mail to an address that is no longer the user's is worth nothing")
async def test_a_reset_mail_of_before_dies_with_the_change(
    make_second: MakeSecond, mailing: System, postbox: Postbox, stranger: Browser
) -> None:
    second = await make_person(make_second, mailing)
    link = await change_link(second, postbox)
    recover = await stranger.get(f"{second.party.issuer}/recover")
    await stranger.submit(recover, username=person_of(second).username)
    reset = (await postbox.links(person_of(second), 2))[-1]
    assert (await stranger.get(f"{second.party.issuer}{reset}")).status == 200

    assert heading(await press_link(second, link)) == CHANGED

    assert (await stranger.get(f"{second.party.issuer}{reset}")).status == 410


async def test_an_operator_s_change_ends_what_was_under_way(
    make_second: MakeSecond, mailing: System, postbox: Postbox
) -> None:
    second = await make_person(make_second, mailing)
    link = await change_link(second, postbox)
    await mailing.administration.set_email(person_of(second), f"{person_of(second).username}@operator.example")

    assert heading(await press_link(second, link)) == GONE

    token = (await second.party.log_in(scope="openid email")).access_token
    assert await claims(second, token) == (f"{person_of(second).username}@operator.example", False)


@pytest.mark.requirement("account: a link is about the user it was made for, whoever is signed in")
async def test_a_link_is_pressed_where_another_user_is_signed_in(
    make_second: MakeSecond, mailing: System, postbox: Postbox
) -> None:
    ada, bob = await make_person(make_second, mailing), await make_person(make_second, mailing)
    link = await change_link(ada, postbox)
    before = entries(await visit(bob))

    page = await bob.party.browser.get(f"{bob.party.issuer}{link}")
    done = await bob.party.browser.submit(page)

    assert person_of(ada).username in entries(page)
    assert heading(done) == CHANGED
    assert entries(await visit(bob)) == before
    assert new_address(ada) in entries(await visit(ada))


async def test_a_form_for_another_tab_s_address_leaves_the_first_confirmed(
    make_second: MakeSecond, mailing: System, postbox: Postbox
) -> None:
    second = await make_person(make_second, mailing)
    name = person_of(second).username
    links = [await change_link(second, postbox, f"{name}@{tab}.example") for tab in ("one", "two")]

    done = [heading(await press_link(second, link)) for link in links]

    assert done == [CHANGED, GONE]
    assert f"{name}@one.example" in entries(await visit(second))
