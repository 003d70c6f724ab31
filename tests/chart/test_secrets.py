"""Secrets are named, never written: no value holds one, no object but a Secret has one, no pod sees another's."""

import re

import pytest
import yaml

from support.chart import SERVICES, Object, Pod, environment, manifest, objects, of_kind, pod_of, pods, server_of
from support.chart_values import EXTERNAL, SETS, VALUES, merged
from valetkey.runtime.settings.reader import table
from valetkey.runtime.settings.settings import Settings

SECRET_SETTINGS = {f"VALETKEY_{name.upper()}" for name, row in table(Settings).items() if row.secret}
# These name a place; what would be secret in them is in a file.
PLACES = {"VALETKEY_POSTGRES_DSN", "VALETKEY_POSTGRES_LISTEN_DSN", "VALETKEY_REDIS_URL"}
REDIS, POSTGRES = "redis-password", "postgres-{}-password"
# What each may read, and nothing else. A CA is no secret.
MAY_READ = {
    "authorize": {"cookie-keys", "sealing-keys", "credential-keys", "postgres-authorize-password", REDIS},
    "token": {"refresh-token-keys", "key-encryption-keys", "sealing-keys", "postgres-token-password", REDIS},
    "introspection": {"postgres-introspection-password", REDIS},
    "compact": {
        *("cookie-keys", "sealing-keys", "credential-keys", "refresh-token-keys", "key-encryption-keys"),
        *("postgres-compact-password", REDIS),
    },
    "key-rotation": {"key-encryption-keys", "postgres-key-rotation-password"},
    "migrate": {"postgres-migration-password"},
    "first-keys": {"key-encryption-keys", "postgres-key-rotation-password"},
    "create-secret": set(),
    "apply-clients": {"postgres-operator-password", REDIS},
    "demo-user": {"postgres-operator-password", "demo-user-password", REDIS},
    "login": {"postgres-operator-password", REDIS},
    "front-door": set(),
    "redis": {REDIS},
}
ALLOWED_BESIDES = {"postgres-ca.crt", "redis-ca.crt", "redis-sentinel-password"}


def secret_volumes(pod: Pod) -> dict[str, dict[str, tuple[str, str]]]:
    """By volume: the files, and the Secret and key each comes from."""
    volumes: dict[str, dict[str, tuple[str, str]]] = {}
    for volume in pod.spec.get("volumes", []):
        sources = [source["secret"] for source in volume.get("projected", {}).get("sources", [])]
        if "secret" in volume:
            sources = [{"name": volume["secret"]["secretName"], **volume["secret"]}]
        files = {item["path"]: (source["name"], item["key"]) for source in sources for item in source.get("items", [])}
        if sources:
            volumes[volume["name"]] = files
    return volumes


def readable(pod: Pod, container: Object) -> dict[str, tuple[str, str]]:
    """The secret files that a container sees, by their whole path."""
    volumes = secret_volumes(pod)
    return {
        f"{mount['mountPath']}/{file}": origin
        for mount in container.get("volumeMounts", [])
        for file, origin in volumes.get(mount["name"], {}).items()
    }


@pytest.mark.requirement("operations, Images and chart: never templated randomness, no Secret value in an object")
@pytest.mark.parametrize("values", SETS)
def test_the_chart_renders_no_secret(values: str) -> None:
    assert not of_kind(objects(values), "Secret")


@pytest.mark.parametrize("values", SETS)
def test_no_variable_holds_a_secret(values: str) -> None:
    containers = [container for pod in pods(objects(values)) for container in pod.containers]

    written = {name for container in containers for name in environment(container)}
    variables = [variable for container in containers for variable in container.get("env", [])]

    assert written & SECRET_SETTINGS <= PLACES
    assert not [variable for variable in variables if "valueFrom" in variable]


@pytest.mark.parametrize("values", SETS)
def test_no_url_holds_a_password(values: str) -> None:
    assert not re.findall(r"\w://[^\s/@\"]*:[^\s/@\"]+@", manifest(values))


@pytest.mark.parametrize(
    "path",
    [
        ("postgres", "password"),
        ("postgres", "users", "authorizePassword"),
        ("redis", "password"),
        ("secrets", "cookieKeys"),
        ("secrets", "refresh-token-keys"),
        ("demo", "user", "password"),
    ],
    ids=".".join,
)
def test_there_is_no_value_for_a_secret(path: tuple[str, ...]) -> None:
    value: object = "canary-5b1f"
    for name in reversed(path):
        value = {name: value}
    assert isinstance(value, dict)

    with pytest.raises(Exception, match=f"Additional property {path[-1]} is not allowed") as refused:
        objects(merged(EXTERNAL, value))

    assert "canary-5b1f" not in str(refused.value)


@pytest.mark.parametrize("values", SETS)
def test_a_container_sees_its_own_secrets_and_no_others(values: str) -> None:
    seen = {
        (container["name"]): {path.rpartition("/")[2] for path in readable(pod, container)} - ALLOWED_BESIDES
        for pod in pods(objects(values))
        for container in pod.containers
    }

    servers = {server_of(values, service) for service in SERVICES}
    roles = {POSTGRES.format(who) for who in ("admin", *servers, "key-rotation", "migration", "operator")}
    may_read = MAY_READ | {"postgres": roles}
    if "mail" in VALUES[values]:
        of_mail = {"authorize": {"mail-keys"}, "compact": {"mail-keys", "mail-password"}}
        may_read |= {name: may_read[name] | files for name, files in of_mail.items()}
        may_read["mailer"] = {"mail-keys", "mail-password", "postgres-mailer-password"}
    assert not {name: files for name, files in seen.items() if not files <= may_read[name]}
    assert not {name: may_read[name] - files for name, files in seen.items() if may_read[name] - files - {REDIS}}


