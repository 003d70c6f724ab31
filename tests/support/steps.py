"""The forms of our pages: how a browser comes to each of them, and what a person would send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.browser import Answer, Pairs, form_of

if TYPE_CHECKING:
    from support.relying_party import RelyingParty

STEPS = ("login", "select_account", "consent")
FORMS = (*STEPS, "logout")
_ACTIONS = {"select_account": "continue", "consent": "allow", "logout": "logout"}


async def reach(party: RelyingParty, form: str, **changes: str | None) -> Answer:
    """The page with this form, for a new request; the user is signed in where that page needs it."""
    if form == "login":
        return await party.start(**{"prompt": "login", **changes})
    await party.authorize()
    if form == "logout":
        return await party.browser.get(f"{party.issuer}/logout")
    return await party.start(**{"prompt": form, **changes})


def filled(party: RelyingParty, page: Answer, form: str, **changes: str | None) -> Pairs:
    """What a person would send who says yes; None leaves a field out."""
    values: dict[str, str | None] = {}
    if form == "login":
        assert party.person is not None
        values = {"username": party.person.username, "password": party.person.password}
    else:
        values = {"action": _ACTIONS[form]}
    pairs = {**dict(form_of(page).fields), **values, **changes}
    return [(name, value) for name, value in pairs.items() if value is not None]


def token_of(page: Answer) -> str:
    """The form token of a page."""
    return dict(form_of(page).fields)["csrf_token"]
