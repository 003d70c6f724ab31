"""skaffold.yaml against Skaffold's schema, the chart and the Dockerfile: every name in it exists where it is used."""

import copy
import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.chart import CHART, NEWEST, OLDEST, Object, helm, named, of_kind, pods, read_objects
from support.chart import HELM as PROGRAM
from support.kubernetes_schema import problems
from support.repository import ROOT

CONFIG: Object = yaml.safe_load((ROOT / "skaffold.yaml").read_text(encoding="utf-8"))
(RELEASE,) = CONFIG["deploy"]["helm"]["releases"]
(VERIFY,) = CONFIG["verify"]
PROFILES = {profile["name"]: profile for profile in CONFIG["profiles"]}
CHOICES = [choice for count in range(len(PROFILES) + 1) for choice in itertools.permutations(PROFILES, count)]

# What of skaffold/v4beta13 is used here, by whether it has to be there: `*` is a list, a type is a value.
DOCKER = {"dockerfile!": str, "buildArgs": {"SERVICE!": str}}
SHAPE: dict[str, Any] = {
    "apiVersion!": str,
    "kind!": str,
    "metadata": {"name": str},
    "build": {
        "tagPolicy": {"inputDigest": {}},
        "local": {"push": bool, "concurrency": int},
        "artifacts": {"*": {"image!": str, "docker": DOCKER}},
    },
    "deploy": {
        "statusCheckDeadlineSeconds": int,
        "helm": {
            "releases": {
                "*": {
                    "name!": str,
                    "chartPath": str,
                    "valuesFiles": {"*": str},
                    "namespace": str,
                    "createNamespace": bool,
                    "setValueTemplates": dict,
                }
            }
        },
    },
    "portForward": {
        "*": {"resourceType": str, "resourceName": str, "namespace": str, "port": int, "localPort": int},
    },
    "verify": {
        "*": {
            "name!": str,
            "timeout": int,
            "container!": {"name!": str, "image!": str, "args": {"*": str}},
            "executionMode": {"kubernetesCluster": {"jobManifestPath": str}},
        }
    },
    "profiles": {"*": {"name!": str, "patches": {"*": {"op": str, "path!": str, "value": str}}}},
}


def misfits(found: object, shape: Any, where: str = "") -> list[str]:  # noqa: ANN401 - a tree of mappings and types
    """Where what is written has another shape than Skaffold reads."""
    if isinstance(shape, type):
        return [] if type(found) is shape else [f"{where}: not a {shape.__name__}"]
    if "*" in shape:
        if not isinstance(found, list):
            return [f"{where}: not a list"]
        return [each for at, below in enumerate(found) for each in misfits(below, shape["*"], f"{where}/{at}")]
    if not isinstance(found, dict):
        return [f"{where}: not a mapping"]
    known = {name.removesuffix("!"): below for name, below in shape.items()}
    missing = [f"{where}/{name[:-1]}: missing" for name in shape if name.endswith("!") and name[:-1] not in found]
    unknown = [f"{where}/{name}: unknown" for name in found if name not in known]
    inside = [each for name in found if name in known for each in misfits(found[name], known[name], f"{where}/{name}")]
    return [*missing, *unknown, *inside]


def release_with(*profiles: str) -> Object:
    """The release once Skaffold has applied the patches of profiles, each to what the one before has left."""
    config = copy.deepcopy(CONFIG)
    for patch in (patch for name in profiles for patch in PROFILES[name]["patches"]):
        *path, last = patch["path"].strip("/").split("/")
        target: Any = config
        for name in path:
            target = target[int(name)] if isinstance(target, list) else target[name]
        assert (patch["op"], last) == ("add", "-"), "anything but appending could undo what another profile did"
        target.append(patch["value"])
    (release,) = config["deploy"]["helm"]["releases"]
    return dict(release)


def rendered(*profiles: str) -> list[Object]:
    """What Helm makes of the command line that Skaffold types."""
    release = release_with(*profiles)
    arguments = [str(PROGRAM), "template", release["name"], str(ROOT / release["chartPath"])]
    arguments += ["--namespace", release["namespace"], "--kube-version", NEWEST]
    for file in release["valuesFiles"]:
        arguments += ["--values", str(ROOT / file)]
    for name, template in release["setValueTemplates"].items():
        arguments += ["--set", f"{name}={built(template)}"]
    return [each for each in yaml.load_all(helm(*arguments), Loader=yaml.CSafeLoader) if each]


def built(template: str) -> str:
    """What Skaffold puts where a template stands: an image that it built, under a tag like a digest."""
    kind, image = re.fullmatch(r"{{\.IMAGE_(REPO|TAG)_(\w+)}}", template).groups()  # type: ignore[union-attr] # it fails
    return f"built/{image.replace('_', '-')}" if kind == "REPO" else f"of-{image.replace('_', '-')}"


def verification() -> Object:
    """The Job that Skaffold creates: the manifest, whose container of that name gets image, command and arguments."""
    (job,) = read_objects(ROOT / VERIFY["executionMode"]["kubernetesCluster"]["jobManifestPath"])
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["name"] == VERIFY["container"]["name"]
    container |= {name: VERIFY["container"][name] for name in ("image", "args")}
    return job


def sources(volumes: list[Object]) -> dict[str, Object]:
    return {volume["name"]: volume for volume in volumes}


def test_it_has_the_shape_that_skaffold_reads() -> None:
    assert CONFIG["apiVersion"] == "skaffold/v4beta13"
    assert misfits(CONFIG, SHAPE) == []


