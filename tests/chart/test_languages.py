"""Languages: the same for all who show or tell them, and catalogues where they are looked for."""

import pytest

from support.chart import container_of, environment, objects, pods
from support.chart_values import EXTERNAL, merged

GIVEN = merged(
    EXTERNAL,
    {
        "mail": {"host": "smtp.example.com", "from": "id@example.com"},
        "languages": {"offered": ["de", "pt-BR"], "default": "de", "configMap": "acme-languages"},
    },
)


@pytest.mark.parametrize("service", ["authorize", "mailer", "introspection"])
def test_each_service_that_shows_or_tells_languages_has_the_same(service: str) -> None:
    told = environment(container_of(objects(GIVEN), service))

    assert (told["VALETKEY_LANGUAGES"], told["VALETKEY_DEFAULT_LANGUAGE"]) == ("de,pt-BR", "de")


def test_catalogues_are_where_they_are_looked_for() -> None:
    found = objects(GIVEN)

    having = {}
    for pod in pods(found):
        volumes = {each["name"]: each for each in pod.spec["volumes"]}
        for container in pod.spec["containers"]:
            for mount in container["volumeMounts"]:
                if mount["name"] == "languages":
                    having[pod.component] = (mount["mountPath"], volumes["languages"]["configMap"]["name"])
    assert having == dict.fromkeys(("authorize", "mailer"), ("/etc/valetkey/languages", "acme-languages"))
    for service in having:
        told = environment(container_of(found, service))
        assert told["VALETKEY_LANGUAGES_DIRECTORY"] == "/etc/valetkey/languages"


def test_one_process_for_all_has_them_too() -> None:
    told = environment(container_of(objects(merged(GIVEN, {"mode": "compact"})), "compact"))

    assert told["VALETKEY_LANGUAGES"] == "de,pt-BR"
    assert told["VALETKEY_LANGUAGES_DIRECTORY"] == "/etc/valetkey/languages"


def test_without_values_nothing_is_told_or_mounted() -> None:
    found = objects(EXTERNAL)

    told = environment(container_of(found, "authorize"))
    assert not [name for name in told if "LANGUAGE" in name]
    assert "languages" not in {each["name"] for each in container_of(found, "authorize")["volumeMounts"]}
