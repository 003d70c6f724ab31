"""``valetkey migrate``, ``rotate-keys``, ``keys`` and ``doctor``."""

import json
import secrets

import pytest

from support.operator_cli import Operator, environment_of
from support.sealing import setting_of
from support.system import test_settings
from support.systems import StartSystem
from valetkey.cli.exit_code import ExitCode

Findings = dict[str, str]


@pytest.fixture
def newcomer(empty_postgres_dsn: str, redis_url: str) -> Operator:
    """An operator with stores and nothing in them."""
    return Operator(environment_of(test_settings("https://id.example", empty_postgres_dsn, redis_url)))


def states(operator: Operator) -> dict[str, tuple[str, str]]:
    return {key["kid"]: (key["alg"], key["state"]) for key in operator.json("keys", "list")}


def findings(operator: Operator, *options: str) -> Findings:
    return {found["check"]: found["status"] for found in operator.run("doctor", *options, "-o", "json").json}


def test_a_new_database_is_migrated_once(newcomer: Operator) -> None:
    before = newcomer.run("migrate", "status", "-o", "json")
    too_early = newcomer.run("client", "list")
    applied = newcomer.json("migrate", "up")
    again = newcomer.json("migrate", "up")
    after = newcomer.json("migrate", "status")

    assert before.exit_code == ExitCode.REFUSED
    assert [step["revision"] for step in before.json["pending"]] == [step["revision"] for step in applied]
    assert too_early.exit_code == ExitCode.CONFIGURATION
    assert "valetkey migrate up" in too_early.err
    assert again == []
    assert after == {"current": applied[-1]["revision"], "head": applied[-1]["revision"], "pending": [], "roles": []}


def test_the_first_rotation_makes_a_key_and_its_successor_for_every_algorithm(operator: Operator) -> None:
    first = operator.json("rotate-keys")
    second = operator.json("keys", "rotate")

    assert sorted(states(operator).values()) == [
        ("ES256", "active"),
        ("ES256", "prepared"),
        ("RS256", "active"),
        ("RS256", "prepared"),
    ]
    assert len(first["created"]) == 4
    assert not any(second.values())


def test_keys_are_listed_with_their_states_and_times(operator: Operator) -> None:
    operator.succeed("rotate-keys")

    keys = operator.json("keys", "list")
    table = operator.succeed("keys", "list").out

    active = next(key for key in keys if key["state"] == "active")
    prepared = next(key for key in keys if key["state"] == "prepared")
    assert (active["next_state"], prepared["next_state"]) == ("retired", "active")
    assert active["activated_at"]
    assert active["not_before"] > prepared["not_before"] > prepared["created_at"]
    assert active["replicas"] == "0/0"
    assert all(key["kid"] in table for key in keys)


def test_an_unpublished_key_is_not_used_early(operator: Operator) -> None:
    operator.succeed("rotate-keys")
    before = states(operator)

    told = operator.succeed("keys", "rotate", "--early", "-o", "json")

    assert states(operator) == before
    listed = {key["kid"]: key for key in operator.json("keys", "list") if key["state"] == "prepared"}
    waiting = json.loads(told.out)["waiting"]
    assert {key["kid"] for key in waiting} == listed.keys()
    for key in waiting:
        assert (key["not_before"], key["behind"]) == (listed[key["kid"]]["not_before"], [])
        assert (
            f"{key['kid']} does not sign yet: key sets without it may be cached until {key['not_before']}" in told.err
        )
    assert "Nothing was due" not in told.err


def test_a_run_with_nothing_due_waits_for_nothing(operator: Operator) -> None:
    operator.succeed("rotate-keys")

    told = operator.succeed("keys", "rotate", "-o", "json")

    assert json.loads(told.out)["waiting"] == []
    assert "Nothing was due." in told.err


def test_an_emergency_asks_first_and_replaces_everything(operator: Operator) -> None:
    operator.succeed("rotate-keys")
    before = set(states(operator))

    refused = operator.run("rotate-keys", "--emergency", stdin="n\n")
    kept = set(states(operator))
    replaced = operator.json("rotate-keys", "--emergency", "--yes")

    assert refused.exit_code == ExitCode.REFUSED
    assert kept == before
    assert set(replaced["deleted"]) == before
    assert not set(states(operator)) & before


def test_one_key_is_withdrawn_and_another_signs(operator: Operator) -> None:
    operator.succeed("rotate-keys")
    kid = next(kid for kid, state in states(operator).items() if state == ("ES256", "active"))

    withdrawn = operator.json("keys", "retire", kid, "--yes")

    assert withdrawn["deleted"] == [kid]
    assert ("ES256", "active") in states(operator).values()
    assert operator.run("keys", "retire", kid, "--yes").exit_code == ExitCode.NOT_FOUND


