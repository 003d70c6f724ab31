"""The sets of values with which the chart is tested; together they reach every template and most sides of a switch."""

import copy
from collections.abc import Mapping
from typing import Any

import yaml

from support.repository import ROOT

Values = dict[str, Any]


def _file(path: str) -> Values:
    return dict(yaml.safe_load((ROOT / "helm" / "valetkey" / path).read_text(encoding="utf-8")))


def merged(values: Mapping[str, Any], *changes: Mapping[str, Any]) -> Values:
    """Values with changes over them, mapping by mapping, as Helm does it."""
    result = copy.deepcopy(dict(values))
    for change in changes:
        for name, value in change.items():
            below = result.get(name)
            result[name] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


EXTERNAL: Values = {
    "issuer": "https://id.example.com",
    "secrets": {"existingSecret": "keys"},
    "postgres": {"host": "postgres.example", "existingSecret": "postgres"},
    "redis": {"url": "redis://redis.example:6379/0"},
}
BELOW_A_PATH = merged(
    EXTERNAL,
    {
        "issuer": "https://example.com/identity/v1",
        "nameOverride": "issuer",
        "commonLabels": {"team": "identity"},
        "secrets": {"existingSecret": "", "create": True, "revision": "2"},
        "redis": {
            "url": "rediss+sentinel://sentinel-0:26379,sentinel-1/main",
            "existingSecret": "redis",
            "sentinelPassword": True,
            "caSecret": {"name": "redis-ca"},
        },
        "ingress": {"enabled": True, "className": "public", "tlsSecret": "tls"},
        "theme": {
            "name": "Example",
            "colour": "#aa3300",
            "logoSvg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
            "templates": {"login.html": "{% extends 'valetkey/login.html' %}", "static/acme.css": "body { margin: 0 }"},
        },
        "settings": {"access_token_lifetime": "5m", "max_body_bytes": 32768},
        "trustedProxies": ["10.0.0.0/8"],
        "image": {"pullSecrets": ["registry"]},
        "token": {"replicas": 4, "settings": {"postgres_pool_max": 20}, "image": {"digest": "sha256:" + "a" * 64}},
        "services": {"tolerations": [{"key": "identity", "operator": "Exists"}], "priorityClassName": "important"},
        "jobs": {"ttlSecondsAfterFinished": None},
        "extraObjects": [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "{{ .Release.Name }}-extra"},
                "data": {"issuer": "{{ .Values.issuer }}"},
            }
        ],
    },
)
EXTERNAL_SECRETS = merged(
    EXTERNAL,
    {
        "secrets": {
            "existingSecret": "",
            "sealing": "required",
            "credentials": "required",
            "externalSecret": {"enabled": True, "storeRef": {"name": "vault"}},
        },
        "postgres": {"existingSecret": ""},
        "redis": {"url": "redis+cluster://node-0:7000,node-1:7001", "existingSecret": "valetkey-secrets"},
        "settings": {"metrics_otlp_endpoint": "https://metrics.example/v1/metrics"},
        "tracing": {"otlpEndpoint": "https://traces.example:4318/v1/traces"},
    },
)
IN_THE_PODS = merged(EXTERNAL, {"migration": {"mode": "initContainer"}, "tests": {"login": {"enabled": False}}})
BY_HAND = merged(
    EXTERNAL,
    {
        "migration": {"mode": "none"},
        "networkPolicy": {"enabled": False},
        "clients": {"enabled": True, "existingConfigMap": "my-clients", "prune": False},
        "security": {"runAsUser": None, "runAsGroup": None, "fsGroup": None},
        "services": {"podDisruptionBudget": {"enabled": False}, "topologySpread": {"enabled": False}},
    },
)
NO_PROXY = merged(EXTERNAL, {"ingress": {"enabled": True}, "noTrustedProxies": True})
CHANGED_DEMO = merged(
    _file("ci/demo-values.yaml"),
    {
        "clients": {
            "enabled": True,
            "declarations": [
                {
                    "client_id": "own",
                    "token_endpoint_auth_method": "none",
                    "redirect_uris": ["https://own.example/"],
                    "scope": "openid",
                }
            ],
        },
        "networkPolicy": {"ingress": {"from": [{"namespaceSelector": {"matchLabels": {"open": "yes"}}}]}},
    },
)

# One process in the place of three, with everything that such a process may have.
COMPACT = merged(BELOW_A_PATH, {"mode": "compact", "migration": {"mode": "initContainer"}, "compact": {"replicas": 1}})
COMPACT_DEMO = merged(_file("ci/demo-values.yaml"), {"mode": "compact"})

VALUES: dict[str, Values] = {
    "demo": _file("ci/demo-values.yaml"),
    "production": _file("ci/production-values.yaml"),
    "external": EXTERNAL,
    "below-a-path": BELOW_A_PATH,
    "external-secrets": EXTERNAL_SECRETS,
    "in-the-pods": IN_THE_PODS,
    "by-hand": BY_HAND,
    "examples": _file("examples/values.yaml"),
    "no-proxy": NO_PROXY,
    "compact": COMPACT,
    "compact-demo": COMPACT_DEMO,
    "changed-demo": CHANGED_DEMO,
}
SETS = sorted(VALUES)
