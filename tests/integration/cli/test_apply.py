"""``valetkey client apply``."""

import os
import secrets
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from support.operator_cli import Operator, Outcome
from valetkey.cli.commands import client_apply
from valetkey.cli.exit_code import ExitCode

FILE = """
scopes:
  - {name: 'orders:read', description: Read your orders, resource: 'https://orders.example'}
clients:
  - {client_id: orders, resource: 'https://orders.example', secret_file: orders.secret}
  - {client_id: web, redirect_uris: ['https://web.example/cb'], scope: 'openid orders:read'}
  - {client_id: spa, token_endpoint_auth_method: none, redirect_uris: ['https://spa.example/cb'], scope: openid}
"""


class Desk:
    """A directory with the file and the secrets, and the operator who applies it."""

    def __init__(self, operator: Operator, directory: Path) -> None:
        self.operator = operator
        self.directory = directory
        self.file = directory / "clients.yaml"
        self.generated = directory / "generated"
        self.generated.mkdir()
        self.new_secret("orders.secret")
        self.write(FILE)

    def write(self, text: str) -> None:
        self.file.write_text(text)

    def new_secret(self, name: str) -> str:
        secret = secrets.token_urlsafe(32)
        (self.directory / name).write_text(f"{secret}\n")
        return secret

    def run(self, *options: str, stdin: str = "") -> Outcome:
        arguments = ("-f", str(self.file), "--secrets-directory", str(self.generated), *options)
        return self.operator.run("client", "apply", *arguments, stdin=stdin)

    def apply(self, *options: str) -> Outcome:
        outcome = self.run("--yes", "-o", "json", *options)
        assert outcome.exit_code == ExitCode.OK, outcome
        return outcome

    def changes(self, *options: str) -> dict[str, str]:
        return {change["name"]: change["change"] for change in self.apply(*options).json["changes"]}

    def clients(self) -> dict[str, dict[str, object]]:
        return {client["client_id"]: client for client in self.operator.json("client", "list")}


@pytest.fixture
def desk(operator: Operator, tmp_path: Path) -> Desk:
    return Desk(operator, tmp_path)


def test_applying_twice_changes_nothing_the_second_time(desk: Desk) -> None:
    first = desk.changes()
    stored = desk.clients()

    second = desk.apply()

    assert first == dict.fromkeys(["orders", "web", "spa", "orders:read"], "create")
    assert second.json["changes"] == []
    assert second.json["unchanged"] == 4
    assert second.events == []
    assert desk.clients() == stored


def test_what_is_created_belongs_to_the_owner(desk: Desk) -> None:
    desk.apply("--owner", "platform")

    assert {client["managed_by"] for client in desk.clients().values()} == {"platform"}
    assert len(desk.operator.json("client", "list", "--owner", "platform")) == 3


@pytest.mark.requirement("security 51: no secret in what is printed")
def test_generated_secrets_go_to_files_and_nowhere_else(desk: Desk) -> None:
    applied = desk.run("--yes")

    (path,) = desk.generated.iterdir()
    assert path.name == "web.secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for secret in (path.read_text(), (desk.directory / "orders.secret").read_text().strip()):
        assert secret not in applied.out + applied.err


def test_a_dry_run_shows_the_change_and_changes_nothing(desk: Desk) -> None:
    shown = desk.run("--dry-run")

    assert shown.exit_code == ExitCode.OK
    assert "+ client web" in shown.out
    assert shown.events == []
    assert desk.clients() == {}
    assert not list(desk.generated.iterdir())


def test_nothing_changes_without_confirmation(desk: Desk) -> None:
    refused = desk.run(stdin="n\n")
    accepted = desk.run(stdin="y\n")

    assert refused.exit_code == ExitCode.REFUSED
    assert "+ client web" in refused.out
    assert accepted.exit_code == ExitCode.OK
    assert set(desk.clients()) == {"orders", "web", "spa"}


def test_a_difference_is_changed_and_nothing_else(desk: Desk) -> None:
    desk.apply()
    before = desk.clients()
    desk.write(FILE.replace("https://web.example/cb", "https://web.example/2").replace("Read your", "See your"))

    changed = desk.changes()

    after = desk.clients()
    assert changed == {"web": "update", "orders:read": "update"}
    assert after["web"]["redirect_uris"] == ["https://web.example/2"]
    assert (after["orders"], after["spa"]) == (before["orders"], before["spa"])


