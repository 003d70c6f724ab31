"""The schema and the first keys are there before pods are ready, however the chart is installed."""

import re
from typing import Any

import pytest

from support.chart import SERVICES, Object, Pod, environment, named, objects, of_kind, pod_of, pods, server_of
from support.chart_values import EXTERNAL, SETS, VALUES, Values, merged

MODES = {
    "demo": "job",
    "changed-demo": "job",
    "external-secrets": "job",
    "production": "hook",
    "external": "hook",
    "no-proxy": "hook",
    "examples": "hook",
    "below-a-path": "hook",
    "in-the-pods": "initContainer",
    "compact": "initContainer",
    "compact-demo": "job",
    "by-hand": "none",
    "mail": "hook",
}
HOOK = "helm.sh/hook"


def annotations(found: Object) -> dict[str, str]:
    return dict(found["metadata"].get("annotations", {}))


def hooks(found: list[Object]) -> list[Object]:
    return [each for each in found if "pre-install" in annotations(each).get(HOOK, "")]


def weight(found: Object) -> int:
    return int(annotations(found)["helm.sh/hook-weight"])


def migrations(found: list[Object]) -> list[Pod]:
    return [pod for pod in pods(found) if any(each["name"] == "migrate" for each in pod.containers)]


def test_every_set_of_values_has_its_way() -> None:
    assert sorted(MODES) == SETS
    assert set(MODES.values()) == {"hook", "job", "initContainer", "none"}


@pytest.mark.parametrize("values", SETS)
def test_the_schema_is_migrated_once_and_keys_are_made_after_it(values: str) -> None:
    found = migrations(objects(values))

    steps = [[(each["name"], each["args"]) for each in pod.containers[:2]] for pod in found]

    expected = [("migrate", ["migrate", "up", "--wait", "240"]), ("first-keys", ["--wait", "240"])]
    assert steps == ([] if MODES[values] == "none" else [expected])


@pytest.mark.parametrize("values", SETS)
def test_where_it_runs_is_what_the_mode_says(values: str) -> None:
    found = migrations(objects(values))

    where = [
        "hook" if pod.owner["kind"] == "Job" and HOOK in annotations(pod.owner) else
        "job" if pod.owner["kind"] == "Job" else
        "initContainer" if pod.component in {"token", "compact"} else "elsewhere"
        for pod in found
    ]  # fmt: skip

    assert where == ([] if MODES[values] == "none" else [MODES[values]])


@pytest.mark.parametrize("mode", ["job", "initContainer", "none", "hook"])
def test_every_way_can_be_chosen_for_a_database_of_yours(mode: str) -> None:
    found = migrations(objects(merged(EXTERNAL, {"migration": {"mode": mode}})))

    assert len(found) == (mode != "none")


def needs(pod: Pod) -> set[tuple[str, str]]:
    """The objects without which a pod does not start."""
    wanted = {("ServiceAccount", pod.spec["serviceAccountName"])} if "serviceAccountName" in pod.spec else set()
    for volume in pod.spec.get("volumes", []):
        for source in [volume, *volume.get("projected", {}).get("sources", [])]:
            if "configMap" in source:
                wanted.add(("ConfigMap", source["configMap"]["name"]))
            if "secret" in source:
                wanted.add(("Secret", source["secret"].get("secretName") or source["secret"]["name"]))
    return wanted


def connects_to(pod: Pod) -> set[tuple[str, str]]:
    """The Services that a pod waits for."""
    dsns = [environment(each).get("VALETKEY_POSTGRES_DSN", "") for each in pod.containers]
    return {("Service", match[1]) for dsn in dsns if (match := re.search(r"@([\w.-]+):", dsn))}


@pytest.mark.parametrize("values", SETS)
def test_a_hook_waits_for_nothing_that_is_installed_after_it(values: str) -> None:
    found = objects(values)
    later = {(each["kind"], each["metadata"]["name"]) for each in found if each not in hooks(found)}
    later |= {("Secret", each["spec"]["target"]["name"]) for each in of_kind(found, "ExternalSecret")}

    late = {pod.name: (needs(pod) | connects_to(pod)) & later for pod in pods(hooks(found))}

    assert not {name: wanted for name, wanted in late.items() if wanted}


def test_among_hooks_each_comes_after_what_it_needs() -> None:
    found = hooks(objects("below-a-path"))

    (account,) = of_kind(found, "ServiceAccount")
    create, migrate = (named(found, "Job", f"valetkey-issuer-{name}") for name in ("create-secret", "migrate"))
    rights = of_kind(found, "Role", "RoleBinding")

    assert weight(account) == weight(rights[0]) == weight(rights[1]) < weight(create) < weight(migrate)


@pytest.mark.requirement("operations, Images and chart: hooks on Secrets and ConfigMaps break GitOps")
@pytest.mark.parametrize("values", SETS)
def test_no_secret_and_no_config_map_is_a_hook(values: str) -> None:
    hooked = {each["kind"] for each in objects(values) if HOOK in annotations(each)}

    assert hooked <= {"Job", "Pod", "ServiceAccount", "Role", "RoleBinding"}


@pytest.mark.parametrize("values", SETS)
def test_hooks_run_again_and_leave_nothing_behind(values: str) -> None:
    policies = {annotations(each)["helm.sh/hook-delete-policy"] for each in hooks(objects(values))}
    events = {annotations(each)[HOOK] for each in hooks(objects(values))}

    assert policies <= {"before-hook-creation,hook-succeeded"}
    assert events <= {"pre-install,pre-upgrade"}


CHANGES: list[Values] = [
    {"image": {"tag": "another"}},
    {"postgres": {"database": "other"}},
    {"jobs": {"backoffLimit": 2}},
]


