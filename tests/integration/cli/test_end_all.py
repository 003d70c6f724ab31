"""``valetkey revocation end-all``, typed where a user and a machine have tokens, and a code is on its way."""

import asyncio

from support.browser import query_of
from support.fleet import Fleet
from support.operator_cli import Operator, Outcome, environment_of
from support.systems import StartSystem
from valetkey.cli.exit_code import ExitCode

SCOPE = "openid offline_access api:read"


async def typed(operator: Operator, *arguments: str) -> Outcome:
    return await asyncio.to_thread(operator.run, "revocation", "end-all", *arguments)


async def test_it_ends_every_grant_and_keeps_registrations_and_consents(
    start_system: StartSystem,
) -> None:
    system = await asyncio.to_thread(start_system)
    operator = Operator(environment_of(system.settings_of("operator")))
    fleet = Fleet(system, {})
    party, machine = await fleet.new_party(), await fleet.new_machine()
    tokens, issued = await party.log_in(scope=SCOPE), await machine.token("client_credentials")
    code = await party.authorize(scope=SCOPE)

    ended = await typed(operator, "--yes", "-o", "json")
    again = await typed(operator, "--yes", "-o", "json")
    active = [
        (await each.introspect(reply.access_token)).active for each, reply in ((party, tokens), (machine, issued))
    ]
    errors = [(await party.refresh(tokens.refresh_token)).error, (await party.redeem(code)).error]
    silent = query_of((await party.start(prompt="none")).location)
    shown = await party.sign_in(await party.start(scope=SCOPE))
    for each in (party, machine):
        await each.browser.close()

    assert ended.json == {"sessions_ended": 1, "grants_ended": 1, "consents_withdrawn": 0}
    assert again.json == {"sessions_ended": 0, "grants_ended": 0, "consents_withdrawn": 0}
    assert [event["type"] for event in ended.events] == ["everything.revoked"]
    assert active == [False, False]
    assert errors == ["invalid_grant"] * 2
    assert silent["error"] == "login_required"
    assert shown.is_redirect, "the user was asked again for what had been agreed to"


def test_it_ends_nothing_unless_it_is_told_to(operator: Operator) -> None:
    outcome = operator.run("revocation", "end-all")

    assert outcome.exit_code == ExitCode.REFUSED
    assert outcome.events == []
