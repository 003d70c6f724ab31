"""The command that the notes of the chart print for the first user does what they say, in the pod that it starts."""

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from support.chart import CHART, Object, environment, named, notes, objects, of_kind, selects
from support.chart_values import EXTERNAL, Values, merged
from support.database_roles import as_role
from support.kubectl_run import KubectlRun, kubectl_run
from support.operator_cli import Operator
from support.repository import ROOT
from support.terminal import answered

PASSWORD = "correct horse battery staple 7"
# As where the least is known: no test of the chart leaves a pod with the operator's settings behind.
WITHOUT_TESTS = merged(EXTERNAL, {"tests": {"login": {"enabled": False}}})


def first_user(values: Values) -> str:
    """The command in the notes, as a shell reads it."""
    match = re.search(r"^ *(kubectl (?:.*\\\n)*.* user create .*)$", notes(values), re.MULTILINE)
    assert match is not None
    return match[1]


def pod_template(found: list[Object]) -> str:
    return str(named(found, "ConfigMap", "valetkey-operator")["data"]["pod"])


def app_version() -> str:
    return str(yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))["appVersion"])


def read(values: Values, folder: Path) -> KubectlRun:
    return kubectl_run(first_user(values), pod_template(objects(values)), folder)


def test_the_command_makes_a_user_who_was_not_there(postgres_dsn: str, redis_url: str, tmp_path: Path) -> None:
    stores, redis = urlsplit(as_role(postgres_dsn, "operator")), urlsplit(redis_url)
    values = merged(
        WITHOUT_TESTS,
        {
            "postgres": {
                "host": stores.hostname,
                "port": stores.port,
                "database": stores.path[1:],
                "sslMode": "disable",
                "users": {"operator": unquote(stores.username or "")},
            },
            "redis": {"url": f"redis://{redis.hostname}:{redis.port}{redis.path}", "existingSecret": "redis"},
        },
    )
    run = read(values, tmp_path)
    (container,) = run.pod["spec"]["containers"]
    for store, parts in {"postgres-operator": stores, "redis": redis}.items():
        (tmp_path / f"{store}-password").write_text(unquote(parts.password or ""), encoding="utf-8")
    told = {
        name: value.replace("/run/secrets/valetkey", str(tmp_path)) for name, value in environment(container).items()
    }
    program = [str(ROOT / ".venv" / "bin" / "valetkey"), *container["args"]]

    code, shown = answered(program, told, [("Password: ", PASSWORD), ("Repeat for confirmation: ", PASSWORD)])

    assert code == 0, shown
    assert PASSWORD not in shown
    assert Operator(told).json("user", "get", "ada")["email"] == "ada@example.com"


def test_the_pod_reads_what_the_chart_keeps_for_it_and_is_removed(tmp_path: Path) -> None:
    run = read(WITHOUT_TESTS, tmp_path)

    assert run.got[:5] == ["-n", "identity", "get", "configmap", "valetkey-operator"]
    assert {"--rm", "-it", "--restart=Never", f"--image=valetkey-cli:{app_version()}"} <= {*run.options}
    assert run.pod["spec"]["activeDeadlineSeconds"] == 28800


def test_network_policies_let_the_pod_speak_to_the_stores_and_the_services(tmp_path: Path) -> None:
    found = objects(WITHOUT_TESTS)
    labels = read(WITHOUT_TESTS, tmp_path).pod["metadata"]["labels"]

    policies = [p["spec"] for p in of_kind(found, "NetworkPolicy") if selects(p["spec"]["podSelector"], labels)]

    ports = {port["port"] for policy in policies for rule in policy.get("egress", ()) for port in rule["ports"]}
    assert ports == {53, 5432, 6379, 8080}


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[tuple[Path, list[Any]]]:
    """A configuration of ``kubectl`` and what it posts, of an API server with one ConfigMap that admits no pod."""
    posted: list[Any] = []
    kinds = {"pods": "Pod", "configmaps": "ConfigMap"}
    verbs = ["get", "create", "list", "watch", "delete"]
    resources = [
        {"name": name, "singularName": kind.lower(), "namespaced": True, "kind": kind, "verbs": verbs}
        for name, kind in kinds.items()
    ]
    template = {"kind": "ConfigMap", "apiVersion": "v1", "data": {"pod": pod_template(objects(WITHOUT_TESTS))}}

    async def answer(request: web.Request) -> web.Response:
        if request.method == "POST":
            posted.append(await request.json())
            return web.json_response({"kind": "Status", "apiVersion": "v1", "code": 403}, status=403)
        answers: dict[str, Any] = {
            "/api": {"kind": "APIVersions", "versions": ["v1"]},
            "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
            "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": resources},
            "/api/v1/namespaces/identity/configmaps/valetkey-operator": template,
        }
        return web.json_response(answers.get(request.path, {}), status=200 if request.path in answers else 404)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    server = TestServer(app)
    await server.start_server()
    config = tmp_path / "config"
    context = {"name": "it", "context": {"cluster": "it", "user": ""}}
    config.write_text(
        json.dumps(
            {
                "kind": "Config",
                "apiVersion": "v1",
                "clusters": [{"name": "it", "cluster": {"server": str(server.make_url("/"))}}],
                "contexts": [context],
                "current-context": "it",
            }
        ),
        encoding="utf-8",
    )
    yield config, posted
    await server.close()


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
async def test_kubectl_itself_asks_for_the_same_pod(cluster: tuple[Path, list[Any]], tmp_path: Path) -> None:
    config, posted = cluster
    expected = read(WITHOUT_TESTS, tmp_path).pod
    line = first_user(WITHOUT_TESTS).replace("kubectl ", f"{shutil.which('kubectl')} --kubeconfig {config} ")

    process = await asyncio.create_subprocess_exec("/bin/sh", "-c", line, stdin=asyncio.subprocess.DEVNULL)
    await asyncio.wait_for(process.wait(), 60)

    (pod,) = posted
    (container,) = pod["spec"]["containers"]
    (wanted,) = expected["spec"]["containers"]
    assert {name: container[name] for name in wanted} == wanted
    assert pod["metadata"]["labels"] == expected["metadata"]["labels"]
    assert pod["spec"]["volumes"] == expected["spec"]["volumes"]
    assert container["stdin"] is True
