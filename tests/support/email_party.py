"""A person who changes the e-mail address of the own account, by links in mails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support.account_page import entries, send, send_and_follow, visit
from support.browser import Answer, Browser
from support.front_channel import heading
from valetkey.core.mail.content import Content, EmailChanged

if TYPE_CHECKING:
    from support.postbox import Postbox
    from support.relying_party import Person
    from support.second_factor import MakeSecond, SecondFactorParty
    from support.system import System

EMAIL, GONE, CHANGED, ON_ITS_WAY = (
    "Your e-mail address",
    "This link does nothing",
    "Your address is changed",
    "A mail is on its way",
)


async def make_person(
    make_second: MakeSecond,
    system: System,
    **changes: Any,  # noqa: ANN401 - any field of User
) -> SecondFactorParty:
    """A new user of this system."""
    person = await system.administration.create_user(**changes)
    return await make_second(person, at=system)


def person_of(second: SecondFactorParty) -> Person:
    """Who that is."""
    assert second.party.person is not None
    return second.party.person


def address_of(second: SecondFactorParty) -> str:
    """The address of the beginning."""
    return f"{person_of(second).username}@example.com"


def new_address(second: SecondFactorParty) -> str:
    """Another one."""
    return f"{person_of(second).username}@new.example"


def link_in(mail: Content) -> str:
    """The link in a mail."""
    return str(mail.revert_link if isinstance(mail, EmailChanged) else mail.link)  # type: ignore[union-attr]


async def ask_for_change(second: SecondFactorParty, email: str) -> Answer:
    """Ask for another address on the account page."""
    page = await visit(second, "/account/email")
    assert heading(page) == EMAIL
    return await send_and_follow(second, page, "change", email=email)


async def change_link(second: SecondFactorParty, postbox: Postbox, email: str = "") -> str:
    """The link in the mail that another address gets."""
    email = email or new_address(second)
    assert ON_ITS_WAY in entries(await ask_for_change(second, email))
    return link_in((await postbox.mails_to(email))[-1])


async def press_link(second: SecondFactorParty, link: str) -> Answer:
    """Open a link and press its button, in a browser that is signed in to nothing."""
    async with Browser() as other:
        page = await other.get(f"{second.party.issuer}{link}")
        return page if heading(page) == GONE else await other.submit(page)


async def claims(second: SecondFactorParty, access_token: str) -> tuple[object, object]:
    """What UserInfo says of the address."""
    body = (await second.party.userinfo(access_token)).body
    return body.get("email"), body.get("email_verified")


async def link_of_kind(second: SecondFactorParty, postbox: Postbox, kind: str) -> str:
    """A link to ``verify``, ``confirm`` or ``revert``, as it was sent."""
    if kind == "verify":
        await send(second, await visit(second, "/account/email"), "verify")
        return link_in((await postbox.mails_to(address_of(second)))[-1])
    link = await change_link(second, postbox)
    if kind == "revert":
        assert heading(await press_link(second, link)) == CHANGED
        return link_in((await postbox.mails_to(address_of(second)))[-1])
    return link
