"""Values that mean nothing, or something else than they say, are refused in words that help."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from support.chart import CHART, Refused, objects
from support.chart_documentation import described, properties, settings_of_values
from support.chart_values import EXTERNAL, VALUES, Values, merged

SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
DEFAULTS: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))

# Kubernetes knows what is in these, and refuses what is not. The claims of users are checked where they are applied.
NOT_OURS = {"foreign", "global", "nodeAffinity", "podAffinity", "podAntiAffinity", "valueFrom", "items", "claims"}


def mappings(node: object, name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, list):
        for each in node:
            yield from mappings(each, name)
    elif isinstance(node, dict):
        if node.get("type") == "object":
            yield name, node
        for key, below in node.items():
            yield from mappings(below, key)


def refusal(values: Values) -> str:
    with pytest.raises(Refused) as refused:
        objects(values)
    return str(refused.value)


def test_no_mapping_of_the_schema_is_open() -> None:
    unbounded = [name for name, node in mappings(SCHEMA) if node.get("additionalProperties", True) is True]

    assert set(unbounded) <= NOT_OURS


def leaves(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, value in values.items():
        yield (*path, name)
        if isinstance(value, dict):
            yield from leaves(value, (*path, name))


def test_a_name_that_is_not_a_value_is_refused_wherever_it_stands() -> None:
    paths = [path for path, node in properties(SCHEMA) if node.get("type") == "object" and "properties" in node]
    # What a chart above this one says to all below it is not refused.
    paths.remove(("global",))
    values = EXTERNAL
    for path in paths:
        misspelt: Values = {"mispelt": 1}
        for name in reversed(path):
            misspelt = {name: misspelt}
        values = merged(values, misspelt)

    said = refusal(values)

    expected = {f"- {'.'.join(path)}: Additional property mispelt is not allowed" for path in paths}
    assert len(paths) > 50
    assert expected - set(said.splitlines()) == set()


def test_a_name_that_is_not_a_value_is_refused_at_the_top() -> None:
    assert "Additional property isuer is not allowed" in refusal(merged(EXTERNAL, {"isuer": "https://a.example"}))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"image": {"pullPolicy": "Sometimes"}}, ["image.pullPolicy", "IfNotPresent"]),
        ({"image": {"tag": "a b"}}, ["image.tag"]),
        ({"token": {"image": {"digest": "latest"}}}, ["token.image.digest", "sha256"]),
        ({"authorize": {"replicas": "two"}}, ["authorize.replicas", "integer"]),
        ({"services": {"autoscaling": {"behavior": {"scaleUpp": {}}}}}, ["services.autoscaling.behavior", "scaleUpp"]),
        ({"services": {"resources": {"limit": {}}}}, ["services.resources", "limit"]),
        ({"services": {"tolerations": [{"keys": "a"}]}}, ["services.tolerations.0", "keys"]),
        ({"services": {"podDisruptionBudget": {"maxUnavailable": "some"}}}, ["maxUnavailable"]),
        ({"services": {"topologySpread": {"whenUnsatisfiable": "Perhaps"}}}, ["ScheduleAnyway"]),
        ({"settings": {"acces_token_lifetime": "5m"}}, ["settings", "access_token_lifetime"]),
        ({"settings": {"postgres_dsn": "postgresql://a:b@c/d"}}, ["settings"]),
        ({"settings": {"issuer": "https://other.example"}}, ["settings"]),
        ({"postgres": {"sslMode": "maybe"}}, ["postgres.sslMode", "verify-full"]),
        ({"postgres": {"port": 0}}, ["postgres.port"]),
        ({"postgres": {"password": "x"}}, ["Additional property password"]),
        ({"redis": {"url": "http://redis.example"}}, ["redis.url"]),
        ({"redis": {"password": "x"}}, ["Additional property password"]),
        ({"migration": {"mode": "hooks"}}, ["migration.mode", "initContainer"]),
        ({"keyRotation": {"schedule": "hourly"}}, ["keyRotation.schedule"]),
        ({"keyRotation": {"concurrencyPolicy": "Allow"}}, ["concurrencyPolicy"]),
        ({"clients": {"declarations": [{"client_id": "a", "client_secret": "b"}]}}, ["client_secret"]),
        ({"clients": {"declarations": [{"redirect_uris": []}]}}, ["client_id"]),
        ({"clients": {"declarations": [{"client_id": "a", "secret_file": "/etc/passwd"}]}}, ["secret_file"]),
        ({"theme": {"colour": "red"}}, ["theme.colour"]),
        ({"theme": {"templates": {"../login.html": ""}}}, ["theme.templates"]),
        ({"tracing": {"sampleRatio": 2}}, ["tracing.sampleRatio"]),
        ({"tracing": {"otlpEndpoint": "http://user:secret@collector"}}, ["tracing.otlpEndpoint"]),
        ({"networkPolicy": {"postgres": {"to": [{"podSelectors": {}}]}}}, ["podSelectors"]),
        ({"httpRoute": {"parentRefs": [{"namespace": "a"}]}}, ["name is required"]),
        ({"monitoring": {"podMonitor": {"interval": "often"}}}, ["monitoring.podMonitor.interval"]),
        ({"trustedProxies": ["the proxy"]}, ["trustedProxies: VALETKEY_TRUSTED_PROXIES"]),
        ({"noTrustedProxies": "yes"}, ["noTrustedProxies", "boolean"]),
        ({"security": {"runAsUser": 0}}, ["security.runAsUser"]),
        ({"demo": {"postgres": {"runAsUser": 0}}}, ["demo.postgres.runAsUser"]),
        ({"demo": {"user": {"password": "x"}}}, ["Additional property password"]),
        ({"extraObjects": [1]}, ["extraObjects.0"]),
        ({"fullnameOverride": "Not A Name"}, ["fullnameOverride"]),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else "",
)
def test_a_wrong_value_is_refused_by_name(wrong: Values, words: list[str]) -> None:
    said = refusal(merged(EXTERNAL, wrong))

    assert not [word for word in words if word not in said]


NONE: Values = {"existingSecret": ""}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "issuer is missing: give the public URL"),
        ({"issuer": "http://id.example.com"}, "must be https unless the host is loopback"),
        ({"issuer": "http://127.0.0.1.example.com"}, "must be https unless the host is loopback"),
        ({"issuer": "https://id.example.com/"}, "must not end with a slash; remove it"),
        ({"issuer": "https://id.example.com?a"}, "must have no query and no fragment"),
        ({"issuer": "https://ID.example.com"}, "must be a URL with a lower-case scheme and host and no user"),
        ({"issuer": "https://a@id.example.com"}, "must be a URL with a lower-case scheme and host and no user"),
        ({"issuer": "id.example.com"}, "must be a URL with a lower-case scheme and host and no user"),
        (merged(EXTERNAL, {"postgres": {"host": ""}}), "postgres.host is missing"),
        (merged(EXTERNAL, {"redis": {"url": ""}}), "redis.url is missing"),
        (merged(EXTERNAL, {"redis": {"url": "redis://:pw@redis.example:6379"}}), "put it into a Secret"),
        (merged(EXTERNAL, {"redis": {"url": "redis://a:pw@redis.example:6379"}}), "put it into a Secret"),
        (merged(EXTERNAL, {"postgres": {"sslMode": "verify-full"}}), "postgres.rootCertSecret.name"),
        (merged(EXTERNAL, {"redis": {"sentinelPassword": True}}), "name it in redis.existingSecret"),
        (merged(EXTERNAL, {"secrets": NONE}), "No Secret with keys: name yours in secrets.existingSecret"),
        (merged(EXTERNAL, {"secrets": {"create": True}}), "secrets.create exclude each other: keep one"),
        (
            merged(EXTERNAL, {"secrets": {**NONE, "create": True}, "postgres": NONE}),
            "put those into a Secret and name it in postgres.existingSecret",
        ),
        (
            merged(EXTERNAL, {"secrets": {**NONE, "externalSecret": {"enabled": True}}}),
            "secrets.externalSecret.storeRef.name",
        ),
        (merged(EXTERNAL, {"demo": {"enabled": True}}), "demo.enabled brings its own PostgreSQL and Redis"),
        (
            {"demo": {"enabled": True}, "postgres": {"existingSecret": "mine"}},
            "remove postgres.existingSecret",
        ),
        (
            merged(EXTERNAL, {"postgres": {"secretPrefix": "postgres-"}}),
            "postgres.existingSecret and postgres.secretPrefix exclude each other",
        ),
        ({"demo": {"enabled": True}, "migration": {"mode": "hook"}}, "migration.mode=hook would wait for ever"),
        (
            merged(VALUES["external-secrets"], {"migration": {"mode": "hook"}}),
            "migration.mode=hook would wait for ever: with secrets.externalSecret.enabled",
        ),
        ({"demo": {"enabled": True}, "ingress": {"enabled": True}}, "ingress has no host"),
        (
            {"demo": {"enabled": True}, "httpRoute": {"enabled": True, "parentRefs": [{"name": "a"}]}},
            "httpRoute has no host",
        ),
        (merged(EXTERNAL, {"httpRoute": {"enabled": True}}), "httpRoute belongs to no Gateway"),
        (
            merged(EXTERNAL, {"trustedProxies": ["10.0.0.0/8"], "noTrustedProxies": True}),
            "trustedProxies and noTrustedProxies exclude each other",
        ),
        (merged(EXTERNAL, {"trustedProxies": ["10.0.0.0/8", "::/0"]}), "::/0 trusts every address"),
        (merged(EXTERNAL, {"trustedProxies": ["0.0.0.0/0"]}), "0.0.0.0/0 trusts every address"),
        (merged(EXTERNAL, {"clients": {"enabled": True}}), "clients.enabled has nothing to register"),
        (
            merged(
                EXTERNAL,
                {"clients": {"enabled": True, "existingConfigMap": "a", "declarations": [{"client_id": "b"}]}},
            ),
            "clients.existingConfigMap takes the place of",
        ),
        (
            merged(EXTERNAL, {"clients": {"enabled": True, "declarations": [
                {"client_id": "b", "secret_file": "/run/secrets/clients/b/secret"}]}}),
            "add b to clients.secrets",
        ),
        (
            merged(EXTERNAL, {"clients": {"enabled": True, "declarations": [{"client_id": "b"}]}}),
            "clients: b has no secret: give it a secret_file",
        ),
        (merged(EXTERNAL, {"token": {"autoscaling": {"minReplicas": 20}}}), "token: autoscaling.minReplicas is above"),
        (
            merged(EXTERNAL, {"services": {"extraEnv": [{"name": "VALETKEY_ISSUER", "value": "a"}]}}),
            "VALETKEY_ISSUER is a setting",
        ),
        (
            merged(EXTERNAL, {"commonLabels": {"app.kubernetes.io/component": "a"}}),
            "app.kubernetes.io/component is a label of the chart",
        ),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else "",
)  # fmt: skip
def test_values_that_contradict_each_other_are_refused_with_what_to_do(values: Values, words: str) -> None:
    assert words in refusal(values)


@pytest.mark.parametrize(
    "issuer",
    ["http://127.0.0.1:8080", "http://localhost:9000", "http://[::1]:8080/a", "https://id.example.com:8443/a/b"],
)
def test_an_issuer_that_the_services_take_is_taken(issuer: str) -> None:
    assert objects(merged(EXTERNAL, {"issuer": issuer}))


def test_every_value_is_in_the_schema() -> None:
    known = {path for path, _ in properties(SCHEMA)}
    free = [path for path, node in properties(SCHEMA) if "$ref" in node]

    unknown = [path for path in leaves(DEFAULTS) if path not in known and not any(path[: len(f)] == f for f in free)]

    assert not unknown


def test_every_value_has_a_description() -> None:
    texts = {path for path, _ in described((CHART / "values.yaml").read_text(encoding="utf-8"))}

    silent = [path for path, node in properties(SCHEMA) if "properties" not in node and "description" not in node]

    assert texts
    assert not silent


def test_settings_are_the_services_own() -> None:
    assert SCHEMA["definitions"]["settings"]["propertyNames"]["enum"] == settings_of_values(), "run make chart-docs"
