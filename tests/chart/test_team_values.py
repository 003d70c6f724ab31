"""Values as teams write them, in ``helm/valetkey/ci``: Kubernetes takes what comes out, and it means what they say."""

from typing import Any

import pytest
import yaml

from support.chart import CHART, NEWEST, OLDEST, Refused, named, objects, of_kind, pods
from support.chart_values import EXTERNAL, Values, merged
from support.kubernetes_schema import CUSTOM, problems

FILES = sorted((CHART / "ci").glob("*-values.yaml"))
TEAMS = {path.name.removesuffix("-values.yaml"): dict(yaml.safe_load(path.read_text())) for path in FILES}
POD = "spec.template.spec"
MAIN = f"{POD}.containers.0"
JOB = "spec.jobTemplate.spec.template.spec"
# Object, member, and what it has to be: an exact value, or of a list or mapping a part.
MEANT: dict[str, list[tuple[str, str, Any]]] = {
    "aws-workload-identity": [
        (
            "ServiceAccount/valetkey",
            "metadata.annotations",
            {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/valetkey"},
        ),
        ("Deployment/valetkey-token", f"{POD}.serviceAccountName", "valetkey"),
        ("CronJob/valetkey-key-rotation", f"{JOB}.serviceAccountName", "valetkey"),
        ("Deployment/valetkey-token", f"{POD}.automountServiceAccountToken", False),
    ],
    "azure-workload-identity": [
        ("Deployment/valetkey-token", f"{POD}.serviceAccountName", "identity"),
        ("Deployment/valetkey-token", "spec.template.metadata.labels", {"azure.workload.identity/use": "true"}),
    ],
    "aws-load-balancer": [("Ingress/valetkey-ingress", "spec.rules.0.http.paths.0.path", "/")],
    "nginx-ingress-cert-manager": [
        ("Ingress/valetkey-ingress", "metadata.labels", {"exposed": "true"}),
        ("Ingress/valetkey-ingress", "spec.tls.0.secretName", "id-example-com"),
    ],
    "two-hosts": [
        ("Ingress/valetkey-ingress", "spec.rules.1.host", "login.example.com"),
        ("Ingress/valetkey-ingress", "spec.tls.1.secretName", "old"),
    ],
    "gateway-with-timeouts": [
        ("HTTPRoute/valetkey-route", "spec.rules.0.timeouts", {"request": "30s", "backendRequest": "25s"}),
        ("HTTPRoute/valetkey-route", "spec.rules.2.filters.0.type", "ResponseHeaderModifier"),
    ],
    "gateway-extra-rule": [("HTTPRoute/valetkey-route", "spec.rules.3.backendRefs.0.name", "status-page")],
    "load-balancer-services": [
        ("Service/valetkey-token", "spec", {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}),
        ("Service/valetkey-token", "spec.loadBalancerSourceRanges", ["203.0.113.0/24"]),
    ],
    "node-port": [
        ("Service/valetkey-authorize", "spec.ports.0.nodePort", 30080),
        ("Service/valetkey-token", "spec.type", "ClusterIP"),
    ],
    "dual-stack": [("Service/valetkey-token", "spec.ipFamilies", ["IPv6", "IPv4"])],
    "zone-traffic": [
        ("Service/valetkey-token", "spec.trafficDistribution", "PreferClose"),
        ("Deployment/valetkey-token", f"{POD}.topologySpreadConstraints.0.whenUnsatisfiable", "DoNotSchedule"),
    ],
    "private-registry": [("Deployment/valetkey-token", f"{POD}.imagePullSecrets", [{"name": "registry"}])],
    "umbrella-chart": [("Deployment/valetkey-token", f"{POD}.imagePullSecrets", [{"name": "everywhere"}])],
    "by-digest": [("Deployment/valetkey-token", f"{MAIN}.image", "valetkey-token@sha256:" + "b" * 64)],
    "private-ca": [
        ("Deployment/valetkey-token", f"{MAIN}.volumeMounts.2.subPath", "ca.pem"),
        ("CronJob/valetkey-key-rotation", f"{JOB}.volumes.2.configMap.name", "company-ca"),
    ],
    "vault-agent": [("Deployment/valetkey-token", f"{POD}.serviceAccountName", "valetkey-vault")],
    "cloud-sql-proxy": [
        ("Deployment/valetkey-token", f"{POD}.initContainers.0.restartPolicy", "Always"),
        ("CronJob/valetkey-key-rotation", f"{JOB}.initContainers.0.name", "cloud-sql-proxy"),
        ("NetworkPolicy/valetkey-token", "spec.egress.3.ports.0.port", 3307),
        ("NetworkPolicy/valetkey-key-rotation", "spec.egress.2.ports.0.port", 3307),
    ],
    "compact": [
        ("Deployment/valetkey-compact", "spec.replicas", 1),
        ("Deployment/valetkey-compact", f"{MAIN}.name", "compact"),
        ("Ingress/valetkey-ingress", "spec.rules.0.http.paths.0.backend.service.name", "valetkey-compact"),
        (
            "PodMonitor/valetkey-services",
            "spec.selector.matchExpressions.0.values",
            ["compact"],
        ),
    ],
    "sidecar": [("Deployment/valetkey-token", f"{POD}.containers.1.name", "shipper")],
    "env-from": [
        ("Deployment/valetkey-token", f"{MAIN}.envFrom", [{"configMapRef": {"name": "http-proxy"}}]),
        ("CronJob/valetkey-key-rotation", f"{JOB}.containers.0.envFrom.0.configMapRef.name", "http-proxy"),
    ],
    "istio": [
        ("Service/valetkey-token", "metadata.annotations", {"owner": "identity"}),
        (
            "NetworkPolicy/valetkey-token",
            "spec.ingress.2.from.0.namespaceSelector.matchLabels",
            {"kubernetes.io/metadata.name": "istio-system"},
        ),
    ],
    "argo-cd": [
        ("CronJob/valetkey-key-rotation", "spec.jobTemplate.metadata.annotations", {"argocd.argoproj.io/hook": "Sync"}),
        ("Deployment/valetkey-token", "metadata.annotations", {"argocd.argoproj.io/sync-wave": "1"}),
    ],
    "flux": [("Deployment/valetkey-token", f"{POD}.initContainers.0.name", "migrate")],
    "openshift": [("Deployment/valetkey-token", f"{POD}.securityContext.runAsUser", None)],
    "strict-contexts": [
        ("Deployment/valetkey-token", f"{POD}.securityContext", {"runAsNonRoot": True, "supplementalGroups": [2000]}),
        ("Deployment/valetkey-token", f"{POD}.securityContext.seccompProfile.type", "Localhost"),
        ("Deployment/valetkey-token", f"{MAIN}.securityContext", {"runAsUser": 10001, "readOnlyRootFilesystem": True}),
    ],
    "weakened-contexts": [
        ("Deployment/valetkey-token", f"{MAIN}.securityContext.capabilities", {"drop": ["ALL"], "add": ["SYS_PTRACE"]}),
        ("Deployment/valetkey-authorize", f"{MAIN}.securityContext.capabilities.add", None),
    ],
    "gvisor": [
        ("Deployment/valetkey-authorize", f"{POD}.runtimeClassName", "gvisor"),
        ("Deployment/valetkey-token", f"{POD}.runtimeClassName", None),
    ],
    "own-scheduler": [
        ("Deployment/valetkey-token", POD, {"schedulerName": "bin-packing", "nodeSelector": {"pool": "identity"}}),
        ("CronJob/valetkey-key-rotation", f"{JOB}.schedulerName", "bin-packing"),
    ],
    "own-dns": [
        ("Deployment/valetkey-token", f"{POD}.dnsPolicy", "None"),
        ("Deployment/valetkey-token", f"{POD}.dnsConfig.nameservers", ["192.0.2.53"]),
        ("CronJob/valetkey-key-rotation", f"{JOB}.hostAliases.0.ip", "192.0.2.10"),
    ],
    "slow-nodes": [
        ("Deployment/valetkey-token", f"{MAIN}.startupProbe", {"periodSeconds": 1, "failureThreshold": 300}),
        ("Deployment/valetkey-token", f"{MAIN}.livenessProbe.httpGet.path", "/livez"),
    ],
    "own-pre-stop": [
        ("Deployment/valetkey-token", f"{MAIN}.lifecycle.preStop", {"httpGet": {"path": "/drain", "port": 15020}})
    ],
    "keda": [
        ("ScaledObject/valetkey-token", "spec", {"minReplicaCount": 2, "maxReplicaCount": 30}),
        ("Deployment/valetkey-token", "spec.replicas", None),
    ],
    "autoscaled-authorize": [
        ("HorizontalPodAutoscaler/valetkey-authorize", "spec.maxReplicas", 40),
        ("Deployment/valetkey-token", "spec.replicas", 2),
    ],
    "pod-monitor-relabelled": [
        ("PodMonitor/valetkey-services", "spec.podMetricsEndpoints.0.relabelings.0.targetLabel", "cluster"),
        ("PodMonitor/valetkey-services", "spec.podMetricsEndpoints.0.metricRelabelings.0.action", "drop"),
    ],
    "service-monitor": [
        ("ServiceMonitor/valetkey-services", "spec.endpoints.0", {"port": "management", "interval": "15s"}),
        ("Service/valetkey-management", "spec.clusterIP", "None"),
        ("Deployment/valetkey-token", "spec.template.metadata.labels", {"valetkey/scraped": "true"}),
    ],
    "external-secrets-vault": [("ExternalSecret/valetkey-secrets", "spec.secretStoreRef.name", "vault")],
    "cloudnative-pg": [
        ("Deployment/valetkey-token", f"{MAIN}.env", [{"name": "VALETKEY_POSTGRES_POOLER", "value": "transaction"}])
    ],
    "quiet-quota": [("Deployment/valetkey-token", f"{MAIN}.resources.limits.cpu", "1")],
    "extra-objects": [("ConfigMap/valetkey-notes", "data.issuer", "https://id.example.com")],
}
# The first Kubernetes that knows what is in them; all others are for the oldest too.
# Traffic distribution, and the sidecar among the init containers.
SINCE = {"zone-traffic": "1.31.0", "cloud-sql-proxy": "1.29.0"}


def found_at(node: Any, path: str) -> Any:  # noqa: ANN401 - whatever is there
    """The member of an object, None where there is none."""
    for name in path.split("."):
        if isinstance(node, list):
            node = node[int(name)] if int(name) < len(node) else None
        else:
            node = None if node is None else node.get(name)
    return node


def is_part(wanted: Any, found: Any) -> bool:  # noqa: ANN401 - whatever is there
    """Whether a mapping has these members, or a list these entries."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(is_part(value, found.get(name)) for name, value in wanted.items())
    if isinstance(wanted, list) and isinstance(found, list):
        return all(any(is_part(each, other) for other in found) for each in wanted)
    return bool(wanted == found)


def test_each_file_says_what_it_means() -> None:
    assert TEAMS.keys() - MEANT.keys() == {"demo", "production"}
    assert len(MEANT) >= 36


@pytest.mark.parametrize("team", MEANT)
def test_values_of_teams_are_taken_and_mean_what_they_say(team: str) -> None:
    found = objects(TEAMS[team])

    unlike = []
    for name, path, wanted in MEANT[team]:
        value = found_at(named(found, *name.split("/")), path)
        if not is_part(wanted, value):
            unlike.append((name, path, wanted, value))
    assert not unlike
    for version in (SINCE.get(team, OLDEST), NEWEST):
        known = [each for each in objects(TEAMS[team], kube_version=version) if each["kind"] not in CUSTOM]
        assert not [problem for each in known for problem in problems(each, version)]


def test_all_pods_have_what_all_are_to_have() -> None:
    mirrored, shared = objects(TEAMS["private-registry"]), objects(TEAMS["umbrella-chart"])

    assert all(c["image"].startswith("registry.example.com/mirror/") for pod in pods(mirrored) for c in pod.containers)
    assert all(c["image"].startswith("registry.example.com/valetkey-") for pod in pods(shared) for c in pod.containers)
    accounts = {pod.spec.get("serviceAccountName") for pod in pods(objects(TEAMS["aws-workload-identity"]))}
    assert accounts == {"valetkey"}
    assert all("owner" in each["metadata"]["annotations"] for each in objects(TEAMS["istio"]))


def test_the_management_service_reaches_the_services_and_nothing_else() -> None:
    found = objects(TEAMS["service-monitor"])

    selector = named(found, "Service", "valetkey-management")["spec"]["selector"]
    chosen = {pod.component for pod in pods(found) if selector.items() <= pod.labels.items()}

    assert chosen == {"authorize", "token", "introspection"}
    assert not of_kind(found, "PodMonitor")


@pytest.mark.parametrize(
    ("context", "name"),
    [
        ({"securityContext": {"privileged": True}}, "privileged"),
        ({"securityContext": {"allowPrivilegeEscalation": True}}, "allowPrivilegeEscalation"),
        ({"securityContext": {"runAsNonRoot": False}}, "runAsNonRoot"),
        ({"securityContext": {"runAsUser": 0}}, "runAsUser"),
        ({"securityContext": {"readOnlyRootFilesystem": False}}, "readOnlyRootFilesystem"),
        ({"securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}, "capabilities.add"),
        ({"securityContext": {"capabilities": {"drop": []}}}, "capabilities.drop"),
        ({"podSecurityContext": {"seccompProfile": {"type": "Unconfined"}}}, "seccompProfile"),
        ({"podSecurityContext": {"runAsNonRoot": False}}, "runAsNonRoot"),
    ],
)
@pytest.mark.parametrize("where", ["services", "authorize", "jobs"])
def test_less_than_restricted_needs_an_explicit_word(where: str, context: Values, name: str) -> None:
    with pytest.raises(Refused) as refused:
        objects(merged(EXTERNAL, {where: context}))

    assert f"{name} is less than" in str(refused.value)
    assert "security.allowWeakened=true" in str(refused.value)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"jobs": {"extraEnv": [{"name": "VALETKEY_PORT", "value": "1"}]}}, "extraEnv: VALETKEY_PORT is a setting"),
        ({"services": {"extraVolumes": [{"name": "tmp", "emptyDir": {}}]}}, "extraVolumes: the chart has a volume tmp"),
        (
            {"services": {"extraVolumeMounts": [{"name": "a", "mountPath": "/run/secrets/valetkey/"}]}},
            "extraVolumeMounts: the chart mounts",
        ),
        (
            {"services": {"autoscaling": {"enabled": True, "keda": {"enabled": True}}}},
            "autoscaling.keda has no triggers",
        ),
        ({"serviceAccount": {"create": True}, "migration": {"mode": "hook"}}, "with serviceAccount.create"),
        ({"services": {"extraVolumeMounts": [{"name": "a", "mountPath": "tmp"}]}}, "mountPath"),
        ({"services": {"service": {"type": "ExternalName"}}}, "services.service.type"),
    ],
)
def test_what_cannot_be_is_refused_in_words(wrong: Values, words: str) -> None:
    with pytest.raises(Refused) as refused:
        objects(merged(EXTERNAL, wrong))

    assert words in str(refused.value)
