"""The chart in a real cluster, as a team installs it: from a registry, into a namespace that enforces "restricted".

These tests go on from one another, in this order.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from typing import TYPE_CHECKING

import pytest

from cluster.party import Parties
from cluster.usage import usage_of
from support.containers import SERVICES
from support.relying_party import Person
from support.steady_load import SteadyLoad
from support.terminal import answered

if TYPE_CHECKING:
    from cluster.site import Site

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

PERSON = Person("ada", "correct horse battery staple")
IDLE_SECONDS, MOST_MEBIBYTES, MOST_MILLICORES = 45, 300, 60


@pytest.fixture
def parties(site: Site, client_secrets: dict[str, str]) -> Parties:
    return Parties(site.cluster.authority.certificate, client_secrets, PERSON)


def test_the_release_is_installed_and_nothing_is_warned_of(site: Site, said_of_install: str) -> None:
    assert "STATUS: deployed" in said_of_install
    assert "would violate PodSecurity" not in said_of_install
    for service in SERVICES:
        containers = [status for pod in site.pods(service) for status in pod["status"]["containerStatuses"]]
        assert [(each["ready"], each["restartCount"]) for each in containers] == [(True, 0)] * 2
    assert site.warnings() == []


def test_idle_pods_take_little(site: Site) -> None:
    usage = usage_of(site.cluster.kubectl, site.namespace, IDLE_SECONDS)
    services = [usage[name] for name in site.names_of(SERVICES)]

    private, working_set = sum(each.private for each in services), sum(each.working_set for each in services)
    millicores = sum(each.millicores for each in services)
    sys.stderr.write(f"\nidle: {private:.0f} MiB private, {working_set:.0f} MiB working set, {millicores:.0f} m\n")
    assert len(services) == 6
    assert private <= MOST_MEBIBYTES, usage
    assert millicores <= MOST_MILLICORES, usage


def test_the_namespace_refuses_what_is_less_than_restricted(site: Site) -> None:
    refused = site.cluster.kubectl.tried("--namespace", site.namespace, "run", "weak", "--image=valetkey.test/pause:1")

    assert refused.returncode == 1
    assert 'violates PodSecurity "restricted' in refused.stderr


def test_the_notes_print_the_command_that_makes_the_first_user(site: Site) -> None:
    notes = site.helm("get", "notes", site.release).stdout
    (command,) = re.findall(r"^  (kubectl \S+ \S+ run .*?ada@example\.com)$", notes, re.MULTILINE | re.DOTALL)

    # kubectl may come too late for the question; it says so, and a line with nothing in it has it asked again.
    typed = [("try pressing enter", ""), ("Password", PERSON.password), ("Repeat", PERSON.password)]
    code, shown = answered(["sh", "-c", command], site.cluster.kubectl.environment, typed)

    assert code == 0, shown
    assert PERSON.password not in shown
    assert site.pods("operator") == []


async def test_a_login_ends_in_tokens_that_are_introspected_and_revoked(parties: Parties) -> None:
    web, api = parties("web"), parties("api")

    async with web.browser, api.browser:
        tokens = await web.log_in(scope="openid profile offline_access api:read")
        before = await api.introspect(tokens.access_token)
        revoked = await web.revoke(tokens.refresh_token)
        after = await api.introspect(tokens.access_token)

    assert (before.active, revoked.status) == (True, 200)
    assert not after.active


def test_helm_test_signs_in(site: Site) -> None:
    done = site.helm("test", site.release, "--logs", "--timeout=3m")

    assert done.returncode == 0, done.stderr
    assert "Everything works." in done.stdout


def test_the_job_of_the_schedule_rotates_keys(site: Site) -> None:
    site.kubectl("create", "job", "now", f"--from=cronjob/{site.release}-key-rotation")
    site.kubectl("wait", "job/now", "--for=condition=Complete", "--timeout=120s")

    assert '"keys rotated"' in site.kubectl("logs", "job/now")


def test_one_pod_of_a_service_may_be_evicted_at_a_time(site: Site) -> None:
    first, second = (evict(site, name) for name in sorted(site.names_of(["token"])))
    site.kubectl("rollout", "status", f"deployment/{site.release}-token", "--timeout=180s")

    assert first == ""
    assert "Cannot evict pod as it would violate the pod's disruption budget" in second


def test_an_autoscaler_takes_over_as_many_pods_as_there_are(site: Site) -> None:
    site.until_ended()
    before = site.names_of(SERVICES)

    site.install("upgrade", "--set=services.autoscaling.enabled=true")

    assert site.names_of(SERVICES) == before
    assert all("deletionTimestamp" not in pod["metadata"] for service in SERVICES for pod in site.pods(service))
    assert len(site.get("horizontalpodautoscalers")["items"]) == len(SERVICES)


@pytest.mark.requirement("operations: a rolling restart under load loses no request")
async def test_every_pod_is_replaced_under_load_and_no_request_fails(site: Site, parties: Parties) -> None:
    load = SteadyLoad(parties, login_seconds=1.2)
    before = site.names_of(SERVICES)

    async with load.running(each=1):
        await asyncio.to_thread(site.install, "upgrade", "--set=secrets.revision=second")
        await asyncio.to_thread(site.until_ended)

    sys.stderr.write(f"\n{dict(load.done)} beside {len(before)} pods; {len(load.failures)} failed\n")
    assert before.isdisjoint(site.names_of(SERVICES))
    assert load.failures == []
    assert all(load.done[kind] for kind in ("login", "client credentials", "introspection", "refresh", "revocation"))


def evict(site: Site, pod: str) -> str:
    """What the API server says against it."""
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": site.namespace}}
    url = f"/api/v1/namespaces/{site.namespace}/pods/{pod}/eviction"
    return site.cluster.kubectl.tried("create", f"--raw={url}", "--filename=-", stdin=json.dumps(eviction)).stderr
