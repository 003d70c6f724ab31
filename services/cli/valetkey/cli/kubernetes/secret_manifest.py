"""A Secret as Kubernetes takes it."""

from __future__ import annotations

from collections.abc import Mapping

LABELS = {"app.kubernetes.io/name": "valetkey", "app.kubernetes.io/component": "secrets"}


def secret_manifest(name: str, namespace: str | None, values: Mapping[str, str]) -> dict[str, object]:
    """The object to create, in the caller's current namespace unless one is named."""
    where = {} if namespace is None else {"namespace": namespace}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, **where, "labels": LABELS},
        "type": "Opaque",
        "stringData": dict(values),
    }
