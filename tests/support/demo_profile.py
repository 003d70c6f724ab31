"""The clients and the user of deploy/compose/demo-clients.yaml, with the secrets that secrets.sh makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from support.relying_party import ClientIdentity, Person, RelyingParty

USER = "ada"
REDIRECT_URI = "http://127.0.0.1:8000/callback"


def demo_party(issuer: str, client: str, secret: Callable[[str], str]) -> RelyingParty:
    """A client and its user: web, machine or api. ``secret`` reads a file that ``secrets.sh`` made, by its name."""
    redirect_uri = REDIRECT_URI if client == "web" else ""
    identity = ClientIdentity(f"demo-{client}", secret(f"demo-{client}-secret"), redirect_uri)
    return RelyingParty(issuer, identity, Person(USER, secret("demo-user-password")))


@dataclass(frozen=True, slots=True)
class Seen:
    """What the client and the resource server were told about two access tokens, before and after the revocation."""

    statuses: tuple[int, int, int]
    name: str
    before: list[bool]
    after: list[bool]


ALL_WELL = Seen((200, 200, 200), "Ada Lovelace", [True, True], [False, False])


async def log_in_and_revoke(web: RelyingParty, api: RelyingParty) -> Seen:
    """From the first page to the revocation, with a refresh between; both browsers are closed."""
    async with web.browser, api.browser:
        tokens = await web.log_in(scope="openid profile offline_access api:read")
        refreshed = await web.refresh(tokens.refresh_token)
        before = [(await api.introspect(each.access_token)).active for each in (tokens, refreshed)]
        person = await web.userinfo(refreshed.access_token)
        revoked = await web.revoke(refreshed.refresh_token)
        after = [(await api.introspect(each.access_token)).active for each in (tokens, refreshed)]
    return Seen((refreshed.status, person.status, revoked.status), str(person.body["name"]), before, after)
