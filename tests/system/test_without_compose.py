"""The images as an orchestrator other than compose runs them: single containers, each with its own role and secrets.

PostgreSQL is 15, the oldest that is supported, and Redis 7; the other tests run the newest PostgreSQL, embedded.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from support.composition import is_here
from support.containers import SERVICES, docker, inspect, why_no_engine
from support.demo_profile import ALL_WELL, log_in_and_revoke
from support.single_containers import POSTGRES_IMAGE, PUBLIC, REDIS_IMAGE, SingleContainers

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(300),
    pytest.mark.skipif(bool(why_no_engine()), reason=why_no_engine()),
]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SingleContainers]:
    for image in (POSTGRES_IMAGE, REDIS_IMAGE):
        if not is_here(image) and docker("pull", "--quiet", image, check=False).returncode != 0:
            pytest.skip(f"{image} cannot be had: the images were not run without compose")
    loose = SingleContainers(tmp_path_factory.mktemp("loose"))
    with loose.running():
        yield loose
    left = docker("network", "ls", "--quiet", "--filter", f"name={loose.network.name}").stdout
    assert left == "", "the network is still there"


async def test_a_login_goes_through_single_containers_from_the_first_page_to_the_revocation(
    installation: SingleContainers,
) -> None:
    async with installation.front_door():
        seen = await log_in_and_revoke(installation.party("web"), installation.party("api"))

    assert seen == ALL_WELL


def test_the_check_of_a_login_runs_inside_the_image_and_leaves_nothing(installation: SingleContainers) -> None:
    addresses = [word for each in SERVICES for word in ("--connect-to", f"{each}=http://{each}:{PUBLIC}")]

    checked = json.loads(installation.operate("check", "login", "--temporary", *addresses, "-o", "json"))

    results = {step["step"]: step["result"] for step in checked["steps"]}
    names = installation.operate("client", "list") + installation.operate("user", "list")
    assert checked["ok"]
    assert set(results.values()) == {"ok"}, results
    assert {"consent", "token", "userinfo", "refresh", "revoke"} <= set(results)
    assert "demo-web" in names
    assert "check-" not in names


@pytest.mark.requirement("operations: read-only root, no capabilities")
def test_each_service_runs_unprivileged_and_sees_only_its_own_secrets(installation: SingleContainers) -> None:
    for service in SERVICES:
        known = inspect(installation.containers[service].get_container_id())
        seen = {mount["Destination"].rpartition("/")[2] for mount in known["Mounts"]}
        others = {f"postgres-{other}-password" for other in (*SERVICES, "admin", "operator")} - {
            f"postgres-{service}-password"
        }

        assert known["Config"]["User"] == "65532:65532"
        assert (known["HostConfig"]["ReadonlyRootfs"], known["HostConfig"]["CapDrop"]) == (True, ["ALL"])
        assert known["HostConfig"]["SecurityOpt"] == ["no-new-privileges"]
        assert not any(mount["RW"] for mount in known["Mounts"])
        assert f"postgres-{service}-password" in seen
        assert not others & seen
        assert ("key-encryption-keys" in seen) == (service == "token")
        assert {each["HostIp"] for ports in known["NetworkSettings"]["Ports"].values() for each in ports or ()} == {
            "127.0.0.1"
        }