def test_a_missing_key_encryption_key_is_a_matter_of_configuration(operator: Operator) -> None:
    operator.succeed("rotate-keys")
    with_other_key = operator.with_variables(key_encryption_keys=f"other:{secrets.token_urlsafe(32)}")

    outcome = with_other_key.run("rotate-keys")

    assert outcome.exit_code == ExitCode.CONFIGURATION
    assert "VALETKEY_KEY_ENCRYPTION_KEYS" in outcome.err
    assert findings(with_other_key)["key-encryption"] == "failed"


def test_without_postgres_every_command_says_so(operator: Operator) -> None:
    lost = operator.with_variables(postgres_dsn="postgresql://u:canary-password@127.0.0.1:1/x")

    for command in (("client", "list"), ("user", "list"), ("rotate-keys",), ("migrate", "status"), ("migrate", "up")):
        outcome = lost.run(*command)
        assert outcome.exit_code == ExitCode.UNAVAILABLE, outcome
        assert "canary" not in outcome.out + outcome.err


def test_the_doctor_finds_nothing_wrong_with_a_running_system(start_system: StartSystem) -> None:
    """A system of its own: in the shared one, other tests leave clients that no command would have registered."""
    system = start_system()
    environment = environment_of(system.settings_of("operator"))
    operator = Operator(environment).with_variables(sealing_keys=setting_of("k1"), trusted_proxies="10.244.0.0/16")
    metrics = [f"{url}/metrics" for urls in system.management_urls.values() for url in urls]

    found = findings(operator, *(word for url in metrics for word in ("--metrics", url)))

    # Services of a test run in this process and count together with those of others, some of which have a proxy.
    assert found.pop("proxies in front") in {"ok", "failed"}
    # Nothing there sends mail.
    assert found.pop("mail server") == "skipped"
    assert set(found.values()) == {"ok"}, found
    assert set(found) == {
        *("settings", "sealing", "postgres", "clock", "schema", "roles", "redis", "redis memory"),
        *("keys ES256", "keys RS256", "key-encryption", "clients", "metadata", "jwks"),
        *("trusted proxies", "outbound proxy", "postgres TLS", "redis TLS", "mail queue", "passkeys"),
    }
    assert operator.run("doctor").exit_code == ExitCode.OK


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({"postgres_dsn": "postgresql://u:canary-password@127.0.0.1:1/x"}, {"postgres": "failed", "schema": "skipped"}),
        ({"redis_url": "redis://:canary-password@127.0.0.1:1"}, {"redis": "failed"}),
        ({"issuer": "http://127.0.0.1:1"}, {"metadata": "failed"}),
        ({"redis_url": ""}, {"redis": "skipped"}),
        ({"redis_uri": "x"}, {"settings": "failed"}),
    ],
    ids=["postgres away", "redis away", "issuer away", "no redis", "unknown setting"],
)
def test_the_doctor_says_what_to_do_about_every_fault(
    system_operator: Operator, changes: dict[str, str], failing: Findings
) -> None:
    outcome = system_operator.with_variables(**changes).run("doctor", "-o", "json")

    assert failing.items() <= {found["check"]: found["status"] for found in outcome.json}.items()
    assert outcome.exit_code == (ExitCode.REFUSED if "failed" in failing.values() else ExitCode.OK)
    assert all(found["next_step"] for found in outcome.json if found["status"] != "ok")
    assert "canary" not in outcome.out + outcome.err


def test_the_doctor_knows_a_database_without_schema_and_one_without_keys(newcomer: Operator) -> None:
    before = findings(newcomer)
    newcomer.succeed("migrate", "up")

    after = findings(newcomer)

    assert before["schema"] == "failed"
    assert (after["schema"], after["keys ES256"]) == ("ok", "failed")


def test_settings_are_shown_without_secrets_and_checked_all_at_once(operator: Operator) -> None:
    shown = operator.json("config", "show", "--service", "cli")
    valid = operator.run("config", "validate", "--service", "cli", "-o", "json")
    broken = operator.with_variables(port="x", isuer="y").run("config", "validate", "--service", "token", "-o", "json")

    assert shown["VALETKEY_POSTGRES_DSN"] == shown["VALETKEY_KEY_ENCRYPTION_KEYS"] == "***"
    assert (valid.exit_code, valid.json["valid"]) == (ExitCode.OK, True)
    assert broken.exit_code == ExitCode.CONFIGURATION
    assert len(broken.json["problems"]) == 3


def test_a_service_that_cannot_be_configured_ends_with_the_code_for_it(operator: Operator) -> None:
    for service in ("authorize", "token", "introspection"):
        outcome = operator.with_variables(issuer="").run("serve", service)

        assert outcome.exit_code == ExitCode.CONFIGURATION
        assert "VALETKEY_ISSUER" in outcome.err
