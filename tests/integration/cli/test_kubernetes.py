"""``valetkey kubernetes create-secret`` against an API server over TLS."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from support.kubernetes_api import KubernetesApi
from support.operator_cli import Operator, Outcome
from valetkey.cli.exit_code import ExitCode
from valetkey.demo.certificate import make_certificate
from valetkey.runtime.settings.keys import sealing_key_list
from valetkey.runtime.settings.settings import Settings

SECRET = ("identity", "vk")
KEYS = {"refresh-token-keys", "cookie-keys", "sealing-keys", "credential-keys", "mail-keys", "key-encryption-keys"}
ROLES = ("authorize", "token", "introspection", "mailer", "compact", "key-rotation", "migration", "operator", "admin")
PASSWORDS = {f"postgres-{role}-password" for role in ROLES} | {"redis-password"}


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[KubernetesApi]:
    """An API server, and the files that it gives a pod in ``tmp_path``."""
    api = KubernetesApi(tmp_path)
    server = await api.start()
    yield api
    await server.close()


async def create(api: KubernetesApi, *options: str) -> Outcome:
    arguments = ("kubernetes", "create-secret", "vk", "--service-account", str(api.directory), "-o", "json", *options)
    return await asyncio.to_thread(lambda: Operator(api.environment).run(*arguments))


def values_of(api: KubernetesApi) -> dict[str, str]:
    return {name: b64decode(value).decode() for name, value in api.secrets[SECRET]["data"].items()}


async def test_a_secret_is_made_with_keys_that_services_accept_and_never_shown(api: KubernetesApi) -> None:
    made = await create(api, "--with", "postgres", "--with", "redis")

    values = values_of(api)
    assert made.exit_code == ExitCode.OK, made
    assert made.json["created"] is True
    assert set(values) == KEYS | PASSWORDS
    assert len(set(values.values())) == len(values)
    assert not [value for value in values.values() if value in made.out + made.err]
    assert [event["type"] for event in made.events] == ["kubernetes_secret.created"]
    settings = Settings.load(
        {
            "VALETKEY_ISSUER": "https://id.example",
            "VALETKEY_POSTGRES_DSN": f"postgresql://u:{values['postgres-token-password']}@db/valetkey",
            "VALETKEY_REDIS_URL": f"redis://:{values['redis-password']}@redis",
            "VALETKEY_REFRESH_TOKEN_KEYS": values["refresh-token-keys"],
            "VALETKEY_COOKIE_KEYS": values["cookie-keys"],
            "VALETKEY_SEALING_KEYS": values["sealing-keys"],
            "VALETKEY_CREDENTIAL_KEYS": values["credential-keys"],
            "VALETKEY_MAIL_KEYS": values["mail-keys"],
            "VALETKEY_KEY_ENCRYPTION_KEYS": values["key-encryption-keys"],
        },
        service="all",
    )
    assert len(settings.key_encryption_keys.reveal()) == 1
    assert not settings.sealing_keys.reveal().reads_plain


async def test_without_more_only_the_keys_are_made(api: KubernetesApi) -> None:
    await create(api)

    assert set(values_of(api)) == KEYS


@pytest.mark.requirement("security 59: key material is created once, if absent")
async def test_a_secret_that_exists_stays_as_it_is(api: KubernetesApi) -> None:
    await create(api, "--with", "postgres")
    before = values_of(api)

    again = await create(api)

    assert (again.exit_code, again.json["created"]) == (ExitCode.OK, False)
    assert values_of(api) == before
    assert not again.events


async def test_a_secret_that_lacks_keys_is_named_with_them_and_not_changed(api: KubernetesApi) -> None:
    await create(api)
    before = values_of(api)

    outcome = await create(api, "--with", "redis")

    assert outcome.exit_code == ExitCode.CONFLICT
    assert "identity/vk exists and lacks redis-password" in outcome.err
    assert values_of(api) == before


def forget_sealing_keys(api: KubernetesApi) -> dict[str, str]:
    """The Secret as a release made it that knew none."""
    del api.secrets[SECRET]["data"]["sealing-keys"]
    return values_of(api)


@pytest.mark.requirement("operations: a Secret of an earlier release is completed, and nothing in it is changed")
async def test_a_secret_of_an_earlier_release_gets_a_key_that_does_not_seal_yet(api: KubernetesApi) -> None:
    await create(api, "--with", "postgres")
    before = forget_sealing_keys(api)

    completed = await create(api)
    after = values_of(api)
    again = await create(api)

    assert (completed.exit_code, completed.json["created"]) == (ExitCode.OK, False)
    assert completed.json["added"] == ["sealing-keys"]
    assert [event["type"] for event in completed.events] == ["kubernetes_secret.completed"]
    assert "ValetkeyPlainValuesInRedis" in completed.err
    added = after.pop("sealing-keys")
    assert after == before
    keys = sealing_key_list.parse(added)
    assert (len(keys.keys), keys.writes_plain, keys.reads_plain) == (1, True, True)
    assert added.partition(",")[2] not in completed.out + completed.err
    assert (again.json["added"], values_of(api)["sealing-keys"]) == ([], added)


async def test_two_that_complete_a_secret_at_once_do_not_write_over_each_other(api: KubernetesApi) -> None:
    await create(api)
    forget_sealing_keys(api)
    api.meanwhile = ["sealing-keys"]

    outcome = await create(api, "--wait", "30")

    assert (outcome.exit_code, outcome.json["added"]) == (ExitCode.OK, [])
    assert values_of(api)["sealing-keys"] == "of another"


async def test_nothing_is_added_to_a_secret_that_lacks_more(api: KubernetesApi) -> None:
    await create(api)
    before = forget_sealing_keys(api)

    outcome = await create(api, "--with", "redis")

    assert outcome.exit_code == ExitCode.CONFLICT
    assert values_of(api) == before


@pytest.mark.parametrize("verb", ["create", "get", "patch"])
async def test_what_a_role_does_not_allow_is_named_as_a_rule(api: KubernetesApi, verb: str) -> None:
    await create(api)
    forget_sealing_keys(api)
    api.allowed.remove(verb)

    outcome = await create(api)

    assert outcome.exit_code == ExitCode.REFUSED
    assert f"verbs: [{verb}]" in outcome.err
    assert "A Role in identity" in outcome.err


async def test_an_api_server_that_comes_back_is_waited_for(api: KubernetesApi) -> None:
    api.failures = 1

    outcome = await create(api, "--wait", "30")

    assert outcome.exit_code == ExitCode.OK, outcome
    assert api.requests == ["create", "create"]


async def test_an_api_server_that_stays_away_is_not_waited_for_endlessly(api: KubernetesApi) -> None:
    api.environment["KUBERNETES_SERVICE_PORT"] = "1"

    outcome = await create(api, "--wait", "1")

    assert outcome.exit_code == ExitCode.RETRY_TIMEOUT
    assert "cannot be reached" in outcome.err


async def test_another_server_gets_no_token(api: KubernetesApi, tmp_path: Path) -> None:
    other = tmp_path / "other.crt"
    make_certificate(other)
    other.replace(tmp_path / "ca.crt")

    outcome = await create(api)

    assert outcome.exit_code == ExitCode.REFUSED
    assert "is not the API server of this cluster" in outcome.err
    assert api.requests == []


async def test_a_token_that_is_not_accepted_is_no_reason_to_wait(api: KubernetesApi) -> None:
    (api.directory / "token").write_text("expired", encoding="ascii")

    outcome = await create(api)

    assert outcome.exit_code == ExitCode.REFUSED
    assert "does not accept the token" in outcome.err
    assert api.requests == ["create"]


@pytest.mark.parametrize("missing", ["token", "ca.crt", "namespace"])
async def test_a_pod_without_a_service_account_is_told_so(api: KubernetesApi, missing: str) -> None:
    (api.directory / missing).unlink()

    outcome = await create(api)

    assert outcome.exit_code == ExitCode.CONFIGURATION
    assert "automountServiceAccountToken" in outcome.err


def test_a_manifest_is_printed_without_any_cluster() -> None:
    printed = Operator({}).succeed(
        "kubernetes", "create-secret", "vk", "--namespace", "id", "--with", "redis", "--print"
    )

    manifest = yaml.safe_load(printed.out)
    assert (manifest["kind"], manifest["metadata"]["name"], manifest["metadata"]["namespace"]) == ("Secret", "vk", "id")
    assert set(manifest["stringData"]) == KEYS | {"redis-password"}


def test_outside_of_a_cluster_it_says_what_to_do_instead() -> None:
    outcome = Operator({}).run("kubernetes", "create-secret", "vk")

    assert outcome.exit_code == ExitCode.CONFIGURATION
    assert "--print" in outcome.err


@pytest.mark.parametrize("name", ["VK", "-vk", "vk/x", "a" * 254])
def test_a_name_that_kubernetes_would_refuse_is_refused_at_once(name: str) -> None:
    outcome = Operator({}).run("kubernetes", "create-secret", "--print", "--", name)

    assert outcome.exit_code == ExitCode.USAGE
