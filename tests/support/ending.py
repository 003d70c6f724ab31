"""Everything that a user, a client and a machine may hold, and every way in which all of it, or some, ends."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from support.browser import query_of
from support.relying_party import CodeResponse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from support.administration import Administration
    from support.browser import Answer
    from support.fleet import Fleet
    from support.relying_party import RelyingParty, Reply

AHEAD = timedelta(minutes=2)
BOUND, OFFLINE = "openid api:read", "openid offline_access api:read"


@dataclass(frozen=True, slots=True)
class Holdings:
    """What was made before something ended: all of it good on every replica then.

    ``waiting`` is a consent page that is not answered yet.
    """

    party: RelyingParty
    machine: RelyingParty
    api: RelyingParty
    bound: Reply
    offline: Reply
    bound_code: CodeResponse
    offline_code: CodeResponse
    waiting: Answer
    verifier: str
    machine_token: str


async def hold(fleet: Fleet, method: str) -> Holdings:
    """A new user, two new clients, and everything that they can be given, refreshed once where it can be."""
    party, machine, api = await fleet.new_party(method), await fleet.new_machine(), fleet.new_api()
    token = fleet.at(party, "token", 0)
    browser, verifier = fleet.at(party, "authorize", 0), secrets.token_urlsafe(48)
    bound = await token.redeem(await browser.authorize(scope=BOUND))
    offline = await token.redeem(await browser.authorize(scope=OFFLINE))
    refreshed = [await fleet.at(party, "token", 1).refresh(reply.refresh_token) for reply in (bound, offline)]
    holdings = Holdings(
        party=party,
        machine=machine,
        api=api,
        bound=refreshed[0],
        offline=refreshed[1],
        bound_code=await browser.authorize(scope=BOUND),
        offline_code=await browser.authorize(scope=OFFLINE),
        waiting=await browser.start(verifier, scope=OFFLINE, prompt="consent"),
        verifier=verifier,
        machine_token=(await fleet.at(machine, "token", 0).token("client_credentials")).access_token,
    )
    assert all(await fleet.active(api, access_tokens(holdings)))
    return holdings


def access_tokens(holdings: Holdings) -> list[str]:
    """Of the user, bound and offline; and of the machine."""
    return [holdings.bound.access_token, holdings.offline.access_token, holdings.machine_token]


async def alive(fleet: Fleet, holdings: Holdings) -> set[str]:
    """What is good on any replica now. What can be taken only once is taken."""
    found: set[str] = set()
    party = holdings.party
    for kind, reply in (("bound", holdings.bound), ("offline", holdings.offline)):
        if any(await fleet.active(holdings.api, [reply.access_token])):
            found.add(f"{kind} access token")
        informed = [await at.userinfo(reply.access_token) for at in fleet.at_each(party, "introspection")]
        if any(each.status == 200 for each in informed):
            found.add(f"{kind} userinfo")
        refreshed = [await at.refresh(reply.refresh_token) for at in fleet.at_each(party, "token")]
        if any(each.status == 200 for each in refreshed):
            found.add(f"{kind} refresh token")
    for kind, code in (("bound", holdings.bound_code), ("offline", holdings.offline_code)):
        redeemed = [await at.redeem(code) for at in fleet.at_each(party, "token")]
        if any(each.status == 200 for each in redeemed):
            found.add(f"{kind} code")
    if any(await fleet.active(holdings.api, [holdings.machine_token])):
        found.add("machine token")
    return found | await _alive_in_the_browser(fleet, holdings)


async def _alive_in_the_browser(fleet: Fleet, holdings: Holdings) -> set[str]:
    found = set()
    party = fleet.at(holdings.party, "authorize", 1)
    if (await party.browser.get(f"{party.issuer}/login")).status == 200:
        found.add("session")
    # Whether the user has to sign in anew first, and which error a code that is dead on arrival meets, does not matter.
    shown_there = holdings.waiting.url.replace(fleet.at(party, "authorize", 0).issuer, party.issuer)
    submitted = await party.browser.submit(replace(holdings.waiting, url=shown_there), action="allow")
    answered = await party.walk(await party.browser.follow(submitted, within=party.issuer))
    arrived = answered.is_redirect and answered.location.startswith(party.client.redirect_uri)
    params = query_of(answered.location) if arrived else {}
    if "code" in params:
        code = CodeResponse(params, holdings.verifier)
        if (await fleet.at(holdings.party, "token", 0).redeem(code)).status == 200:
            found.add("interaction")
    return found


async def works(fleet: Fleet, holdings: Holdings) -> bool:
    """Whether its user and its machine get what is good on every replica, from every replica."""
    for number in range(fleet.system.replicas):
        code = await fleet.at(holdings.party, "authorize", number).authorize(scope=OFFLINE)
        token = fleet.at(holdings.party, "token", number)
        first = await token.redeem(code) if "code" in code.params else None
        if first is None or first.status != 200:
            return False
        second = await token.refresh(first.refresh_token)
        machine = await fleet.at(holdings.machine, "token", number).token("client_credentials")
        if {second.status, machine.status} != {200}:
            return False
        tokens = (reply.access_token for reply in (first, second, machine))
        if not all(await fleet.active(holdings.api, tokens)):
            return False
        informed = [await at.userinfo(second.access_token) for at in fleet.at_each(holdings.party, "introspection")]
        if {reply.status for reply in informed} != {200}:
            return False
    return True


OF_THE_USER = {
    f"{kind} {what}" for kind in ("bound", "offline") for what in ("access token", "userinfo", "refresh token", "code")
}
BOUND_TO_THE_SESSION = {each for each in OF_THE_USER if each.startswith("bound")}
EVERYTHING = OF_THE_USER | {"session", "interaction", "machine token"}


@dataclass(frozen=True, slots=True)
class Ending:
    """``kills`` is what is no good from its answer on; the rest stays as it was. Some end for good."""

    name: str
    end: Callable[[Fleet, Administration, Holdings], Awaitable[None]]
    kills: frozenset[str]
    is_for_good: bool = False

    def __str__(self) -> str:
        return self.name


async def disable_and_enable_client(_fleet: Fleet, operator: Administration, holdings: Holdings) -> None:
    await operator.disable_client(holdings.party.client)
    await operator.enable_client(holdings.party.client)


async def disable_and_enable_machine(_fleet: Fleet, operator: Administration, holdings: Holdings) -> None:
    await operator.disable_client(holdings.machine.client)
    await operator.enable_client(holdings.machine.client)


async def disable_client_twice(fleet: Fleet, operator: Administration, holdings: Holdings) -> None:
    """By operators whose clocks differ, the later one's behind."""
    ahead = replace(operator, clock=lambda: operator.clock() + AHEAD)
    await disable_and_enable_client(fleet, ahead, holdings)
    await disable_and_enable_client(fleet, operator, holdings)


