"""The examples fit together: what one names, another makes."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from support.chart import CHART, NEWEST, OLDEST, environment, objects, of_kind, pods, read_objects
from support.chart_values import VALUES
from support.kubernetes_schema import problems
from support.repository import ROOT

EXAMPLES = CHART / "examples"
CLOUDNATIVE_PG = read_objects(ROOT / "deploy" / "postgres" / "cloudnativepg.yaml")
VALKEY = read_objects(EXAMPLES / "valkey.yaml")
VALUES_OF_EXAMPLES: dict[str, Any] = VALUES["examples"]


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_valkey_is_valid_in_the_oldest_and_the_newest_kubernetes(version: str) -> None:
    assert VALKEY
    assert not [problem for each in VALKEY for problem in problems(each, version)]


def test_the_values_name_the_database_that_is_made() -> None:
    (cluster,) = of_kind(CLOUDNATIVE_PG, "Cluster")
    postgres, name = VALUES_OF_EXAMPLES["postgres"], cluster["metadata"]["name"]

    assert postgres["host"] == f"{name}-rw"
    assert postgres["rootCertSecret"]["name"] == f"{name}-ca"
    assert cluster["spec"]["bootstrap"]["initdb"]["database"] == "valetkey"


def test_the_values_name_the_valkey_that_is_made() -> None:
    (service,) = of_kind(VALKEY, "Service")

    parts = urlsplit(VALUES_OF_EXAMPLES["redis"]["url"])

    assert (parts.hostname, parts.port) == (service["metadata"]["name"], service["spec"]["ports"][0]["port"])


def test_services_have_the_passwords_of_the_roles_that_are_made() -> None:
    (cluster,) = of_kind(CLOUDNATIVE_PG, "Cluster")
    owner = cluster["spec"]["bootstrap"]["initdb"]
    roles = {role["name"]: role["passwordSecret"]["name"] for role in cluster["spec"]["managed"]["roles"]}

    used = {
        environment(container)["VALETKEY_POSTGRES_DSN"].partition("://")[2].partition("@")[0]: source["secret"]["name"]
        for pod in pods(objects("examples"))
        for container in pod.containers
        for volume in pod.spec["volumes"]
        if any(mount["name"] == volume["name"] for mount in container["volumeMounts"])
        for source in volume.get("projected", {}).get("sources", [])
        if source["secret"]["items"] == [{"key": "password", "path": source["secret"]["items"][0]["path"]}]
    }

    # The roles of the services in one process, and of what sends mail, are there for those who choose that.
    chosen = {"valetkey_compact", "valetkey_mailer"}
    assert used == {name: secret for name, secret in roles.items() if name not in chosen} | {
        owner["owner"]: owner["secret"]["name"]
    }


def test_valkey_has_the_password_that_services_use() -> None:
    (valkey,) = of_kind(VALKEY, "StatefulSet")
    (volume,) = (each for each in valkey["spec"]["template"]["spec"]["volumes"] if "secret" in each)

    assert volume["secret"]["secretName"] == VALUES_OF_EXAMPLES["redis"]["existingSecret"]
    assert volume["secret"]["items"] == [{"key": "redis-password", "path": "redis-password"}]
