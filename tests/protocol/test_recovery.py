"""A forgotten password: the same answer to everybody, a link that counts once, and what it does and does not do."""

import asyncio
import re

import pytest

from support.administration import CALLBACK
from support.browser import Answer, Browser
from support.front_channel import heading, response_of
from support.movable_clock import MovableClock
from support.postbox import MAIL, Postbox
from support.relying_party import Person, RelyingParty
from support.second_factor import ASK, MakeSecond
from support.system import System
from support.systems import MakeParty, StartSystem

ASKED, SENT, CHOOSE, DONE = (
    "Forgotten your password?",
    "Look into your mail",
    "Choose a new password",
    "Your password is changed",
)
NEW = "a new password of many words"
LONG = "x" * 5000


@pytest.fixture
async def party(make_party: MakeParty, mailing: System) -> RelyingParty:
    return await make_party(at=mailing)


async def ask(party: RelyingParty, name: str) -> Answer:
    page = await party.browser.get(f"{party.issuer}/recover")
    assert heading(page) == ASKED
    return await party.browser.submit(page, username=name)


async def link_for(party: RelyingParty, postbox: Postbox) -> str:
    assert party.person is not None
    before = len(await postbox.links(party.person, 0))
    assert heading(await ask(party, party.person.username)) == SENT
    return (await postbox.links(party.person, before + 1))[-1]


async def test_from_the_login_page_to_a_new_password(party: RelyingParty, postbox: Postbox) -> None:
    person = party.person
    assert person is not None
    tokens = await party.log_in(scope="openid offline_access")
    login = await party.start(prompt="login")
    (forgotten,) = (each for each in login.page.find_all("a") if each.attributes["href"].endswith("/recover"))
    assert forgotten.text == ASKED
    link = await link_for(party, postbox)

    page = await party.browser.get(f"{party.issuer}{link}")
    assert heading(page) == CHOOSE
    done = await party.browser.submit(page, password=NEW, again=NEW)

    assert (done.status, heading(done)) == (200, DONE)
    assert (await party.refresh(tokens.refresh_token)).error == "invalid_grant"
    # It signs nobody in.
    assert heading(await party.start()) == "Sign in"
    assert (await party.sign_in(await party.start())).status == 403
    signed_in = await party.walk(await party.sign_in(await party.start(), Person(person.username, NEW)))
    assert response_of(signed_in, CALLBACK).code
    assert await postbox.kinds(person) == ["password_reset", "password_changed"]


@pytest.mark.requirement("recovery: one answer to every name, in status, words and headers")
async def test_nothing_tells_whether_there_is_such_an_account(
    party: RelyingParty, mailing: System, postbox: Postbox
) -> None:
    administration = mailing.administration
    people = {
        "verified": await administration.create_user(),
        "unverified": await administration.create_user(email_verified=False),
        "without mail": await administration.create_user(email=None),
        "disabled": await administration.create_user(enabled=False),
    }
    names = {name: person.username for name, person in people.items()} | {"unknown": "nobody-at-all", "odd": "a\u202eb"}

    answers = {name: await ask(party, typed) for name, typed in names.items()}

    shapes = {
        re.sub(r"[0-9a-f]{32}", "ID", answer.text.replace(names[name], "NAME").replace("a\u202eb", "NAME"))
        for name, answer in answers.items()
        if name != "odd"
    }
    assert len(shapes) == 1
    assert {answer.status for answer in answers.values()} == {200}
    assert len({frozenset(answer.headers) for answer in answers.values()}) == 1
    await postbox.links(people["verified"])
    assert [await postbox.kinds(people[name]) for name in ("unverified", "without mail", "disabled")] == [[], [], []]


@pytest.mark.requirement("recovery: a link counts once, across replicas")
async def test_a_link_counts_once_however_many_press_the_button(
    party: RelyingParty, mailing: System, postbox: Postbox
) -> None:
    for _ in range(5):
        link = await link_for(party, postbox)
        browsers = [Browser() for _ in range(6)]
        for browser in browsers:
            # Past the front door, from a page of the issuer.
            browser.origin = mailing.origin
        urls = [mailing.urls["authorize"][number % 2] for number in range(6)]
        pages = [await browser.get(f"{url}{link}") for browser, url in zip(browsers, urls, strict=True)]
        fields = [("token", link.partition("token=")[2]), ("password", NEW), ("again", NEW)]

        answers = await asyncio.gather(
            *(browser.post(f"{url}/recover/password", fields) for browser, url in zip(browsers, urls, strict=True))
        )

        assert {page.status for page in pages} == {200}
        assert sorted(answer.status for answer in answers) == [200] + [410] * 5
        for browser in browsers:
            await browser.close()


@pytest.mark.requirement("recovery: opening a link uses nothing up")
async def test_a_program_that_opens_links_does_no_harm(party: RelyingParty, postbox: Postbox) -> None:
    link = await link_for(party, postbox)

    for method in ("GET", "HEAD", "GET"):
        assert (await party.browser.request(method, f"{party.issuer}{link}")).status == 200

    page = await party.browser.get(f"{party.issuer}{link}")
    assert heading(await party.browser.submit(page, password=NEW, again=NEW)) == DONE