def test_only_what_is_owned_is_pruned(desk: Desk) -> None:
    desk.apply()
    desk.operator.succeed("client", "create", "by-hand", "--resource", "https://hand.example")
    desk.operator.succeed("scope", "create", "hand:all", "--description", "x", "--resource", "https://hand.example")
    desk.write("clients: [{client_id: other, resource: 'https://other.example', secret_file: orders.secret}]")
    desk.apply("--owner", "another")

    desk.write("clients: []")
    left = desk.apply()
    pruned = desk.changes("--prune-all")

    assert left.json["changes"] == []
    assert "Kept, though the file of valetkey-apply no longer has it: orders, spa, web." in left.err
    assert "--prune" not in left.err
    assert pruned == dict.fromkeys(["orders", "spa", "web", "orders:read"], "delete")
    assert set(desk.clients()) == {"by-hand", "other"}
    assert {"hand:all", "openid"} <= {scope["name"] for scope in desk.operator.json("scope", "list")}


@pytest.mark.requirement("apply: --prune refuses to delete most of what an owner has unless it is told to")
@pytest.mark.parametrize("options", [("--yes",), ("--yes", "-o", "json"), ("--dry-run",), ("--dry-run", "-o", "json")])
def test_a_file_that_lost_most_of_its_clients_prunes_nothing(desk: Desk, options: tuple[str, ...]) -> None:
    desk.apply()
    before = desk.clients()
    desk.write("clients:\n" + FILE.splitlines()[-1])

    refused = desk.run("--prune", *options)
    kept = desk.clients()
    desk.apply("--prune-all")

    assert refused.exit_code == ExitCode.REFUSED
    assert "--prune would delete most of what valetkey-apply owns; nothing was changed:" in refused.err
    assert "2 of 3 clients: orders, web" in refused.err
    assert "the only scope: orders:read" in refused.err
    assert "add --prune-all (the chart: clients.pruneAll=true)" in refused.err
    if "json" not in options:
        assert "- client web" in refused.out
    elif "--dry-run" in options:
        assert refused.json["applied"] is False
        assert refused.json["excessive_pruning"][0] == {"kind": "client", "deleted": 2, "owned": 3}
    assert refused.events == []
    assert kept == before
    assert set(desk.clients()) == {"spa"}


def test_what_has_another_owner_is_taken_over_only_when_told(desk: Desk) -> None:
    desk.operator.succeed("client", "create", "web", "--redirect-uri", "https://web.example/old")

    refused = desk.run("--yes")
    before = desk.clients()
    adopted = desk.changes("--adopt")

    assert refused.exit_code == ExitCode.CONFLICT
    assert "without an owner" in refused.err
    assert set(before) == {"web"}
    assert adopted["web"] == "update"
    assert desk.clients()["web"]["managed_by"] == "valetkey-apply"
    assert not list(desk.generated.iterdir()), "an adopted client keeps its secret"


def test_a_change_by_hand_needs_force(desk: Desk) -> None:
    desk.apply()

    for command in (("update", "web", "--name", "By hand"), ("delete", "web", "--yes")):
        refused = desk.operator.run("client", *command)
        assert refused.exit_code == ExitCode.CONFLICT
        assert "--force" in refused.err

    desk.operator.succeed("client", "update", "web", "--name", "By hand", "--force")
    assert desk.changes() == {"web": "update"}


def test_every_problem_is_reported_at_once_and_nothing_changes(desk: Desk) -> None:
    desk.write(
        """
scopes: [{name: s, description: d, resource: 'https://nowhere.example'}]
clients:
  - {client_id: good, token_endpoint_auth_method: none, redirect_uris: ['https://good.example/cb']}
  - {client_id: typo, redirect_uri: x}
  - {client_id: bad, redirect_uris: ['http://bad.example/cb'], scope: unknown, secret_file: not-there}
"""
    )

    refused = desk.run("--yes")

    assert refused.exit_code == ExitCode.REFUSED
    for words in ("did you mean redirect_uris?", "must use https", "unknown is not registered", "not-there", "nowhere"):
        assert words in refused.err
    assert desk.clients() == {}


@pytest.mark.parametrize("text", ["clients: [", "clients: []\nclients: []", "!!python/name:os.system ''", "\x00"])
def test_a_file_that_is_no_such_yaml_is_refused(desk: Desk, text: str) -> None:
    desk.write(text)

    assert desk.run("--yes").exit_code == ExitCode.REFUSED


