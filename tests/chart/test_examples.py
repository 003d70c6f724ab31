"""The examples fit together: what one names, another makes."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from support.chart import CHART, NEWEST, OLDEST, Object, environment, named, objects, of_kind, pods, read_objects
from support.chart_values import VALUES
from support.kubernetes_schema import problems
from support.repository import ROOT

EXAMPLES = CHART / "examples"
CLOUDNATIVE_PG = read_objects(EXAMPLES / "cloudnative-pg.yaml")
VALKEY = read_objects(EXAMPLES / "valkey.yaml")
VALUES_OF_EXAMPLES: dict[str, Any] = VALUES["examples"]


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_they_are_valid_in_the_oldest_and_the_newest_kubernetes(version: str) -> None:
    known = [each for each in [*CLOUDNATIVE_PG, *VALKEY] if not each["apiVersion"].startswith("postgresql.cnpg.io")]

    assert len(known) == 3
    assert not [problem for each in known for problem in problems(each, version)]


def test_the_values_name_the_database_that_is_made() -> None:
    (cluster,) = of_kind(CLOUDNATIVE_PG, "Cluster")
    (pooler,) = of_kind(CLOUDNATIVE_PG, "Pooler")
    postgres, name = VALUES_OF_EXAMPLES["postgres"], cluster["metadata"]["name"]

    assert postgres["host"] == pooler["metadata"]["name"]
    assert postgres["listenHost"] == f"{name}-rw"
    assert postgres["rootCertSecret"]["name"] == f"{name}-ca"
    assert pooler["spec"]["cluster"]["name"] == name
    assert cluster["spec"]["certificates"]["serverAltDNSNames"] == [postgres["host"]]
    assert pooler["spec"]["pgbouncer"]["poolMode"] == "transaction"
    assert cluster["spec"]["bootstrap"]["initdb"]["database"] == "valetkey"


def test_the_values_name_the_valkey_that_is_made() -> None:
    (service,) = of_kind(VALKEY, "Service")

    parts = urlsplit(VALUES_OF_EXAMPLES["redis"]["url"])

    assert (parts.hostname, parts.port) == (service["metadata"]["name"], service["spec"]["ports"][0]["port"])


def roles_job() -> Object:
    return named(CLOUDNATIVE_PG, "Job", "valetkey-roles")


def test_the_roles_have_the_passwords_that_services_use() -> None:
    (container,) = roles_job()["spec"]["template"]["spec"]["containers"]
    files = {name: value for name, value in environment(container).items() if name.endswith("_PASSWORD_FILE")}

    used = {
        item["path"]
        for pod in pods(objects("examples"))
        for volume in pod.spec["volumes"]
        for source in volume.get("projected", {}).get("sources", [])
        for item in source["secret"]["items"]
        if item["key"].startswith("postgres-")
    }
    sql = (ROOT / "deploy" / "postgres" / "roles.sql").read_text(encoding="utf-8")

    assert {file.rpartition("/")[2] for file in files.values()} == used
    assert not [name for name in files if name not in sql]


def test_everything_uses_the_one_secret() -> None:
    secret = VALUES_OF_EXAMPLES["secrets"]["existingSecret"]
    (valkey,) = of_kind(VALKEY, "StatefulSet")

    mounted = [
        volume["secret"]["secretName"]
        for each in (valkey, roles_job())
        for volume in each["spec"]["template"]["spec"]["volumes"]
        if "secret" in volume
    ]

    assert mounted == [secret, secret]
    assert VALUES_OF_EXAMPLES["redis"]["existingSecret"] == secret