@pytest.mark.requirement("recovery: a link dies with time, with a new password, and with everything that ends its user")
@pytest.mark.parametrize("how", ["time", "password", "disabled for a while", "disabled", "everything", "deleted"])
async def test_a_link_dies(
    party: RelyingParty, mailing: System, clock: MovableClock, postbox: Postbox, how: str
) -> None:
    link, administration, person = await link_for(party, postbox), mailing.administration, party.person
    assert person is not None
    page = await party.browser.get(f"{party.issuer}{link}")
    if how == "time":
        clock.advance(minutes=31)
    elif how == "password":
        await administration.set_password(person, "given by an operator")
    elif how == "everything":
        await administration.end_everything()
    elif how == "deleted":
        await administration.delete_user(person)
    else:
        await administration.disable_user(person)
        if how != "disabled":
            await administration.enable_user(person)

    pressed = await party.browser.submit(page, password=NEW, again=NEW)
    opened = await party.browser.get(f"{party.issuer}{link}")

    assert (pressed.status, opened.status) == (410, 410)
    assert "does not work any more" in opened.text


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "A" * 1000, "é" * 43])
async def test_what_is_no_token_looks_like_a_used_one(party: RelyingParty, token: str) -> None:
    opened = await party.browser.get(f"{party.issuer}/recover/password", [("token", token)])
    pressed = await party.browser.post(
        f"{party.issuer}/recover/password", [("token", token), ("password", NEW), ("again", NEW)]
    )

    assert (opened.status, pressed.status) == (410, 410)


@pytest.mark.parametrize(
    ("password", "again", "words"),
    [
        ("", "", "twice"),
        (NEW, f"{NEW}!", "not the same"),
        ("short", "short", "at least 8"),
        ("x" * 5000, "x" * 5000, "most"),
    ],
)
async def test_a_password_that_will_not_do_leaves_the_link(
    party: RelyingParty, postbox: Postbox, password: str, again: str, words: str
) -> None:
    link = await link_for(party, postbox)
    page = await party.browser.get(f"{party.issuer}{link}")

    refused = await party.browser.submit(page, password=password, again=again)

    assert (refused.status, words in refused.text) == (400, True)
    assert heading(await party.browser.submit(refused, password=NEW, again=NEW)) == DONE


@pytest.mark.requirement("recovery: a second factor stays, and is asked for")
async def test_a_second_factor_stays(make_second: MakeSecond, mailing: System, postbox: Postbox) -> None:
    second = await make_second(enrolled=True, at=mailing)
    link = await link_for(second.party, postbox)
    page = await second.party.browser.get(f"{second.party.issuer}{link}")
    assert heading(await second.party.browser.submit(page, password=NEW, again=NEW)) == DONE
    person = second.party.person
    assert person is not None

    asked = await second.party.sign_in(await second.party.start(), Person(person.username, NEW))

    assert heading(asked) == ASK
    assert "factor_added" in await postbox.kinds(person)


@pytest.mark.requirement("recovery: links lead to the configured issuer, whatever the request says")
async def test_the_address_of_a_request_is_in_no_mail(party: RelyingParty, postbox: Postbox) -> None:
    party.browser.headers |= {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}

    link = await link_for(party, postbox)

    assert re.fullmatch(r"/recover/password\?token=[A-Za-z0-9_-]{43}", link)


async def test_the_link_asked_for_longest_ago_makes_room(party: RelyingParty, postbox: Postbox) -> None:
    links = [await link_for(party, postbox) for _ in range(6)]

    statuses = [(await party.browser.get(f"{party.issuer}{link}")).status for link in links]

    assert statuses == [410] + [200] * 5


@pytest.mark.requirement("recovery: what a stranger can ask for is limited, the same for every name")
async def test_so_many_from_one_address(start_system: StartSystem, make_party: MakeParty) -> None:
    limited = await asyncio.to_thread(
        start_system,
        changes=MAIL | {"mail_per_address": "3"},
    )
    party = await make_party(at=limited)

    answers = [await ask(party, name) for name in ("nobody", "nobody", "nobody else", "nobody", "somebody")]

    assert [answer.status for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[-1].headers["Retry-After"].isdecimal()


async def test_without_mail_the_way_is_not_offered(make_party: MakeParty, system: System) -> None:
    party = await make_party(at=system)

    login = await party.start()
    opened = await party.browser.get(f"{party.issuer}/recover")

    assert ASKED not in login.text
    assert opened.location == f"{party.issuer}/"


async def test_a_form_of_another_site_asks_for_nothing(party: RelyingParty) -> None:
    party.browser.headers["Sec-Fetch-Site"] = "cross-site"

    answer = await party.browser.post(f"{party.issuer}/recover", [("username", "ada")])

    assert answer.status == 403


@pytest.mark.parametrize(
    ("claims", "ui_locales", "accepted", "language"),
    [
        ({}, "", "", "en"),
        ({}, "", "de-CH, fr;q=0.4", "de"),
        ({}, "ja", "de", "ja"),
        ({"locale": "es-MX"}, "ja", "de", "es"),
        ({"locale": "fr_CA"}, "", "", "fr"),
        ({"locale": "pt"}, "", "de", "de"),
    ],
)
async def test_a_mail_is_in_the_language_of_its_user_then_of_the_page(
    make_party: MakeParty,
    mailing: System,
    postbox: Postbox,
    claims: dict[str, str],
    ui_locales: str,
    accepted: str,
    language: str,
) -> None:
    person = await mailing.administration.create_user(claims=claims)
    party = await make_party(person=person, at=mailing)
    if accepted:
        party.browser.headers["Accept-Language"] = accepted
    login = await party.start(**({"ui_locales": ui_locales} if ui_locales else {}))
    (forgotten,) = (each for each in login.page.find_all("a") if "/recover" in each.attributes["href"])

    page = await party.browser.get(f"{mailing.issuer}{forgotten.attributes['href']}")
    await party.browser.submit(page, username=person.username)

    await postbox.links(person)
    assert await postbox.languages(person) == [language]
    shown = ui_locales or accepted[:2] or "en"
    assert page.page.get("html").attributes["lang"] == shown
