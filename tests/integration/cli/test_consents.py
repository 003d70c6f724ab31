"""``valetkey consent`` against a running system, in the role that operators have in PostgreSQL."""

import asyncio

import asyncpg
import pytest

from support.operator_cli import Operator, Outcome
from support.relying_party import RelyingParty
from support.system import System
from support.systems import MakeParty
from valetkey.cli.exit_code import ExitCode
from valetkey.cli.operator_name import operator_name


async def typed(operator: Operator, *arguments: str) -> Outcome:
    return await asyncio.to_thread(lambda: operator.run(*arguments))


def named(party: RelyingParty) -> tuple[str, str, str]:
    """The user's name and subject, and the client."""
    assert party.person is not None
    return party.person.username, party.person.subject, party.client.client_id


async def test_what_users_have_agreed_to_is_listed_by_user_and_by_client(
    system_operator: Operator, make_party: MakeParty
) -> None:
    party = await make_party()
    neighbour = await make_party(party.client)
    await party.log_in(scope="openid profile api:read")
    await neighbour.log_in(scope="openid")
    username, subject, client_id = named(party)

    of_user = await typed(system_operator, "consent", "list", "--user", username, "-o", "json")
    for_client = await typed(system_operator, "consent", "list", "--client", client_id, "-o", "json")
    of_both = await typed(system_operator, "consent", "list", "--user", subject, "--client", client_id, "-o", "json")
    table = await typed(system_operator, "consent", "list", "--user", username)

    (consent,) = of_user.json
    assert (consent["subject"], consent["username"], consent["client_id"]) == (subject, username, client_id)
    assert consent["scope"] == ["api:read", "openid", "profile"]
    assert {each["username"] for each in for_client.json} == {username, named(neighbour)[0]}
    assert of_both.json == of_user.json
    assert "api:read openid profile" in table.out


@pytest.mark.requirement("security 21: refuse after consent withdrawn")
async def test_withdrawing_ends_the_grants_of_these_two_and_no_others(
    system_operator: Operator, make_party: MakeParty
) -> None:
    party = await make_party()
    elsewhere = await make_party(person=party.person)
    neighbour = await make_party(party.client)
    parties = [party, elsewhere, neighbour]
    logins = [(each, await each.log_in(scope="openid offline_access")) for each in parties]
    username, subject, client_id = named(party)

    withdrawn = await typed(system_operator, "consent", "withdraw", username, client_id, "-o", "json")
    listed = await typed(system_operator, "consent", "list", "--user", username, "-o", "json")
    refreshed = [await each.refresh(tokens.refresh_token) for each, tokens in logins]

    assert withdrawn.exit_code == ExitCode.OK, withdrawn
    assert withdrawn.json["was_given"] is True
    assert withdrawn.json["grants_ended"] == 1
    assert [each["client_id"] for each in listed.json] == [named(elsewhere)[2]]
    assert [answer.status for answer in refreshed] == [400, 200, 200]
    assert refreshed[0].error == "invalid_grant"
    (event,) = [each for each in withdrawn.events if each.get("actor") == operator_name()]
    assert (event["type"], event["outcome"]) == ("consent.withdrawn", "success")
    assert (event["subject"], event["client_id"]) == (subject, client_id)


async def test_withdrawing_again_changes_nothing_and_says_so(system_operator: Operator, party: RelyingParty) -> None:
    await party.log_in()
    username, _, client_id = named(party)
    await typed(system_operator, "consent", "withdraw", username, client_id)

    again = await typed(system_operator, "consent", "withdraw", username, client_id, "-o", "json")

    assert again.exit_code == ExitCode.OK
    assert (again.json["was_given"], again.json["grants_ended"]) == (False, 0)
    assert f"{username} had not agreed to anything for {client_id}." in again.err


async def test_a_user_who_withdrew_may_agree_again(system_operator: Operator, party: RelyingParty) -> None:
    await party.log_in()
    await typed(system_operator, "consent", "withdraw", *named(party)[::2])

    tokens = await party.log_in()

    assert tokens.status == 200
    assert (await party.refresh(tokens.refresh_token)).status == 200


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (("list", "--user", "unknown"), "`valetkey user list` lists them"),
        (("list", "--client", "nothing"), "`valetkey client list` lists them"),
        (("withdraw", "unknown", "nothing"), "`valetkey user list` lists them"),
    ],
    ids=["user", "client", "withdraw"],
)
def test_a_name_that_no_user_has_is_told(operator: Operator, arguments: tuple[str, ...], advice: str) -> None:
    outcome = operator.run("consent", *arguments)

    assert outcome.exit_code == ExitCode.NOT_FOUND
    assert advice in outcome.err


async def test_nothing_is_withdrawn_while_redis_is_away(
    system: System, system_operator: Operator, party: RelyingParty
) -> None:
    await party.log_in()
    username, subject, client_id = named(party)

    outcome = await typed(
        system_operator.with_variables(redis_url="redis://127.0.0.1:1/0"), "consent", "withdraw", username, client_id
    )

    connection = await asyncpg.connect(system.postgres_dsn)
    still_given = await connection.fetchval("SELECT is_given FROM consents WHERE subject = $1::text::uuid", subject)
    await connection.close()
    assert outcome.exit_code == ExitCode.UNAVAILABLE
    assert still_given is True
