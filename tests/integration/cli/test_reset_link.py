"""``valetkey user reset-link`` and ``user create --no-password``: people who choose their password behind a link."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from support.administration import Administration
from support.browser import Answer, Browser
from support.front_channel import heading
from support.operator_cli import Operator, environment_of
from support.relying_party import Person, RelyingParty
from support.second_factor import ASK, MakeSecond
from support.system import System
from support.systems import MakeParty
from valetkey.cli.exit_code import ExitCode
from valetkey.core.authentication.account_token import TokenPurpose, token_digest
from valetkey.storage.postgres.tables.account_tokens import AccountTokens

NEW = "a new password of many words"
CHOOSE, DONE = "Choose a new password", "Your password is changed"


async def type_in(operator: Operator, *arguments: str) -> dict[str, str]:
    """What a command answers, while the system goes on."""
    answer = await asyncio.to_thread(operator.json, *arguments)
    assert isinstance(answer, dict)
    return answer


async def choose(link: str, password: str = NEW) -> Answer:
    """Open a link in a browser that knows nothing, and choose a password."""
    async with Browser() as browser:
        page = await browser.get(link)
        assert heading(page) == CHOOSE, page.text
        return await browser.submit(page, password=password, again=password)


async def opened(link: str) -> int:
    """The status of the page behind a link; one that is dead says what to do."""
    async with Browser() as browser:
        page = await browser.get(link)
        assert page.status == 200 or heading(page) == "This link does not work any more"
        return page.status


async def status_of_login(make_party: MakeParty, person: Person) -> int:
    party: RelyingParty = await make_party(person=person)
    return (await party.sign_in(await party.start(prompt="consent"))).status


async def test_a_user_without_a_password_chooses_one(
    system: System, make_party: MakeParty, system_operator: Operator
) -> None:
    user = await type_in(system_operator, "user", "create", "grace.hopper", "--no-password")
    before = await status_of_login(make_party, Person("grace.hopper", "any other"))
    guessed = await status_of_login(make_party, Person("grace.hopper", NEW))

    made = await type_in(system_operator, "user", "reset-link", "grace.hopper")
    assert heading(await choose(made["reset_link"])) == DONE

    assert (before, guessed) == (403, 403)
    assert await status_of_login(make_party, Person("grace.hopper", NEW)) == 200
    assert made["reset_link"].startswith(f"{system.issuer}/recover/password?token=")
    assert (made["subject"], made["username"]) == (user["subject"], "grace.hopper")


@pytest.mark.requirement("a link by an operator: once, for half an hour, and it leaves the old password until then")
async def test_the_link_is_good_once(
    administration: Administration, make_party: MakeParty, system_operator: Operator
) -> None:
    person = await administration.create_user()
    link = (await type_in(system_operator, "user", "reset-link", person.username))["reset_link"]
    untouched = await status_of_login(make_party, person)
    looked_at = [await opened(link), await opened(link)]

    await choose(link)

    assert (untouched, looked_at) == (200, [200, 200])
    assert await opened(link) == 410
    assert await status_of_login(make_party, person) == 403
    assert await status_of_login(make_party, Person(person.username, NEW)) == 200


async def test_the_link_is_good_for_half_an_hour(administration: Administration, system_operator: Operator) -> None:
    person = await administration.create_user()

    made = await type_in(system_operator, "user", "reset-link", person.username)

    ends = datetime.fromisoformat(made["expires_at"])
    digest = token_digest(TokenPurpose.PASSWORD_RESET, made["reset_link"].partition("token=")[2])
    assert digest is not None
    async with administration.database() as database:
        found = [
            await AccountTokens(database).find(digest, TokenPurpose.PASSWORD_RESET, ends + timedelta(seconds=seconds))
            for seconds in (-1, 1)
        ]
    assert found == [UUID(person.subject), None]
    assert timedelta(minutes=29) < ends - administration.clock() <= timedelta(minutes=30)


@pytest.mark.parametrize("ending", ["disable", "set-password"])
async def test_the_link_ends_with_what_ends_its_user(
    administration: Administration, system_operator: Operator, ending: str
) -> None:
    person = await administration.create_user()
    link = (await type_in(system_operator, "user", "reset-link", person.username))["reset_link"]

    more = ["--generate-password"] if ending == "set-password" else []
    await type_in(system_operator, "user", ending, person.username, *more)

    assert await opened(link) == 410


async def test_a_second_factor_stays(make_second: MakeSecond, ageing_system: System) -> None:
    second = await make_second(enrolled=True)
    person = second.party.person
    assert person is not None
    operator = Operator(environment_of(ageing_system.settings_of("operator")))
    link = (await type_in(operator, "user", "reset-link", person.username))["reset_link"]

    await choose(link)

    page = await second.party.sign_in(await second.party.start(), Person(person.username, NEW))
    assert heading(page) == ASK


async def test_a_disabled_user_gets_no_link(administration: Administration, system_operator: Operator) -> None:
    person = await administration.create_user()
    await type_in(system_operator, "user", "disable", person.username)

    outcome = await asyncio.to_thread(system_operator.run, "user", "reset-link", person.username)

    assert outcome.exit_code == ExitCode.REFUSED
    assert "disabled" in outcome.err
    assert [(event["type"], event["outcome"]) for event in outcome.events] == [("user.reset_link_made", "failure")]


def test_without_an_issuer_there_is_no_link(operator: Operator) -> None:
    operator.succeed("user", "create", "ada", "--no-password")

    outcome = operator.with_variables(issuer="").run("user", "reset-link", "ada")

    assert outcome.exit_code == ExitCode.REFUSED
    assert "VALETKEY_ISSUER" in outcome.err


@pytest.mark.requirement(
    "security 51: a link that stands for a user is in what the operator asked for, and nowhere else"
)
def test_the_link_is_shown_once_or_written(operator: Operator, tmp_path: Path) -> None:
    operator.succeed("user", "create", "ada", "--no-password")
    path = tmp_path / "ada.link"

    shown = operator.succeed("user", "reset-link", "ada", "-o", "json")
    written = operator.succeed("user", "reset-link", "ada", "--secret-file", str(path), "-o", "json")

    (event,) = shown.events
    assert (event["type"], event["outcome"], event["subject"]) == (
        *("user.reset_link_made", "success"),
        shown.json["subject"],
    )
    token = shown.json["reset_link"].partition("token=")[2]
    assert token not in shown.err
    assert path.read_text().startswith("https://id.example/recover/password?token=")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text().partition("token=")[2] not in written.out + written.err
    assert "reset_link" not in written.json


@pytest.mark.parametrize("more", [["--generate-password"], ["--password-file", "-"]])
def test_a_password_and_none_is_a_contradiction(operator: Operator, more: list[str]) -> None:
    outcome = operator.run("user", "create", "ada", "--no-password", *more, stdin="a password of many words\n")

    assert outcome.exit_code == ExitCode.USAGE
    assert "--no-password" in outcome.err
    assert operator.json("user", "list") == []


def test_what_comes_next_is_said(operator: Operator) -> None:
    outcome = operator.succeed("user", "create", "ada.lovelace", "--no-password")

    assert "valetkey user reset-link ada.lovelace" in outcome.err