@pytest.mark.parametrize("values", SETS)
def test_every_file_that_a_setting_names_is_mounted(values: str) -> None:
    missing = [
        (container["name"], name)
        for pod in pods(objects(values))
        for container in pod.containers
        for name, value in environment(container).items()
        if name.endswith("_FILE") and value.removeprefix("-") not in readable(pod, container)
    ]

    assert not missing


def test_secrets_come_from_where_values_say() -> None:
    pod = pod_of(objects("production"), "token")

    assert readable(pod, pod.containers[0]) == {
        "/run/secrets/valetkey/refresh-token-keys": ("valetkey-keys", "refresh-token-keys"),
        "/run/secrets/valetkey/key-encryption-keys": ("valetkey-keys", "key-encryption-keys"),
        "/run/secrets/valetkey/sealing-keys": ("valetkey-keys", "sealing-keys"),
        "/run/secrets/valetkey/postgres-token-password": ("valetkey-postgres", "postgres-token-password"),
        "/run/secrets/valetkey/postgres-ca.crt": ("valetkey-postgres-ca", "ca.crt"),
        "/run/secrets/valetkey/redis-password": ("valetkey-redis", "redis-password"),
        "/run/secrets/valetkey/redis-ca.crt": ("valetkey-redis-ca", "ca.crt"),
    }


def test_the_external_secret_has_every_key_that_is_mounted() -> None:
    found = objects("external-secrets")
    (external,) = of_kind(found, "ExternalSecret")

    made = {entry["secretKey"] for entry in external["spec"]["data"]}
    used = {
        key
        for pod in pods(found)
        for files in secret_volumes(pod).values()
        for name, key in files.values()
        if name == external["spec"]["target"]["name"]
    }

    assert used == made


@pytest.mark.parametrize("values", ["demo", "below-a-path"])
def test_the_job_creates_the_secret_that_is_mounted(values: str) -> None:
    found = objects(values)
    arguments = pod_of(found, "create-secret").containers[0]["args"]

    mounted = {
        name
        for pod in pods(found)
        for files in secret_volumes(pod).values()
        for name, key in files.values()
        if "keys" in key
    }

    assert arguments[:3] == ["kubernetes", "create-secret", *mounted]
    assert ("postgres" in arguments and "redis" in arguments) == (values == "demo")


def sealing_of(found: list[Object]) -> dict[str, tuple[bool, bool]]:
    """By service: whether the pod may start without the keys in its Secret, and whether the setting may be without."""
    optional: dict[str, tuple[bool, bool]] = {}
    for component in ("authorize", "token"):
        pod = pod_of(found, component)
        (source,) = (
            source["secret"]
            for volume in pod.spec["volumes"]
            for source in volume.get("projected", {}).get("sources", [])
            if source["secret"]["items"] == [{"key": "sealing-keys", "path": "sealing-keys"}]
        )
        file = environment(pod.containers[0])["VALETKEY_SEALING_KEYS_FILE"]
        optional[component] = source.get("optional", False), file.startswith("-")
    return optional


NEW, OF_BEFORE = (False, False), (True, True)


@pytest.mark.requirement("operations: a Secret of an earlier release is enough, and a new one is demanded whole")
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("demo", NEW),
        ("changed-demo", NEW),
        ("below-a-path", NEW),
        ("production", NEW),
        ("external-secrets", NEW),
        ("examples", NEW),
        ("external", OF_BEFORE),
    ],
)
def test_pods_start_without_sealing_keys_only_where_the_secret_may_be_of_an_earlier_release(
    values: str, expected: tuple[bool, bool]
) -> None:
    assert sealing_of(objects(values)) == {"authorize": expected, "token": expected}


def test_no_other_secret_file_may_be_absent() -> None:
    sources = [
        source["secret"]
        for pod in pods(objects("external"))
        for volume in pod.spec.get("volumes", [])
        for source in volume.get("projected", {}).get("sources", [])
        if "secret" in source
    ]

    may_be_absent = {item["key"] for source in sources if source.get("optional") for item in source["items"]}

    assert may_be_absent == {"sealing-keys", "credential-keys"}


def test_an_external_store_that_may_lack_sealing_keys_is_not_asked_for_them() -> None:
    without = {"secrets": {"sealing": "optional", "credentials": "optional"}}
    found = objects(merged(VALUES["external-secrets"], without))
    (external,) = of_kind(found, "ExternalSecret")

    asked = {entry["secretKey"] for entry in external["spec"]["data"]}
    assert {"sealing-keys", "credential-keys"}.isdisjoint(asked)
    assert sealing_of(found) == {"authorize": OF_BEFORE, "token": OF_BEFORE}


def test_client_secrets_are_mounted_where_the_declaration_says() -> None:
    found = objects("production")
    pod = pod_of(found, "clients")
    (declared,) = (
        each["data"]["clients.yaml"] for each in of_kind(found, "ConfigMap") if "clients.yaml" in each["data"]
    )

    (client,) = yaml.safe_load(declared)["clients"]
    (volume,) = (each for each in pod.spec["volumes"] if each.get("secret", {}).get("secretName") == "web-client")
    (mount,) = (each for each in pod.containers[0]["volumeMounts"] if each["name"] == volume["name"])

    assert client["secret_file"].startswith(f"{mount['mountPath']}/")
    assert mount["readOnly"] is True


def test_the_revision_of_secrets_starts_everything_anew() -> None:
    before = pods(objects("external"))

    after = pods(objects(merged(EXTERNAL, {"secrets": {"revision": "2026-11"}})))

    services = [(old, new) for old, new in zip(before, after, strict=True) if old.owner["kind"] == "Deployment"]
    assert services
    assert all(old.template["metadata"] != new.template["metadata"] for old, new in services)
