"""A client that signs its user out, as RP-Initiated Logout has it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from support.administration import CALLBACK
from support.browser import Answer
from support.front_channel import response_of

if TYPE_CHECKING:
    from support.relying_party import RelyingParty

QUESTION, DONE, STAYED = "Sign out?", "You are signed out", "You are still signed in"
REFUSED = "This request did not work"
LogOut = Callable[..., Awaitable[Answer]]


async def id_token(party: RelyingParty) -> str:
    """Sign in, for the ID token."""
    return str((await party.log_in()).body["id_token"])


async def log_out(party: RelyingParty, **params: str | None) -> Answer:
    """Follow the client's link."""
    pairs = [(name, value) for name, value in params.items() if value is not None]
    return await party.browser.get(f"{party.issuer}/logout", pairs)


async def log_out_by_form(party: RelyingParty, **params: str | None) -> Answer:
    """Submit the client's form, which the browser sends without our cookies."""
    pairs = [(name, value) for name, value in params.items() if value is not None]
    kept, party.browser.cookies = party.browser.cookies, {}
    answer = await party.browser.post(f"{party.issuer}/logout", pairs, origin="https://client.example")
    party.browser.cookies = kept
    return await party.browser.follow(answer, within=party.issuer)


async def is_signed_in(party: RelyingParty) -> bool:
    """Whether this browser's user would be known to the client."""
    return response_of(await party.start(prompt="none"), CALLBACK).error != "login_required"