def test_another_shape_would_be_found() -> None:
    other = copy.deepcopy(CONFIG) | {"verify": [{"name": "x", "container": {"name": "x"}, "timeout": "1m"}], "test": []}

    assert misfits(other, SHAPE) == [
        "/test: unknown",
        "/verify/0/container/image: missing",
        "/verify/0/timeout: not a int",
    ]


def test_it_builds_the_image_of_every_service_from_the_dockerfile() -> None:
    artifacts = CONFIG["build"]["artifacts"]

    # The demo that it installs has each service as a component, and sends no mail.
    locks = {path.stem for path in (ROOT / "deploy/docker/requirements").glob("*.lock")}
    locks -= {"build", "compact", "mailer"}
    assert {each["image"]: each["docker"]["buildArgs"]["SERVICE"] for each in artifacts} == {
        f"valetkey-{service.replace('_', '-')}": service for service in locks
    }
    for docker in (each["docker"] for each in artifacts):
        text = (ROOT / docker["dockerfile"]).read_text(encoding="utf-8")
        assert docker["buildArgs"].keys() <= set(re.findall(r"^ARG (\w+)", text, re.MULTILINE))
        assert f" AS {docker['buildArgs']['SERVICE']}\n" in text


@pytest.mark.parametrize("profiles", CHOICES, ids=lambda names: "+".join(names) or "none")
def test_every_pod_of_ours_runs_an_image_that_was_built(profiles: tuple[str, ...]) -> None:
    ours = [each for pod in pods(rendered(*profiles)) if not pod.is_demo for each in pod.containers]

    images = {each["image"] for each in ours}

    assert images == {f"built/{each['image']}:of-{each['image']}" for each in CONFIG["build"]["artifacts"]}


@pytest.mark.parametrize("profiles", [each for each in CHOICES if each], ids="+".join)
def test_profiles_add_up_in_any_order(profiles: tuple[str, ...]) -> None:
    found = rendered(*profiles)

    services = of_kind(found, "Deployment")
    variables = json.dumps(services)
    assert ('{"name": "VALETKEY_LOG_LEVEL", "value": "debug"}' in variables) == ("dev" in profiles)
    assert ({each["spec"].get("replicas") for each in services} == {1}) == ("dev" in profiles)
    assert ("VALETKEY_OTLP_ENDPOINT" in variables) == ("observability" in profiles)
    assert bool(of_kind(found, "PodMonitor")) == ("observability" in profiles)
    assert bool(of_kind(found, "PrometheusRule")) == ("observability" in profiles)


@pytest.mark.parametrize("path", sorted(RELEASE["setValueTemplates"]))
def test_every_value_that_is_set_is_in_the_schema(path: str) -> None:
    node = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    definitions = node.get("$defs") or node.get("definitions", {})

    for name in path.split("."):
        while "$ref" in node:
            node = definitions[node["$ref"].rpartition("/")[2]]
        assert name in node.get("properties", {}), f"{name} of {path}"
        node = node["properties"][name]


def test_the_port_that_is_forwarded_is_one_of_the_service_and_of_the_issuer() -> None:
    (forwarded,) = CONFIG["portForward"]
    found = rendered()

    service = named(found, "Service", forwarded["resourceName"])
    (token,) = (pod for pod in pods(found) if pod.component == "token")
    (issuer,) = (each["value"] for each in token.containers[0]["env"] if each["name"] == "VALETKEY_ISSUER")

    assert forwarded["namespace"] == service["metadata"]["namespace"]
    assert forwarded["port"] in {port["port"] for port in service["spec"]["ports"]}
    assert issuer == f"http://127.0.0.1:{forwarded['localPort']}"


def test_files_exist() -> None:
    files = [RELEASE["chartPath"] + "/Chart.yaml", *release_with(*PROFILES)["valuesFiles"]]

    assert [file for file in files if not Path(ROOT, file).is_file()] == []


def test_the_verification_is_the_pod_of_helm_test() -> None:
    (pod,) = (pod for pod in pods(rendered()) if pod.component == "test-login")
    (tested,) = pod.containers

    job = verification()
    template, spec = job["spec"]["template"], job["spec"]["template"]["spec"]
    (container,) = spec["containers"]

    assert job["metadata"]["name"] == VERIFY["name"]
    assert job["metadata"]["namespace"] == RELEASE["namespace"]
    assert template["metadata"]["labels"].items() <= pod.labels.items()
    assert sources(spec.pop("volumes")) == sources(pod.spec["volumes"])
    assert spec | {"containers": []} == {
        name: value for name, value in pod.spec.items() if name not in {"volumes", "containers"}
    } | {"containers": []}
    assert container | {"image": ""} == tested | {"image": ""}
    assert f"built/{container['image']}:" in tested["image"]


def test_the_verification_is_allowed_to_reach_what_it_asks() -> None:
    labels = verification()["spec"]["template"]["metadata"]["labels"]
    policies = [each["spec"] for each in of_kind(rendered(), "NetworkPolicy")]

    own = [each for each in policies if each["podSelector"].get("matchLabels", {}).items() == labels.items()]

    (policy,) = own
    reached = {
        peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
        for rule in policy["egress"]
        for peer in rule.get("to", [])
    }
    assert reached >= {"authorize", "token", "introspection", "postgres", "redis"}


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_takes_the_verification(version: str) -> None:
    assert problems(verification(), version) == []
