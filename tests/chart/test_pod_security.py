"""Every pod is "restricted" in the words of the Pod Security Standards, and has no way into the cluster."""

from collections.abc import Iterator

import pytest

from support.chart import Object, Pod, named, objects, of_kind, operator_pod, pods
from support.chart_values import SETS

HARMLESS_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
PROFILES = {"RuntimeDefault", "Localhost"}


def violations(pod: Pod) -> Iterator[str]:
    """What the restricted profile, baseline included, has against a pod. Kubernetes: Pod Security Standards."""
    spec, security = pod.spec, pod.spec.get("securityContext", {})
    yield from (f"{name} is true" for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name))
    for volume in spec.get("volumes", []):
        (kind,) = set(volume) - {"name"}
        if kind not in HARMLESS_VOLUMES:
            yield f"volume {volume['name']} is a {kind}"
    if security.get("sysctls") or security.get("windowsOptions"):
        yield "sysctls or windowsOptions are set"
    for container in [*pod.containers, *spec.get("ephemeralContainers", [])]:
        yield from (f"{container['name']}: {text}" for text in container_violations(container, security))


def container_violations(container: Object, pod: Object) -> Iterator[str]:
    own = container.get("securityContext", {})
    capabilities = own.get("capabilities", {})
    if own.get("privileged"):
        yield "is privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "may escalate"
    if capabilities.get("drop") != ["ALL"] or set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        yield "has capabilities"
    if own.get("runAsNonRoot", pod.get("runAsNonRoot")) is not True:
        yield "may run as root"
    if own.get("runAsUser", pod.get("runAsUser")) == 0:
        yield "runs as root"
    if own.get("seccompProfile", pod.get("seccompProfile", {})).get("type") not in PROFILES:
        yield "has no seccomp profile"
    if own.get("procMount", "Default") != "Default" or "seLinuxOptions" in own or "appArmorProfile" in own:
        yield "changes what the kernel protects"
    if any("hostPort" in port for port in container.get("ports", [])):
        yield "takes a port of the node"


@pytest.mark.requirement("operations, Images and chart: Pod Security restricted by default")
@pytest.mark.parametrize("values", SETS)
def test_every_pod_is_restricted(values: str) -> None:
    everything = objects(values)

    found = {pod.name: list(violations(pod)) for pod in [*pods(everything), operator_pod(everything)]}

    assert found
    assert not {name: said for name, said in found.items() if said}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hostNetwork": True}, "hostNetwork is true"),
        ({"volumes": [{"name": "a", "hostPath": {"path": "/"}}]}, "volume a is a hostPath"),
        ({"securityContext": {}, "containers": [{"name": "a"}]}, "may run as root"),
        ({"securityContext": {"runAsNonRoot": True}}, "has no seccomp profile"),
        ({"securityContext": {"runAsNonRoot": True, "runAsUser": 0}}, "runs as root"),
        ({"containers": [{"name": "a"}]}, "may escalate"),
        ({"containers": [{"name": "a", "securityContext": {"privileged": True}}]}, "is privileged"),
        ({"containers": [{"name": "a", "securityContext": {"capabilities": {"drop": []}}}]}, "has capabilities"),
        ({"containers": [{"name": "a", "ports": [{"hostPort": 80}]}]}, "takes a port of the node"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_pod_that_is_not_restricted_would_be_found(change: Object, said: str) -> None:
    deployment = named(objects("external"), "Deployment", "valetkey-token")
    deployment["spec"]["template"]["spec"] |= change

    (pod,) = pods([deployment])

    assert [text for text in violations(pod) if said in text]


@pytest.mark.parametrize("values", SETS)
def test_nothing_can_be_written_but_a_small_temporary_directory(values: str) -> None:
    containers = [(pod, container) for pod in pods(objects(values)) for container in pod.containers]

    writable = [
        (pod.name, mount["name"])
        for pod, container in containers
        for mount in container.get("volumeMounts", [])
        if not mount.get("readOnly")
    ]

    assert all(container["securityContext"]["readOnlyRootFilesystem"] for _, container in containers)
    assert {name for _, name in writable} <= {"tmp", "data"}
    assert {pod for pod, name in writable if name == "data"} <= {"StatefulSet/valetkey-postgres"}


@pytest.mark.parametrize("values", SETS)
def test_only_the_job_that_creates_the_secret_has_a_token(values: str) -> None:
    found = pods(objects(values))

    with_token = {pod.component for pod in found if pod.spec["automountServiceAccountToken"]}
    with_account = {pod.component for pod in found if "serviceAccountName" in pod.spec}

    assert with_token == with_account
    assert with_token <= {"create-secret"}


@pytest.mark.parametrize("values", ["demo", "below-a-path"])
def test_that_job_may_create_secrets_and_complete_its_own(values: str) -> None:
    found = objects(values)

    (role,) = of_kind(found, "Role")
    (binding,) = of_kind(found, "RoleBinding")
    (account,) = of_kind(found, "ServiceAccount")

    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [secret_name(found)], "verbs": ["get", "patch"]},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
    ]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert [subject["name"] for subject in binding["subjects"]] == [account["metadata"]["name"]]
    assert not of_kind(found, "ClusterRole", "ClusterRoleBinding")


def secret_name(found: list[Object]) -> str:
    (job,) = (pod for pod in pods(found) if pod.component == "create-secret")
    return str(job.spec["containers"][0]["args"][2])


# Of some, the Secret is there but for a few keys.
CREATE_THEIR_SECRET = {"demo", "changed-demo", "compact-demo", "below-a-path", "compact"}


@pytest.mark.parametrize("values", [name for name in SETS if name not in CREATE_THEIR_SECRET])
def test_no_rights_are_granted_where_the_secret_exists(values: str) -> None:
    assert not of_kind(objects(values), "Role", "RoleBinding", "ServiceAccount", "ClusterRole", "ClusterRoleBinding")


@pytest.mark.parametrize("values", SETS)
def test_services_of_the_namespace_do_not_become_variables(values: str) -> None:
    assert all(pod.spec["enableServiceLinks"] is False for pod in pods(objects(values)))


@pytest.mark.parametrize("values", SETS)
def test_every_container_says_what_it_needs(values: str) -> None:
    resources = [container["resources"] for pod in pods(objects(values)) for container in pod.containers]

    assert all({"cpu", "memory"} <= set(each["requests"]) and "memory" in each["limits"] for each in resources)


def test_the_platform_may_choose_the_users() -> None:
    security = [pod.spec["securityContext"] for pod in pods(objects("by-hand"))]

    assert security
    assert not [each for each in security if {"runAsUser", "runAsGroup", "fsGroup"} & set(each)]
