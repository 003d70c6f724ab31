"""Mail: a worker where there is a server for it, what it alone is told, and whom it alone may reach."""

from typing import Any

import pytest

from support.chart import Refused, container_of, environment, named, objects, of_kind, pod_of, pods, selects
from support.chart_values import EXTERNAL, MAIL, merged
from support.kubernetes_schema import problems

WITH_MAIL = merged(EXTERNAL, MAIL)
LEAST = {"mail": {"host": "smtp.example.com", "from": "no-reply@example.com"}}


def secrets_of(found: list[dict[str, Any]], component: str) -> set[str]:
    (volume,) = (each for each in pod_of(found, component).spec["volumes"] if each["name"].startswith("secrets-"))
    return {item["path"] for source in volume["projected"]["sources"] for item in source["secret"]["items"]}


def ports_out(found: list[dict[str, Any]], component: str) -> set[int]:
    policy = named(found, "NetworkPolicy", f"valetkey-{component}")
    return {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}


def test_without_a_server_for_mail_there_is_no_worker_and_no_way_out_for_it() -> None:
    found = objects(EXTERNAL)

    assert not [each for each in found if "mailer" in each["metadata"]["name"]]
    assert "MAIL" not in str([environment(each) for pod in pods(found) for each in pod.containers])
    assert not [each for each in of_kind(found, "NetworkPolicy") if "587" in str(each)]


def test_the_worker_has_a_role_and_keys_of_its_own_and_no_public_port() -> None:
    found = objects(WITH_MAIL)

    container, told = container_of(found, "mailer"), environment(container_of(found, "mailer"))
    assert secrets_of(found, "mailer") == {"mail-keys", "mail-password", "postgres-mailer-password"} | (
        {"postgres-ca.crt"} if "postgres-ca.crt" in secrets_of(found, "token") else set()
    )
    assert [port["name"] for port in container["ports"]] == ["management"]
    assert told["VALETKEY_POSTGRES_DSN"].startswith("postgresql://valetkey_mailer@")
    assert "VALETKEY_REDIS_URL" not in told
    assert not [each for each in of_kind(found, "Service") if each["metadata"]["name"] == "valetkey-mailer"]
    assert not [problem for each in found for problem in problems(each, "1.37.0")]


def test_who_only_asks_for_mails_gets_the_keys_and_not_the_password() -> None:
    found = objects(WITH_MAIL)

    assert "mail-keys" in secrets_of(found, "authorize")
    assert "mail-password" not in secrets_of(found, "authorize")
    assert not {"mail-keys", "mail-password"} & (secrets_of(found, "token") | secrets_of(found, "introspection"))


def test_only_the_worker_and_the_operator_reach_the_server() -> None:
    found = objects(WITH_MAIL)

    reaching = {
        each["metadata"]["name"]
        for each in of_kind(found, "NetworkPolicy")
        if any(port["port"] == 2525 for rule in each["spec"].get("egress", []) for port in rule.get("ports", []))
    }
    assert reaching == {"valetkey-mailer", "valetkey-operator"}
    assert ports_out(found, "mailer") == {53, 5432, 2525}


@pytest.mark.parametrize(("tls", "port"), [("starttls", 587), ("tls", 465)])
def test_the_port_is_the_one_that_the_worker_chooses(tls: str, port: int) -> None:
    found = objects(merged(EXTERNAL, LEAST, {"mail": {"tls": tls}}))

    assert port in ports_out(found, "mailer")
    assert "VALETKEY_MAIL_PORT" not in environment(container_of(found, "mailer"))


def test_compact_is_the_worker_too() -> None:
    found = objects(merged(WITH_MAIL, {"mode": "compact"}))

    assert not [pod for pod in pods(found) if pod.component == "mailer"]
    assert environment(container_of(found, "compact"))["VALETKEY_MAIL_HOST"] == "smtp.example.com"
    assert {"mail-keys", "mail-password"} <= secrets_of(found, "compact")
    assert 2525 in ports_out(found, "compact")


@pytest.mark.parametrize("monitor", ["podMonitor", "serviceMonitor"])
def test_the_worker_is_scraped(monitor: str) -> None:
    found = objects(merged(WITH_MAIL, {"monitoring": {monitor: {"enabled": True}}}))

    if monitor == "podMonitor":
        selector = of_kind(found, "PodMonitor")[0]["spec"]["selector"]
    else:
        selector = {"matchLabels": named(found, "Service", "valetkey-management")["spec"]["selector"]}
    assert "mailer" in {pod.component for pod in pods(found) if selects(selector, pod.labels)}


def test_templates_are_where_the_worker_looks_and_a_change_starts_it_anew() -> None:
    found, changed = objects(WITH_MAIL), objects(merged(WITH_MAIL, {"mail": {"templates": {"test.txt": "x"}}}))

    mounts = {each["name"]: each["mountPath"] for each in container_of(found, "mailer")["volumeMounts"]}
    told = environment(container_of(found, "mailer"))
    assert mounts["mail-templates"] == told["VALETKEY_MAIL_TEMPLATES_DIRECTORY"]
    assert set(named(found, "ConfigMap", "valetkey-mails")["data"]) == {"password_reset.txt"}
    assert pod_of(found, "mailer").template["metadata"] != pod_of(changed, "mailer").template["metadata"]


@pytest.mark.parametrize(
    ("mail", "advice"),
    [
        ({"from": ""}, "mail.from is missing"),
        ({"existingSecret": ""}, "mail.user has no password"),
        ({"user": ""}, "mail.existingSecret holds a password"),
        ({"host": ""}, "mail.host is missing"),
        ({"tls": "none"}, "mail.tls=none is for a server in the same pod"),
        ({"host": "smtp.example.com:25"}, "VALETKEY_MAIL_HOST must be the name or the address of a server"),
        ({"from": "Acme <a@example.com>"}, "VALETKEY_MAIL_FROM must be an address, without a name"),
        ({"tls": "ssl"}, "tls"),
        ({"password": "secret"}, "password"),
        ({"templates": {"../x.txt": ""}}, "templates"),
    ],
)
def test_values_that_the_worker_would_refuse_are_refused_by_helm(mail: dict[str, Any], advice: str) -> None:
    with pytest.raises(Refused, match=advice):
        objects(merged(WITH_MAIL, {"mail": mail}))
