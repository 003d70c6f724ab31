"""The account page, as a person uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from support.browser import Answer
    from support.document import Element
    from support.second_factor import SecondFactorParty


async def visit(second: SecondFactorParty, path: str = "/account") -> Answer:
    """Open a page of the account, and do what stands before it."""
    page = await second.go(f"{second.party.issuer}{path}")
    if "password" in {each.attributes.get("name") for each in page.page.find_all("input")} and "/login" in page.url:
        page = await second.party.sign_in(page)
    if "/second-factor" in page.url:
        page = await second.answer(page, second.next_code())
    return page


def forms(page: Answer, action: str) -> list[Element]:
    """The forms of the account page that post this action."""
    return [
        form
        for form in page.page.find_all("form")
        if any(each.attributes.get("value") == action for each in form.find_all("input"))
    ]


async def press(second: SecondFactorParty, page: Answer, action: str, index: int = 0) -> Answer:
    """Press the button of a form of the account page; where the browser is led, without what stands before it."""
    form = forms(page, action)[index]
    pairs = [(each.attributes["name"], each.attributes["value"]) for each in form.find_all("input")]
    answer = await second.party.browser.post(f"{second.party.issuer}/account", pairs)
    return await second.party.browser.follow(answer, within=second.party.issuer)


def entries(page: Answer) -> str:
    """What the page says."""
    return page.page.get("main").text


async def send(second: SecondFactorParty, page: Answer, which: str = "", /, **values: str) -> Answer:
    """Fill in the form of a page that posts this action, the last one without any, and send it."""
    form = [each for each in page.page.find_all("form") if not which or which in _values(each)][-1]
    fields = {each.attributes["name"]: each.attributes.get("value", "") for each in form.find_all("input")}
    origin = "/".join(second.party.issuer.split("/")[:3])
    return await second.party.browser.post(f"{origin}{form.attributes['action']}", list((fields | values).items()))


async def send_and_follow(second: SecondFactorParty, page: Answer, which: str = "", /, **values: str) -> Answer:
    """The same, and where the browser is led."""
    return await second.party.browser.follow(await send(second, page, which, **values), within=second.party.issuer)


def _values(form: Element) -> set[str]:
    return {each.attributes.get("value", "") for each in form.find_all("input")}
