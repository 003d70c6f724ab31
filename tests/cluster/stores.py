"""PostgreSQL and Redis in the cluster, and the Secret with everything that an installation needs to reach them."""

from __future__ import annotations

import secrets
import subprocess
import sys
from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from support.repository import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cluster.cluster import Cluster

_NAMESPACE = "databases"
_ROLES = ("authorize", "token", "introspection", "mailer", "compact", "key_rotation", "migration", "operator")
_PROGRAM = Path(sys.executable).with_name("valetkey")


class Stores:
    """``values`` are those of a Secret as ``valetkey kubernetes create-secret`` makes it, keys and passwords."""

    def __init__(self, cluster: Cluster) -> None:
        self._kubectl = cluster.kubectl
        self.values = _new_values()

    def start(self) -> None:
        """Until both answer."""
        kubectl = self._kubectl
        kubectl("create", "namespace", _NAMESPACE)
        admin = {"postgres-password": secrets.token_urlsafe(), "redis-password": self.values["redis-password"]}
        kubectl.create_secret(_NAMESPACE, "stores", admin)
        kubectl("apply", "--filename", ROOT / "tests/cluster/objects/stores.yaml")
        for store in ("postgres", "redis"):
            kubectl("--namespace", _NAMESPACE, "rollout", "status", f"deployment/{store}", "--timeout=180s")

    def create_database(self, name: str) -> None:
        """One with the roles, as the administrator of PostgreSQL makes it."""
        self._in_postgres("createdb", "--username=postgres", name)
        passwords = "".join(f"\\set {role}_password '{self.values[_password_of(role)]}'\n" for role in _ROLES)
        roles = (ROOT / "deploy/postgres/roles.sql").read_text(encoding="utf-8")
        self._in_postgres("psql", "--username=postgres", f"--dbname={name}", "--file=-", stdin=passwords + roles)

    def _in_postgres(self, *command: str, stdin: str = "") -> None:
        self._kubectl("--namespace", _NAMESPACE, "exec", "--stdin", "deployment/postgres", "--", *command, stdin=stdin)


def _new_values() -> Mapping[str, str]:
    command = [str(_PROGRAM), "kubernetes", "create-secret", "it", "--with=postgres", "--with=redis", "--print"]
    manifest = yaml.safe_load(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    encoded = manifest.get("data", {})
    return {name: b64decode(value).decode() for name, value in encoded.items()} | dict(manifest.get("stringData", {}))


def _password_of(role: str) -> str:
    return f"postgres-{role.replace('_', '-')}-password"
