"""What `valetkey kubernetes create-secret` makes is what the chart mounts, key by key, and the programs can read it."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.chart import PROGRAMS, SERVICES, Object, environment, objects, pod_of, pods
from support.chart_values import VALUES, merged
from valetkey.cli.kubernetes.secret_values import Extra, new_values
from valetkey.runtime.settings.settings import Settings

NOW = datetime(2026, 5, 4, tzinfo=UTC)
MOUNTED = "/run/secrets/valetkey"
# Not created by the chart.
NOT_OURS = {"ca.crt", "redis-sentinel-password"}


def mounted_keys(found: list[Object]) -> Iterator[tuple[str, str]]:
    """The name of the Secret and the key, for every one that some pod mounts."""
    for volume in (volume for pod in pods(found) for volume in pod.spec.get("volumes", [])):
        sources = [source["secret"] for source in volume.get("projected", {}).get("sources", []) if "secret" in source]
        if "secret" in volume:
            sources.append({"name": volume["secret"]["secretName"], "items": volume["secret"].get("items", [])})
        # Secrets of clients are mounted whole: they are made by the operator that declares the client.
        yield from ((source["name"], item["key"]) for source in sources for item in source.get("items", []))


def made(arguments: list[str]) -> tuple[str, set[str]]:
    """The Secret that a command line of the chart creates, and its keys."""
    group, command, name, *options = arguments
    assert (group, command) == ("kubernetes", "create-secret")
    extras = [Extra(value) for option, value in itertools.pairwise(options) if option == "--with"]
    return name, set(new_values(extras, NOW))


# What the other mode needs is made too, so that the mode may change.
OF_COMPACT = {"postgres-compact-password"}
OF_SERVICES = {f"postgres-{service}-password" for service in SERVICES}
# And what mail needs, so that it may be configured later.
OF_MAIL = {"mail-keys", "postgres-mailer-password"}
SENDS_MAIL = {"mail": {"host": "smtp.example.com", "from": "no-reply@example.com"}}


@pytest.mark.parametrize(
    ("values", "unused"), [("demo", OF_COMPACT), ("changed-demo", OF_COMPACT), ("compact-demo", OF_SERVICES)]
)
def test_in_the_demo_the_job_makes_every_key_that_is_mounted_and_no_other(values: str, unused: set[str]) -> None:
    found = objects(values)

    name, keys = made(pod_of(found, "create-secret").containers[0]["args"])

    assert {key for secret, key in mounted_keys(found) if secret == name} | unused | OF_MAIL == keys
    assert {secret for secret, key in mounted_keys(found) if key not in NOT_OURS} == {name}


def test_beside_secrets_that_are_there_the_job_makes_the_others() -> None:
    found = objects("below-a-path")

    name, keys = made(pod_of(found, "create-secret").containers[0]["args"])

    assert {key for secret, key in mounted_keys(found) if secret == name} | {"mail-keys"} == keys


@pytest.mark.parametrize("values", ["production", "external", "external-secrets", "in-the-pods", "by-hand"])
def test_for_a_secret_of_ones_own_the_command_knows_the_name_of_every_key(values: str) -> None:
    keys = set(new_values(list(Extra), NOW))

    unknown = {key for _, key in mounted_keys(objects(values))} - keys - NOT_OURS

    assert unknown == set()


def variables(container: Object, directory: Path) -> dict[str, str]:
    """What a container is told, with its mounted files in a directory."""
    return {name: value.replace(MOUNTED, str(directory)) for name, value in environment(container).items()}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_programs_can_read_what_was_made(name: str, tmp_path: Path) -> None:
    for key, value in new_values(list(Extra), NOW).items():
        (tmp_path / key).write_text(value, encoding="utf-8")
    found = objects(merged(VALUES["compact-demo" if name == "compact" else "demo"], SENDS_MAIL))
    (container,) = (each for pod in pods(found) for each in pod.containers if each["name"] == name)

    given = variables(container, tmp_path)
    settings = Settings.load(given, service=PROGRAMS[name])

    assert settings.postgres_password.reveal() == Path(given["VALETKEY_POSTGRES_PASSWORD_FILE"]).read_text("utf-8")