def test_a_file_may_come_from_standard_input(operator: Operator) -> None:
    text = "clients: [{client_id: spa, token_endpoint_auth_method: none, redirect_uris: ['https://spa.example/cb']}]"

    operator.succeed("client", "apply", "-f", "-", "--yes", stdin=text)

    assert [client["client_id"] for client in operator.json("client", "list")] == ["spa"]


def test_a_secret_with_no_place_to_go_is_a_problem(operator: Operator, tmp_path: Path) -> None:
    path = tmp_path / "clients.yaml"
    path.write_text("clients: [{client_id: web, redirect_uris: ['https://web.example/cb']}]")

    refused = operator.run("client", "apply", "-f", str(path), "--yes")

    assert refused.exit_code == ExitCode.REFUSED
    assert "--secrets-directory" in refused.err


def test_another_secret_in_the_file_is_stored_and_the_old_one_overlaps(desk: Desk) -> None:
    desk.write(FILE.replace("orders.secret}", "orders.secret, secret_overlap: 1h}"))
    desk.apply()
    desk.new_secret("orders.secret")

    changed = desk.apply()

    assert [(c["name"], c["fields"][0]["name"]) for c in changed.json["changes"]] == [("orders", "client_secret")]
    held = desk.clients()["orders"]["secrets"]
    assert isinstance(held, list)
    assert [secret["expires_at"] is None for secret in held] == [True, False]
    assert desk.changes() == {}


def test_enabled_is_declared_too(desk: Desk) -> None:
    desk.apply()
    desk.write(FILE.replace("client_id: spa,", "client_id: spa, enabled: false,"))

    disabled = desk.apply()
    was = desk.clients()["spa"]["enabled"]
    desk.write(FILE)
    desk.apply()

    assert "client.disabled" in {event["type"] for event in disabled.events}
    assert (was, desk.clients()["spa"]["enabled"]) == (False, True)


def test_where_redis_is_away_nothing_ends_and_nothing_changes(desk: Desk) -> None:
    desk.apply()
    desk.write(FILE.replace("client_id: spa,", "client_id: spa, client_name: New, enabled: false,"))
    before = desk.clients()

    away = Desk.__new__(Desk)
    away.__dict__ |= desk.__dict__ | {"operator": desk.operator.with_variables(redis_url="redis://127.0.0.1:1")}

    assert away.run("--yes").exit_code == ExitCode.UNAVAILABLE
    assert desk.clients() == before


def started(operator: Operator, *arguments: str) -> subprocess.Popen[bytes]:
    """The same command as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "valetkey.cli", *arguments],
        env={**os.environ, **operator.environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_a_concurrent_change_is_not_overwritten(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.apply()
    desk.write(FILE.replace("https://web.example/cb", "https://web.example/2"))
    rename = ("client", "update", "web", "--name", "By another operator", "--force")
    monkeypatch.setattr(client_apply, "confirm", lambda *_, **__: started(desk.operator, *rename).wait())

    late = desk.run()

    assert late.exit_code == ExitCode.CONFLICT
    assert [event["outcome"] for event in late.events] == ["failure"]
    web = desk.clients()["web"]
    assert (web["client_name"], web["redirect_uris"]) == ("By another operator", ["https://web.example/cb"])


def test_a_file_applied_twice_at_once_is_applied_once(desk: Desk) -> None:
    arguments = ("client", "apply", "-f", str(desk.file), "--secrets-directory", str(desk.generated), "--yes")

    codes = [process.wait() for process in [started(desk.operator, *arguments) for _ in range(3)]]

    assert set(codes) <= {ExitCode.OK, ExitCode.CONFLICT}
    assert ExitCode.OK in codes
    assert desk.changes() == {}
    assert [path.name for path in desk.generated.iterdir()] == ["web.secret"]


@pytest.mark.requirement("RFC 6749 §2.3.1: an operator is told of secrets that clients spell in two ways")
@pytest.mark.parametrize("character", ["+", "%", ":", "-", "/"])
def test_a_secret_that_clients_spell_in_two_ways_is_warned_of(desk: Desk, character: str) -> None:
    secret = f"0123456789abcdefghijklmnopqrstuvwxyz{character}"
    (desk.directory / "orders.secret").write_text(secret)

    applied = desk.run("--yes")

    assert ("Warning: the secret of orders has +, % or :." in applied.err) is (character in "+%:")
    assert secret not in applied.err
