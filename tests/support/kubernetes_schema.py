"""Kubernetes' own schemas, out of ``kubernetes-validate``, which reads them anew for every object; here, once."""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema.validators import Draft202012Validator  # type: ignore[import-untyped] # it has no types
from referencing import Registry, Resource

# What other projects define: its version, and the members that it cannot do without.
CUSTOM: dict[str, tuple[str, list[str]]] = {
    "HTTPRoute": ("gateway.networking.k8s.io/v1", ["parentRefs", "hostnames", "rules"]),
    "PodMonitor": ("monitoring.coreos.com/v1", ["selector", "podMetricsEndpoints"]),
    "PrometheusRule": ("monitoring.coreos.com/v1", ["groups"]),
    "ExternalSecret": ("external-secrets.io/v1", ["secretStoreRef", "target", "data"]),
    "ServiceMonitor": ("monitoring.coreos.com/v1", ["selector", "endpoints"]),
    "ScaledObject": ("keda.sh/v1alpha1", ["scaleTargetRef", "triggers"]),
}


@cache
def _registry(version: str) -> "Registry[Any]":
    return Resource.from_contents(_schema(version, "_definitions")) @ Registry()


def _schema(version: str, name: str) -> Any:  # noqa: ANN401 - JSON
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{version}-local-strict"
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


@cache
def _validator(version: str, kind: str, api_version: str) -> Draft202012Validator:
    group = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)
    schema = _schema(version, f"{kind.lower()}-{group}")
    return Draft202012Validator(schema, registry=Resource.from_contents(schema) @ _registry(version))


def problems(found: Mapping[str, Any], version: str) -> list[str]:
    """What that version, such as 1.29.0, has against an object; members it does not know are problems too.

    Raises ``FileNotFoundError`` for a kind that Kubernetes does not have.
    """
    name = f"{found['kind']}/{found['metadata']['name']}"
    errors = _validator(version, found["kind"], found["apiVersion"]).iter_errors(found)
    return [f"{name}: {error.json_path}: {error.message}" for error in errors]
