"""``valetkey login`` and ``valetkey token`` against a running system, and what endings do to tokens there."""

import asyncio
import re
import webbrowser
from collections.abc import Sequence
from pathlib import Path

import pytest

from support.administration import API, Administration
from support.browser import Browser
from support.operator_cli import Operator, Outcome
from support.relying_party import ClientIdentity, RelyingParty
from support.system import System
from support.systems import MakeParty
from valetkey.cli.exit_code import ExitCode

LOOPBACK_CALLBACK = "http://127.0.0.1/callback"


@pytest.fixture
async def native(administration: Administration) -> ClientIdentity:
    """A native application, as ``valetkey login`` is one."""
    return await administration.create_web_client("none", redirect_uris=(LOOPBACK_CALLBACK,))


async def typed(operator: Operator, *arguments: str, stdin: str = "") -> Outcome:
    return await asyncio.to_thread(lambda: operator.run(*arguments, stdin=stdin))


class OpenedBrowser:
    """Takes the place of the desktop's browser: the address it is told to open waits for the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._loop = asyncio.get_running_loop()
        self._url: asyncio.Future[str] = self._loop.create_future()
        monkeypatch.setattr(webbrowser, "open", self._open)

    def _open(self, url: str) -> bool:
        self._loop.call_soon_threadsafe(self._url.set_result, url)
        return True

    async def url(self) -> str:
        return await asyncio.wait_for(self._url, 30)


async def log_in(
    operator: Operator,
    party: RelyingParty,
    opened: OpenedBrowser,
    *options: str,
    alter: tuple[str, str] = ("", ""),
    before: Sequence[tuple[str, str]] = (),
) -> Outcome:
    """Type the command and do the rest in a browser; ``alter`` replaces something in the answer on its way.

    ``before`` it, answers that were altered like these arrive.
    """
    arguments = ("login", "--client-id", party.client.client_id, "-o", "json", *options)
    command = asyncio.create_task(typed(operator, *arguments))
    page = await party.browser.follow(await party.browser.get(await opened.url()), within=party.issuer)
    answer = await party.walk(page)
    async with Browser() as browser:
        refused = [(await browser.get(answer.location.replace(*change))).status for change in before]
        arrived = await browser.get(answer.location.replace(*alter))
    assert refused == [400] * len(before)
    assert arrived.status == 200
    return await command


async def test_a_login_goes_through_the_browser_and_back(
    system_operator: Operator, make_party: MakeParty, native: ClientIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    party, opened = await make_party(native), OpenedBrowser(monkeypatch)

    done = await log_in(system_operator, party, opened, "--scope", "openid", "--scope", "api:read")

    assert done.exit_code == ExitCode.OK, done
    assert done.json["scope"] == "openid api:read"
    assert done.json["token_type"] == "Bearer"
    assert party.person is not None
    inspected = await typed(
        system_operator, "token", "inspect", "--token-file", "-", "-o", "json", stdin=done.json["access_token"]
    )
    assert inspected.json["claims"]["sub"] == party.person.subject


async def test_an_answer_of_another_issuer_is_refused(
    system_operator: Operator, make_party: MakeParty, native: ClientIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    party, opened = await make_party(native), OpenedBrowser(monkeypatch)

    done = await log_in(system_operator, party, opened, alter=("iss=http", "iss=https"))

    assert done.exit_code == ExitCode.REFUSED
    assert "another issuer" in done.err
    assert done.out == ""


@pytest.mark.requirement("RFC 9700 §2.1: an answer that belongs to another request is refused")
async def test_an_answer_of_another_login_ends_nothing(
    system_operator: Operator, make_party: MakeParty, native: ClientIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    party, opened = await make_party(native), OpenedBrowser(monkeypatch)
    strays = [("state=", "state=x"), ("state=", "states="), ("code=", "codes="), ("code=", "code=x&code=")]

    done = await log_in(system_operator, party, opened, before=strays)

    assert done.exit_code == ExitCode.OK, done
    assert done.json["access_token"]
    assert done.err.count("came to the loopback port") == 1


async def test_a_refused_login_says_so(
    system_operator: Operator, make_party: MakeParty, native: ClientIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    party, opened = await make_party(native), OpenedBrowser(monkeypatch)

    done = await log_in(system_operator, party, opened, "--prompt", "none")

    assert done.exit_code == ExitCode.REFUSED
    assert "login_required" in done.err


async def test_a_login_that_is_not_completed_ends_by_itself(system_operator: Operator) -> None:
    done = await typed(system_operator, "login", "--client-id", "x", "--no-browser", "--timeout", "1s")

    assert done.exit_code == ExitCode.REFUSED
    assert "/authorize?response_type=code&client_id=x" in done.err


async def test_a_machine_gets_a_token_that_a_resource_server_accepts(
    system_operator: Operator,
    administration: Administration,
    resource_servers: dict[str, ClientIdentity],
    tmp_path: Path,
) -> None:
    machine, api = await administration.create_machine(), resource_servers["api"]
    secret_file = tmp_path / "api.secret"
    secret_file.write_text(api.client_secret or "")

    issued = await typed(
        system_operator,
        *("token", "client-credentials", "--client-id", machine.client_id, "--client-secret-file", "-"),
        *("--scope", "api:read", "--resource", API, "-o", "json"),
        stdin=machine.client_secret or "",
    )
    introspect = ("token", "introspect", "--client-id", api.client_id, "--client-secret-file", str(secret_file))
    active = await typed(
        system_operator, *introspect, "--token-file", "-", "-o", "json", stdin=issued.json["access_token"]
    )
    unknown = await typed(system_operator, *introspect, "--token-file", "-", "-o", "json", stdin="nonsense")

    assert issued.json["scope"] == "api:read"
    assert (active.exit_code, active.json["active"], active.json["client_id"]) == (0, True, machine.client_id)
    assert (unknown.exit_code, unknown.json) == (ExitCode.REFUSED, {"active": False})
    assert (api.client_secret or "") not in active.out + active.err


async def test_a_refusal_names_what_an_operator_can_look_up(
    system_operator: Operator, administration: Administration
) -> None:
    machine = await administration.create_machine()

    refused = await typed(
        system_operator,
        *("token", "client-credentials", "--client-id", machine.client_id, "--client-secret-file", "-"),
        stdin="x" * 43,
    )

    assert refused.exit_code == ExitCode.REFUSED
    assert re.search(r"invalid_client: .* Its logs know it as [0-9a-f]{32}\.$", refused.err.strip())


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_a_client_authenticates_as_it_is_registered(
    system_operator: Operator, administration: Administration, method: str
) -> None:
    machine = await administration.create_machine(method)
    command = ("token", "client-credentials", "--client-id", machine.client_id, "--client-secret-file", "-")

    right = await typed(system_operator, *command, "--auth-method", method, stdin=machine.client_secret or "")
    wrong = await typed(system_operator, *command, "--auth-method", method, stdin="x" * 43)

    assert right.exit_code == ExitCode.OK
    assert wrong.exit_code == ExitCode.REFUSED
    assert "invalid_client" in wrong.err


async def test_a_token_is_revoked_and_inspected(system_operator: Operator, party: RelyingParty, tmp_path: Path) -> None:
    tokens = await party.log_in()
    secret_file = tmp_path / "secret"
    secret_file.write_text(party.client.client_secret or "")
    inspect = ("token", "inspect", "--issuer", party.issuer, "--token-file", "-")

    before = await typed(system_operator, *inspect, "-o", "json", stdin=tokens.access_token)
    revoked = await typed(
        system_operator,
        *("token", "revoke", "--client-id", party.client.client_id, "--client-secret-file", str(secret_file)),
        *("--token-file", "-", "--hint", "refresh_token"),
        stdin=tokens.refresh_token,
    )
    tampered = await typed(system_operator, *inspect, stdin=tokens.access_token[:-4] + "AAAA")

    assert (before.exit_code, before.json["verified"], before.json["kind"]) == (0, True, "access_token")
    assert revoked.exit_code == ExitCode.OK
    assert not (await party.introspect(tokens.access_token)).active
    assert (await party.refresh(tokens.refresh_token)).error == "invalid_grant"
    assert tampered.exit_code == ExitCode.REFUSED
    assert "Do not believe it" in tampered.err


ENDINGS = [
    ("user", "disable", "{user}"),
    ("user", "delete", "{user}", "--yes"),
    ("user", "set-password", "{user}", "--generate-password"),
    ("session", "revoke", "--user", "{user}", "--yes"),
    ("client", "update", "{client}", "--disable"),
    ("client", "delete", "{client}", "--yes"),
    ("consent", "withdraw", "{user}", "{client}"),
]


@pytest.mark.requirement("security 21: refused after disabling, deletion, password change and the end of the session")
@pytest.mark.parametrize("command", ENDINGS, ids=[" ".join(command[:2]) for command in ENDINGS])
async def test_what_ends_is_over_once_the_command_has_answered(
    system_operator: Operator,
    party: RelyingParty,
    resource_servers: dict[str, ClientIdentity],
    command: tuple[str, ...],
) -> None:
    tokens = await party.log_in(scope="openid api:read")
    api = RelyingParty(party.issuer, resource_servers["api"])
    was_active = (await api.introspect(tokens.access_token)).active
    assert party.person is not None

    named = [part.format(user=party.person.username, client=party.client.client_id) for part in command]
    ended = await typed(system_operator, *named)
    introspected = await api.introspect(tokens.access_token)
    refreshed = await party.refresh(tokens.refresh_token)
    await api.browser.close()

    assert was_active
    assert ended.exit_code == ExitCode.OK, ended
    assert introspected.body == {"active": False}
    assert refreshed.error in {"invalid_grant", "invalid_client"}


async def test_a_session_is_listed_and_ended_by_its_name(system_operator: Operator, party: RelyingParty) -> None:
    tokens = await party.log_in()
    assert party.person is not None

    listed = await typed(system_operator, "session", "list", "--user", party.person.username, "-o", "json")
    (session,) = listed.json
    ended = await typed(system_operator, "session", "revoke", session["session_id"])
    after = await typed(system_operator, "session", "list", "--user", party.person.username, "-o", "json")

    assert session["subject"] == party.person.subject
    assert ended.exit_code == ExitCode.OK
    assert [event["type"] for event in ended.events] == ["session.revoked"]
    assert after.json == []
    assert (await party.refresh(tokens.refresh_token)).error == "invalid_grant"


async def test_sessions_are_listed_page_by_page(
    system_operator: Operator, administration: Administration, make_party: MakeParty
) -> None:
    person = await administration.create_user()
    parties = [await make_party(await administration.create_web_client(), person) for _ in range(3)]
    for party in parties:
        await party.log_in()
    listing = ("session", "list", "--user", person.username, "-o", "json")

    whole = (await typed(system_operator, *listing)).json
    first = await typed(system_operator, *listing, "--limit", "2")
    rest = await typed(system_operator, *listing, "--limit", "2", "--after", first.json[-1]["session_id"])
    table = await typed(system_operator, *listing[:-2], "--limit", "1")

    assert len(whole) == len(parties)
    assert whole == first.json + rest.json
    assert f"There may be more: --after {whole[1]['session_id']}" in first.err
    assert "There may be more" not in rest.err
    assert whole[0]["session_id"] in table.out


async def test_sessions_are_listed_by_the_client_that_uses_them(
    system_operator: Operator, administration: Administration, make_party: MakeParty
) -> None:
    person = await administration.create_user()
    parties = [await make_party(await administration.create_web_client(), person) for _ in range(2)]
    for party in parties:
        await party.log_in()

    listed = [
        (await typed(system_operator, "session", "list", "--client", party.client.client_id, "-o", "json")).json
        for party in parties
    ]
    unknown = await typed(system_operator, "session", "list", "--client", "unknown-client")

    assert [len(sessions) for sessions in listed] == [1, 1]
    assert listed[0][0]["session_id"] != listed[1][0]["session_id"]
    assert unknown.exit_code == ExitCode.NOT_FOUND


async def test_a_password_that_was_set_here_signs_in_there(
    system_operator: Operator, system: System, administration: Administration, make_party: MakeParty
) -> None:
    person = await administration.create_user()
    await typed(system_operator, "user", "set-password", person.username, "--password-file", "-", stdin="another one 7")

    changed = await administration.create_web_client()
    party = await make_party(changed, type(person)(person.username, "another one 7", person.subject))

    assert (await party.log_in()).status == 200


@pytest.mark.parametrize(
    ("issuer", "exit_code"),
    [
        ("http://127.0.0.1:1", ExitCode.UNAVAILABLE),
        ("http://id.example", ExitCode.USAGE),
        ("https://id.example/", ExitCode.USAGE),
    ],
)
async def test_an_issuer_that_cannot_be_spoken_to_gets_no_secret(
    system_operator: Operator, issuer: str, exit_code: ExitCode
) -> None:
    outcome = await typed(
        system_operator,
        *("token", "client-credentials", "--issuer", issuer, "--client-id", "x", "--client-secret-file", "-"),
        stdin="canary-secret",
    )

    assert outcome.exit_code == exit_code
    assert "canary" not in outcome.out + outcome.err


async def test_an_issuer_that_calls_itself_something_else_is_not_believed(
    system_operator: Operator, system: System
) -> None:
    alias = system.issuer.replace("127.0.0.1", "localhost")

    outcome = await typed(
        system_operator,
        *("token", "client-credentials", "--issuer", alias, "--client-id", "x", "--client-secret-file", "-"),
        stdin="canary-secret",
    )

    assert outcome.exit_code == ExitCode.REFUSED
    assert system.issuer in outcome.err


async def test_two_secrets_cannot_both_come_from_standard_input(system_operator: Operator) -> None:
    outcome = await typed(
        system_operator,
        *("token", "revoke", "--client-id", "x", "--client-secret-file", "-", "--token-file", "-"),
        stdin="x",
    )

    assert outcome.exit_code == ExitCode.USAGE