def job_names(values: Values) -> set[str]:
    return {each["metadata"]["name"] for each in of_kind(objects(values), "Job") if HOOK not in annotations(each)}


@pytest.mark.parametrize("change", CHANGES, ids=str)
@pytest.mark.parametrize("values", ["demo", "external-secrets"])
def test_a_job_that_changes_is_another_job(values: str, change: Values) -> None:
    before = {re.sub("-[0-9a-f]{8}$", "", name): name for name in job_names(VALUES[values])}
    after = {re.sub("-[0-9a-f]{8}$", "", name): name for name in job_names(merged(VALUES[values], change))}

    kept = {name for name in before if before[name] == after[name]}

    assert set(before) == set(after) != set()
    assert kept <= ({"valetkey-create-secret"} if "postgres" in change else set())


def test_a_job_that_does_not_change_is_the_same_job() -> None:
    assert job_names(VALUES["demo"]) == job_names(merged(VALUES["demo"], {"token": {"replicas": 5}}))


def test_clients_are_applied_again_when_they_change() -> None:
    def applied(uri: str) -> str:
        declared = [{"client_id": "a", "token_endpoint_auth_method": "none", "redirect_uris": [uri]}]
        found = objects(merged(EXTERNAL, {"clients": {"enabled": True, "declarations": declared}}))
        return str(pod_of(found, "clients").owner["metadata"]["name"])

    assert applied("https://a.example/") == applied("https://a.example/") != applied("https://b.example/")


@pytest.mark.parametrize(("values", "prune", "owner"), [("production", True, "helm"), ("by-hand", False, "helm")])
def test_clients_are_applied_without_a_question(values: str, owner: str, *, prune: bool) -> None:
    arguments = pod_of(objects(values), "clients").containers[0]["args"]

    assert arguments[:4] == ["client", "apply", "--file", "/etc/valetkey/clients/clients.yaml"]
    assert arguments[arguments.index("--owner") + 1] == owner
    assert "--yes" in arguments
    assert ("--prune" in arguments) == prune
    assert "--prune-all" not in arguments


@pytest.mark.parametrize("prune", [True, False])
def test_everything_is_pruned_only_where_a_value_says_so(*, prune: bool) -> None:
    found = objects(merged(VALUES["by-hand"], {"clients": {"prune": prune, "pruneAll": True}}))

    arguments = pod_of(found, "clients").containers[0]["args"]

    assert ("--prune-all" in arguments) == prune


def test_clients_of_a_config_map_of_yours_are_applied() -> None:
    found = objects("by-hand")

    maps = {name for kind, name in needs(pod_of(found, "clients")) if kind == "ConfigMap"}

    assert maps == {"my-clients"}
    assert not [each for each in of_kind(found, "ConfigMap") if "clients.yaml" in each["data"]]


def test_the_demo_registers_its_own_clients_beside_yours() -> None:
    (declared,) = (
        each["data"]["clients.yaml"]
        for each in of_kind(objects("changed-demo"), "ConfigMap")
        if "clients.yaml" in each["data"]
    )

    assert "client_id: own" in declared
    assert "client_id: demo" in declared


@pytest.mark.parametrize("values", SETS)
def test_finished_jobs_are_cleared_away_and_no_job_runs_for_ever(values: str) -> None:
    specs = [each["spec"] for each in of_kind(objects(values), "Job")]
    ordinary = [each["spec"] for each in of_kind(objects(values), "Job") if HOOK not in annotations(each)]

    assert all(spec["activeDeadlineSeconds"] and spec["backoffLimit"] for spec in specs)
    assert all(("ttlSecondsAfterFinished" in spec) == (values not in {"below-a-path", "compact"}) for spec in ordinary)


@pytest.mark.parametrize("values", SETS)
def test_keys_are_rotated_one_run_at_a_time(values: str) -> None:
    (cron,) = of_kind(objects(values), "CronJob")
    spec, job = cron["spec"], cron["spec"]["jobTemplate"]["spec"]
    (container,) = job["template"]["spec"]["containers"]

    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["timeZone"] == "Etc/UTC"
    assert spec["startingDeadlineSeconds"] >= 10
    assert (spec["successfulJobsHistoryLimit"], spec["failedJobsHistoryLimit"]) == (2, 3)
    assert job["backoffLimit"]
    assert container["args"] == ["--jitter", "120"]
    assert job["activeDeadlineSeconds"] > int(container["args"][1])


@pytest.mark.parametrize("values", SETS)
def test_helm_test_logs_in_through_every_service(values: str) -> None:
    found = objects(values)
    tests: list[Any] = [each for each in found if annotations(each).get(HOOK) == "test"]
    enabled = VALUES[values].get("tests", {}).get("login", {}).get("enabled", True)

    assert len(tests) == enabled
    for pod in pods(tests):
        arguments = pod.containers[0]["args"]
        targets = [word for word in arguments if "=http://" in word]

        assert arguments[:3] == ["check", "login", "--temporary"]
        names = {service: pod_of(found, server_of(values, service)).owner["metadata"]["name"] for service in SERVICES}
        assert targets == [f"{service}=http://{name}:8080" for service, name in names.items()]


@pytest.mark.parametrize("values", SETS)
def test_what_waits_for_the_schema_tries_again_in_one_pod_and_other_failures_stay_to_be_read(values: str) -> None:
    policies = {
        pod.component: pod.spec["restartPolicy"] for pod in pods(objects(values)) if "restartPolicy" in pod.spec
    }

    again = {component for component, policy in policies.items() if policy == "OnFailure"}

    assert again <= {"clients", "demo-user"}
    assert {policies[component] for component in set(policies) - again} <= {"Never"}
