"""Renders the chart, once for every set of values, and finds things in what comes out."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from support.chart_values import VALUES, merged
from support.repository import ROOT
from valetkey.runtime.settings.settings import Service

CHART = ROOT / "helm" / "valetkey"
# A wheel has it for some machines; elsewhere one on PATH renders the chart.
HELM = Path(shutil.which("helm", path=f"{ROOT / '.venv/bin'}:{os.environ.get('PATH', os.defpath)}") or "helm")
OLDEST, NEWEST = "1.27.0", "1.37.0"
SERVICES = ("authorize", "token", "introspection")
# What serves in some set of values: each service, or all of them as one.
SERVERS = (*SERVICES, "compact")
Object = dict[str, Any]
# Which settings each container of ours loads.
PROGRAMS: dict[str, Service] = {
    "authorize": "authorize",
    "token": "token",
    "introspection": "introspection",
    "mailer": "mailer",
    "compact": "compact",
    "key-rotation": "key_rotation",
    "first-keys": "key_rotation",
    "migrate": "migrate",
    "apply-clients": "cli",
    "demo-user": "cli",
    "login": "cli",
}


_NOTES = """
apiVersion: v1
kind: ConfigMap
metadata: {name: notes}
data:
  text: {{ include (print .Chart.Name "/templates/NOTES.txt") . | quote }}
"""


def server_of(values: str, service: str) -> str:
    """The component that is this service in a set of values."""
    return "compact" if VALUES[values].get("mode") == "compact" else service


class Refused(Exception):
    """Helm did not render; the text is what it said."""


@dataclass(frozen=True)
class Pod:
    """The template of a pod and the object that makes it."""

    owner: Object
    template: Object

    @property
    def name(self) -> str:
        return f"{self.owner['kind']}/{self.owner['metadata']['name']}"

    @property
    def component(self) -> str:
        return str(self.labels["app.kubernetes.io/component"])

    @property
    def labels(self) -> dict[str, str]:
        return dict(self.template["metadata"]["labels"])

    @property
    def spec(self) -> Object:
        return dict(self.template["spec"])

    @property
    def containers(self) -> list[Object]:
        """Every container, those that run first included."""
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]

    @property
    def is_demo(self) -> bool:
        """Whether it runs an image that is not ours."""
        return "valetkey/demo" in self.owner["metadata"].get("annotations", {})


def environment(container: Mapping[str, Any]) -> dict[str, str]:
    """The variables of a container that are written in its specification."""
    return {variable["name"]: variable["value"] for variable in container.get("env", []) if "value" in variable}


def command_line(values: str, release: str, kube_version: str) -> list[str]:
    return [
        str(HELM),
        *("template", release, str(CHART), "--namespace", "identity", "--kube-version", kube_version),
        *("--values", values),
    ]


def helm(*arguments: str) -> str:
    """What Helm printed. Raises ``Refused``."""
    with tempfile.TemporaryDirectory() as home:
        run = subprocess.run(
            arguments,
            check=False,
            capture_output=True,
            text=True,
            env={"HOME": home, "PATH": os.environ["PATH"]},
            timeout=60,
        )
    if run.returncode:
        raise Refused(run.stderr)
    return run.stdout


@cache
def _manifest(values: str, release: str, kube_version: str) -> str:
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(values)
        file.flush()
        return helm(*command_line(file.name, release, kube_version))


def manifest(values: Mapping[str, Any] | str, *, release: str = "valetkey", kube_version: str = NEWEST) -> str:
    """The text that Helm renders for values, or for a set of values by name."""
    chosen = VALUES[values] if isinstance(values, str) else values
    return _manifest(json.dumps(chosen), release, kube_version)


def objects(values: Mapping[str, Any] | str, *, release: str = "valetkey", kube_version: str = NEWEST) -> list[Object]:
    """Everything that would be installed, hooks and tests included."""
    text = manifest(values, release=release, kube_version=kube_version)
    return [each for each in yaml.load_all(text, Loader=yaml.CSafeLoader) if each]


def notes(values: Mapping[str, Any] | str) -> str:
    """What Helm says after the installation."""
    chosen = VALUES[values] if isinstance(values, str) else values
    found = objects(merged(chosen, {"extraObjects": [_NOTES]}))
    return str(named(found, "ConfigMap", "notes")["data"]["text"])


def of_kind(found: Sequence[Object], *kinds: str) -> list[Object]:
    return [each for each in found if each["kind"] in kinds]


def named(found: Sequence[Object], kind: str, name: str) -> Object:
    """The one object of that kind and name."""
    (one,) = (each for each in of_kind(found, kind) if each["metadata"]["name"] == name)
    return one


def pods(found: Sequence[Object]) -> list[Pod]:
    """Every pod that would ever run."""
    return list(_pods(found))


def operator_pod(found: Sequence[Object]) -> Pod:
    """The pod in which ``valetkey`` is typed; ``kubectl run`` starts it, by what a ConfigMap says."""
    (described,) = (each for each in of_kind(found, "ConfigMap") if "pod" in each["data"])
    return Pod(described, json.loads(described["data"]["pod"]))


def pod_of(found: Sequence[Object], component: str) -> Pod:
    (pod,) = (pod for pod in pods(found) if pod.component == component)
    return pod


def container_of(found: Sequence[Object], component: str) -> Object:
    """The first container of its only pod."""
    return dict(pod_of(found, component).containers[0])


def _pods(found: Sequence[Object]) -> Iterator[Pod]:
    for each in found:
        match each["kind"]:
            case "Deployment" | "StatefulSet" | "Job" | "DaemonSet":
                yield Pod(each, each["spec"]["template"])
            case "CronJob":
                yield Pod(each, each["spec"]["jobTemplate"]["spec"]["template"])
            case "Pod":
                yield Pod(each, each)


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector with ``matchLabels`` and ``In`` matches."""
    wanted = selector.get("matchLabels", {}).items() <= labels.items()
    expressions = selector.get("matchExpressions", [])
    return wanted and all(labels.get(each["key"]) in each["values"] for each in expressions)


def read_objects(path: Path) -> list[Object]:
    """The objects of a manifest that is not the chart's."""
    return [each for each in yaml.load_all(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader) if each]