async def delete_client(_fleet: Fleet, operator: Administration, holdings: Holdings) -> None:
    await operator.delete_client(holdings.party.client)


async def disable_and_enable_user(_fleet: Fleet, operator: Administration, holdings: Holdings) -> None:
    assert holdings.party.person is not None
    await operator.disable_user(holdings.party.person)
    await operator.enable_user(holdings.party.person)


async def change_password(_fleet: Fleet, operator: Administration, holdings: Holdings) -> None:
    assert holdings.party.person is not None
    holdings.party.person = await operator.set_password(holdings.party.person, "another horse, another battery")


async def withdraw_consent(_fleet: Fleet, operator: Administration, holdings: Holdings) -> None:
    assert holdings.party.person is not None
    await operator.withdraw_consent(holdings.party.person, holdings.party.client)


async def end_sessions(_fleet: Fleet, operator: Administration, holdings: Holdings) -> None:
    assert holdings.party.person is not None
    await operator.end_sessions(holdings.party.person)


async def end_everything(_fleet: Fleet, operator: Administration, _holdings: Holdings) -> None:
    await operator.end_everything()


async def revoke_refresh_token(fleet: Fleet, _operator: Administration, holdings: Holdings) -> None:
    token = fleet.at(holdings.party, "token", 1)
    assert (await token.revoke(holdings.offline.refresh_token)).status == 200


ENDINGS = (
    Ending("client disabled and enabled", disable_and_enable_client, frozenset(OF_THE_USER | {"interaction"})),
    Ending("machine disabled and enabled", disable_and_enable_machine, frozenset({"machine token"})),
    Ending("client disabled twice", disable_client_twice, frozenset(OF_THE_USER | {"interaction"})),
    Ending("client deleted", delete_client, frozenset(OF_THE_USER | {"interaction"}), is_for_good=True),
    Ending("user disabled and enabled", disable_and_enable_user, frozenset(OF_THE_USER | {"session"})),
    Ending("password changed", change_password, frozenset(OF_THE_USER | {"session"})),
    Ending("consent withdrawn", withdraw_consent, frozenset(OF_THE_USER)),
    Ending("sessions ended", end_sessions, frozenset(BOUND_TO_THE_SESSION | {"session"})),
    Ending("everything ended", end_everything, frozenset(EVERYTHING)),
    Ending(
        "refresh token revoked",
        revoke_refresh_token,
        frozenset({"offline access token", "offline userinfo", "offline refresh token"}),
    ),
)
