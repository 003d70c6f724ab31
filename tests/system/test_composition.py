"""The composed installation, from outside: what a person, a client and a resource server see of it."""

import asyncio
import re

import pytest
from aiohttp import ClientSession

from support.composition import Composition
from support.containers import SERVICES, docker, inspect
from support.demo_profile import ALL_WELL, log_in_and_revoke

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

OURS = (*SERVICES, "key-rotation", "first-keys", "migrate")


async def test_a_login_goes_through_the_images_from_the_first_page_to_the_revocation(composed: Composition) -> None:
    seen = await log_in_and_revoke(composed.party("web"), composed.party("api"))

    assert seen == ALL_WELL


async def test_both_replicas_of_every_service_are_asked(composed: Composition) -> None:
    web, api = composed.party("web"), composed.party("api")
    for _ in range(12):
        await api.introspect((await web.log_in(scope="openid api:read")).access_token)
        web.browser.cookies.clear()

    log = docker("logs", composed.replicas_of("front-door")[0]).stdout

    for service in SERVICES:
        assert len(set(re.findall(rf'"service":"{service}:8080","replica":"([0-9.]+):8080"', log))) == 2
    await web.browser.close()
    await api.browser.close()


async def test_the_front_door_writes_down_no_query_no_credentials_and_no_code(composed: Composition) -> None:
    web = composed.party("web")
    response = await web.authorize(scope="openid")
    await web.redeem(response)
    await web.browser.close()

    logs = docker("logs", composed.replicas_of("front-door")[0])

    said = logs.stdout + logs.stderr
    assert '"path":"/authorize"' in said
    assert response.code not in said
    assert response.verifier not in said
    assert "client_id" not in said
    assert "Basic" not in said


@pytest.mark.parametrize(
    ("method", "path", "size", "status"),
    [
        ("DELETE", "/token", 0, 405),
        ("TRACE", "/authorize", 0, 405),
        ("POST", "/token", 65537, 413),
        ("GET", "/metrics", 0, 404),
    ],
    ids=["method", "trace", "size", "management"],
)
async def test_the_front_door_forwards_only_what_the_services_are_for(
    composed: Composition, method: str, path: str, size: int, status: int
) -> None:
    async with (
        ClientSession() as session,
        session.request(method, composed.issuer + path, data=b"x" * size or None) as answer,
    ):
        assert answer.status == status


def test_every_container_of_ours_is_unprivileged_and_read_only(composed: Composition) -> None:
    for service in OURS:
        for container in composed.replicas_of(service):
            known = inspect(container)
            host = known["HostConfig"]

            assert known["Config"]["User"] == "65532:65532", container
            assert (host["ReadonlyRootfs"], host["CapDrop"], host["CapAdd"]) == (True, ["ALL"], None), container
            assert host["SecurityOpt"] == ["no-new-privileges:true"], container
            assert not host["PortBindings"], container


def test_a_container_sees_only_its_own_secrets_and_no_variable_has_one(composed: Composition) -> None:
    secrets = {"token": "refresh-token-keys", "authorize": "cookie-keys"}
    for service, own in secrets.items():
        for container in composed.replicas_of(service):
            seen = docker("exec", container, "ls", "/run/secrets").stdout.split()
            variables = "\n".join(inspect(container)["Config"]["Env"])

            assert own in seen
            assert not {*secrets.values(), "postgres-admin-password", "postgres-migration-password"} - {own} & set(seen)
            assert not [name for name in seen if composed.secret(name) in variables]


def test_what_has_run_once_runs_again_without_changing_anything(composed: Composition) -> None:
    jwks = docker(
        "exec", composed.replicas_of("front-door")[0], "curl", "--silent", "http://127.0.0.1:8080/jwks"
    ).stdout

    for job in ("roles", "migrate", "first-keys", "demo-clients"):
        assert docker("start", "--attach", composed.replicas_of(job)[0]).returncode == 0

    again = docker(
        "exec", composed.replicas_of("front-door")[0], "curl", "--silent", "http://127.0.0.1:8080/jwks"
    ).stdout
    assert again == jwks


def test_the_operator_is_one_command_away(composed: Composition) -> None:
    listed = composed.operate("client", "list")

    assert listed.returncode == 0, listed.stderr
    assert "demo-web" in listed.stdout


async def test_a_service_told_to_stop_finishes_what_it_has_begun_and_says_goodbye(composed: Composition) -> None:
    container = composed.replicas_of("token")[0]
    machine = composed.party("machine")
    asking = [asyncio.create_task(machine.token("client_credentials")) for _ in range(20)]

    stopped = await asyncio.to_thread(docker, "stop", "--time", "40", container)
    replies = await asyncio.gather(*asking)

    assert stopped.returncode == 0
    assert inspect(container)["State"]["ExitCode"] == 0
    assert [reply.status for reply in replies] == [200] * 20
    docker("start", container)
    await machine.browser.close()
