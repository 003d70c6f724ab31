"""A login as a person makes it, page by page, until the browser is sent back to the client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faults.call import Answer, Outcome
from support.browser import query_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support.browser import Answer as Page
    from support.relying_party import RelyingParty, Reply

_PAGES = 4
_OK, _CLIENT_ERROR, _SERVER_ERROR, _UNAVAILABLE = 200, 400, 500, 503


async def go(party: RelyingParty, verifier: str, **changes: str | None) -> Answer:
    """From the authorization request to the code. ``got["asked"]`` is what the person had to do on the way."""
    page, asked = await party.start(verifier, **changes), list[str]()
    for _ in range(_PAGES):
        if page.is_redirect or page.status != _OK:
            break
        names = {field.attributes.get("name") for field in page.page.find_all("input")}
        if "password" in names:
            asked.append("login")
            page = await party.sign_in(page)
        else:
            asked.append("consent")
            page = await party.browser.follow(await party.browser.submit(page, action="allow"), within=party.issuer)
    return _answer_of_page(page, asked)


def _answer_of_page(page: Page, asked: list[str]) -> Answer:
    if not page.is_redirect:
        return answer_from(page.status, str(page.status), page.headers)
    params = query_of(page.location)
    if "code" in params:
        return Answer(Outcome.DONE, page.status, got={**params, "asked": " ".join(asked)})
    outcome = Outcome.UNAVAILABLE if params["error"] == "temporarily_unavailable" else Outcome.REFUSED
    # A redirect cannot say when to come again. RFC 6749 §4.1.2.1.
    return Answer(outcome, page.status, params["error"], retry_after="0")


def answer_of(reply: Reply, got: Mapping[str, str] | None = None) -> Answer:
    """What an endpoint has answered; ``got`` is what a success hands out."""
    if reply.status == _OK:
        return Answer(Outcome.DONE, reply.status, got=got or {})
    return answer_from(reply.status, reply.error or "", reply.headers)


def answer_from(status: int, error: str, headers: Mapping[str, str]) -> Answer:
    """What an answer that is no success says."""
    if status == _UNAVAILABLE:
        return Answer(Outcome.UNAVAILABLE, status, error, headers.get("Retry-After", ""))
    is_refusal = _CLIENT_ERROR <= status < _SERVER_ERROR and error
    return Answer(Outcome.REFUSED if is_refusal else Outcome.UNKNOWN, status, error)
