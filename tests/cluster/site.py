"""An installation as a team makes it: a namespace that enforces "restricted", Secrets, values, Helm."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from support.chart import HELM
from support.repository import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cluster.cluster import Cluster

OBJECTS = ROOT / "tests/cluster/objects"
_RESTRICTED = [f"pod-security.kubernetes.io/{mode}=restricted" for mode in ("enforce", "warn")]


_SECONDS_TO_END = 120


@dataclass(frozen=True, slots=True)
class Site:
    """``chart`` is its address in a registry, ``version`` that of the release."""

    cluster: Cluster
    chart: str
    version: str
    namespace: str
    release: str
    values: Path

    def create_namespace(self) -> None:
        """One that refuses every pod that is less than "restricted"."""
        self.cluster.kubectl("create", "namespace", self.namespace)
        self.cluster.kubectl("label", "namespace", self.namespace, *_RESTRICTED)

    def install(self, verb: str = "install", *options: str) -> str:
        """``helm install``, or ``upgrade``, as the notes of a release say it; what it printed."""
        done = self.helm(
            *(verb, self.release, self.chart, "--version", self.version, "--plain-http", "--values", self.values),
            *("--wait", "--wait-for-jobs", "--timeout=8m", *options),
        )
        assert done.returncode == 0, f"{done.stderr}\n{self._describe()}"
        return done.stdout + done.stderr

    def helm(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """What Helm says, good or bad."""
        command = [HELM, *arguments, "--namespace", self.namespace]
        environment = self.cluster.kubectl.environment
        return subprocess.run(command, env=environment, check=False, capture_output=True, text=True)

    def kubectl(self, *arguments: str | Path) -> str:
        """In the namespace of the release."""
        return self.cluster.kubectl("--namespace", self.namespace, *arguments)

    def get(self, *what: str) -> Any:  # noqa: ANN401 - JSON
        """What ``kubectl get`` tells, as JSON."""
        return self.cluster.kubectl.get(self.namespace, *what)

    def pods(self, component: str) -> list[dict[str, Any]]:
        """Those of a component that are there, the ones that have ended included."""
        labels = f"app.kubernetes.io/instance={self.release},app.kubernetes.io/component={component}"
        return list(self.get("pods", "--selector", labels)["items"])

    def names_of(self, components: Iterable[str]) -> set[str]:
        """The pods of these components."""
        return {pod["metadata"]["name"] for component in components for pod in self.pods(component)}

    def warnings(self) -> list[str]:
        """What Kubernetes warns of; probes may fail until a service has started."""
        events = self.get("events", "--field-selector=type=Warning")["items"]
        return [f"{each['reason']}: {each['message']}" for each in events if each["reason"] != "Unhealthy"]

    def until_ended(self) -> None:
        """Wait for pods that are going."""
        deadline = time.monotonic() + _SECONDS_TO_END
        while any("deletionTimestamp" in pod["metadata"] for pod in self.get("pods")["items"]):
            assert time.monotonic() < deadline, self._describe()
            time.sleep(0.5)

    def _describe(self) -> str:
        return "\n".join([self.kubectl("get", "pods,jobs"), *self.warnings()])[-6000:]
