"""``valetkey check login`` against running systems: what it does, what it leaves behind, and what it says of faults."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from support.administration import Administration
from support.database_roles import as_role
from support.operator_cli import Operator, Outcome, environment_of
from support.relying_party import ClientIdentity, Person
from support.system import SERVICES, System, test_settings
from support.systems import StartSystem
from valetkey.cli.exit_code import ExitCode
from valetkey.cli.operator_name import operator_name
from valetkey.runtime.http.server import start_app

STEPS = [
    *("discovery", "keys", "authorize", "sign in", "consent", "answer", "token", "id token", "userinfo"),
    *("authorize", "answer", "pkce", "refresh", "introspect", "revoke", "introspect again"),
]
PUBLIC_ISSUER = "https://id.example/tenant"
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


def check(operator: Operator, *options: str) -> Outcome:
    return operator.run("check", "login", "-o", "json", *options)


def names(outcome: Outcome) -> list[str]:
    return [step["step"] for step in outcome.json["steps"]]


def check_names(operator: Operator) -> list[str]:
    clients = [client["client_id"] for client in operator.json("client", "list")]
    users = [user["username"] for user in operator.json("user", "list")]
    return [name for name in (*clients, *users) if name.startswith("check-")]


def test_every_step_works_and_leaves_nothing_behind(system_operator: Operator) -> None:
    outcome = check(system_operator, "--temporary")

    assert outcome.exit_code == ExitCode.OK, outcome
    assert names(outcome) == STEPS
    assert {step["result"] for step in outcome.json["steps"]} == {"ok"}
    requested = [step for step in outcome.json["steps"] if step["step"] not in {"answer", "id token"}]
    assert all(len(step["trace_id"]) == 32 for step in requested)
    assert check_names(system_operator) == []
    # The services of the tests are in this process: what an operator does is what is told apart by its actor.
    by_operator = [event["type"] for event in outcome.events if event.get("actor") == operator_name()]
    assert by_operator == ["client.created", "user.created", "user.deleted", "client.deleted"]


def test_people_read_a_line_for_each_step(system_operator: Operator) -> None:
    outcome = system_operator.succeed("check", "login", "--temporary")

    assert len(outcome.out.splitlines()) == len(STEPS)
    assert "Everything works." in outcome.err


@pytest.fixture(scope="module")
def behind_an_ingress(start_system: StartSystem) -> System:
    """Services of a public https issuer that are asked over plain http."""
    return start_system(changes={"issuer": PUBLIC_ISSUER}, issuer_path="/tenant")


@pytest.mark.parametrize("way", ["one front door", "each service"])
def test_an_https_issuer_is_checked_past_its_ingress(behind_an_ingress: System, way: str) -> None:
    system = behind_an_ingress
    services = [f"{name}={urls[0]}" for name, urls in system.urls.items()]
    upstreams = [system.origin] if way == "one front door" else services
    operator = Operator(environment_of(system.settings))

    outcome = check(operator, "--temporary", *(part for url in upstreams for part in ("--connect-to", url)))

    assert outcome.exit_code == ExitCode.OK, outcome
    assert names(outcome) == STEPS
    assert outcome.json["issuer"] == PUBLIC_ISSUER


async def probe(operator: Operator, client: ClientIdentity, person: Person, directory: Path, *options: str) -> Outcome:
    (directory / "password").write_text(person.password, encoding="utf-8")
    given = ["--client-id", client.client_id, "--redirect-uri", client.redirect_uri, "--auth-method", client.method]
    if client.client_secret:
        (directory / "secret").write_text(client.client_secret, encoding="utf-8")
        given += ["--client-secret-file", str(directory / "secret")]
    given += ["--username", person.username, "--password-file", str(directory / "password")]
    return await asyncio.to_thread(lambda: check(operator, *given, *options))


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
async def test_a_client_that_exists_is_checked_without_any_database(
    system: System, administration: Administration, tmp_path: Path, method: str
) -> None:
    client, person = await administration.create_web_client(method), await administration.create_user()

    outcome = await probe(Operator({"VALETKEY_ISSUER": system.issuer}), client, person, tmp_path)

    assert outcome.exit_code == ExitCode.OK, outcome
    skipped = {step["step"] for step in outcome.json["steps"] if step["result"] == "skipped"}
    assert skipped == ({"introspect"} if method == "none" else set())


async def test_a_wrong_password_is_named(system: System, administration: Administration, tmp_path: Path) -> None:
    client, person = await administration.create_web_client(), await administration.create_user()
    with_wrong_password = Person(person.username, "not the password", "")

    outcome = await probe(Operator({"VALETKEY_ISSUER": system.issuer}), client, with_wrong_password, tmp_path)

    assert outcome.exit_code == ExitCode.REFUSED
    assert names(outcome)[-1] == "sign in"
    assert "Step `sign in` failed: the sign-in was not accepted" in outcome.err
    assert outcome.json["steps"][-1]["trace_id"] in outcome.err
    assert "not the password" not in outcome.out + outcome.err


@pytest.mark.parametrize(
    ("service", "step"),
    [("introspection", "discovery"), ("authorize", "authorize"), ("token", "token")],
    ids=["introspection", "authorize", "token"],
)
def test_a_service_that_is_down_is_named_and_nothing_is_left(
    system: System, system_operator: Operator, service: str, step: str
) -> None:
    urls = {name: found[0] for name, found in system.urls.items()} | {service: "http://127.0.0.1:1"}
    options = [part for name, url in urls.items() for part in ("--connect-to", f"{name}={url}")]

    outcome = check(system_operator, "--temporary", *options)

    assert outcome.exit_code == ExitCode.REFUSED
    assert f"Step `{step}` failed: http://127.0.0.1:1 cannot be reached" in outcome.err
    assert "--connect-to" in outcome.err
    assert check_names(system_operator) == []


async def test_a_service_that_waits_for_keys_is_named(postgres_dsn: str, redis_url: str) -> None:
    issuer = "http://127.0.0.1:8080"
    settings = test_settings(issuer, as_role(postgres_dsn, "introspection"), redis_url)
    operator = Operator(environment_of(test_settings(issuer, as_role(postgres_dsn, "operator"), redis_url)))
    introspection = await start_app(SERVICES["introspection"](settings), settings)

    outcome = await asyncio.to_thread(check, operator, "--temporary", "--connect-to", introspection.url)
    left = await asyncio.to_thread(check_names, operator)

    await introspection.close()
    assert outcome.exit_code == ExitCode.REFUSED
    (step,) = outcome.json["steps"]
    assert (step["step"], step["result"]) == ("discovery", "failed")
    assert "Step `discovery` failed" in outcome.err
    assert "answers 503" in outcome.err
    assert f"Its logs know it as {step['trace_id']}." in outcome.err
    assert "/readyz" in outcome.err
    assert "`valetkey doctor`" in outcome.err
    assert left == []


@pytest.fixture
async def broken(system: System) -> AsyncIterator[str]:
    """Stands before introspection and token: no key comes through, and no token."""
    async with ClientSession() as http, http.get(f"{system.issuer}/.well-known/openid-configuration") as metadata:
        document = await metadata.json()
    answers = {
        "/.well-known/openid-configuration": (200, document),
        "/jwks": (200, {"keys": []}),
        "/token": (503, {"error": "temporarily_unavailable"}),
    }

    async def answer(request: web.Request) -> web.StreamResponse:
        status, body = answers[request.path]
        return web.json_response(body, status=status, headers={"X-Trace-Id": TRACE_ID})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


@pytest.mark.parametrize(
    ("service", "step", "said"),
    [
        ("introspection", "keys", "no key is published. Its logs know it as {trace}. Run `valetkey rotate-keys`"),
        ("token", "token", "answers 503, temporarily_unavailable. Its logs know it as {trace}. A service waits or has"),
    ],
    ids=["no keys", "a store is away"],
)
async def test_what_is_missing_is_named_with_what_to_do(
    system: System, system_operator: Operator, broken: str, service: str, step: str, said: str
) -> None:
    urls = {name: found[0] for name, found in system.urls.items()} | {service: broken}
    options = [part for name, url in urls.items() for part in ("--connect-to", f"{name}={url}")]

    outcome = await asyncio.to_thread(check, system_operator, "--temporary", *options)
    left = await asyncio.to_thread(check_names, system_operator)

    assert outcome.exit_code == ExitCode.REFUSED
    assert names(outcome)[-1] == step
    assert f"Step `{step}` failed: " in outcome.err
    assert said.format(trace=TRACE_ID) in outcome.err
    assert left == []


def test_another_issuer_is_named(system: System, system_operator: Operator) -> None:
    other = f"http://localhost:{urlsplit(system.issuer).port}"

    outcome = check(system_operator, "--temporary", "--issuer", other, "--connect-to", system.origin)

    assert outcome.exit_code == ExitCode.REFUSED
    assert f"the issuer calls itself '{system.issuer}' and not '{other}'" in outcome.err
    assert "VALETKEY_ISSUER" in outcome.err


@pytest.mark.parametrize(
    "options",
    [(), ("--temporary", "--client-id", "x"), ("--temporary", "--connect-to", "unknown=http://x")],
    ids=["nothing", "both", "unknown service"],
)
def test_a_command_line_that_says_too_little_or_too_much_is_refused(
    system_operator: Operator, options: tuple[str, ...]
) -> None:
    assert system_operator.run("check", "login", *options).exit_code == ExitCode.USAGE
