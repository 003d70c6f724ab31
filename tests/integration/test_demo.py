"""The demo, as a user at a terminal and programs beside it see it."""

from __future__ import annotations

import asyncio
import signal
import socket
import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession, CookieJar, encode_basic_auth

from support.demo_process import DemoProcess, still_running
from support.demo_tour import Tour
from support.document import parse_document
from support.operator_cli import Operator
from valetkey.demo.free_port import free_port, is_free
from valetkey.demo.listening import NEIGHBOURS

EXTRA = "https://app.example/cb"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoProcess]:
    process = DemoProcess.start(
        *(tmp_path_factory.mktemp("demo"), "--issuer-port", "0", "--redirect-uri", EXTRA),
        VALETKEY_ACCESS_TOKEN_LIFETIME="3m",
    )
    yield process.wait_until_ready()
    process.end(signal.SIGTERM)


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:
        yield session


def test_the_file_for_programs_is_ours_alone_and_says_what_it_promises(demo: DemoProcess) -> None:
    document = demo.document

    assert stat.S_IMODE(demo.file.stat().st_mode) == 0o600
    assert {name: set(client) for name, client in document["clients"].items()} == {
        "web": {"client_id", "client_secret", "redirect_uris", "scope"},
        "spa": {"client_id", "redirect_uris", "scope"},
        "machine": {"client_id", "client_secret", "scope"},
        "api": {"client_id", "client_secret", "resource"},
    }
    assert set(document) == {"issuer", "user", "clients"}
    assert set(document["user"]) == {"username", "password"}
    assert EXTRA in document["clients"]["web"]["redirect_uris"]
    assert EXTRA in document["clients"]["spa"]["redirect_uris"]


@pytest.mark.parametrize("document", ["oauth-authorization-server", "openid-configuration"])
async def test_metadata_comes_through_the_front_door_and_names_the_issuer(
    demo: DemoProcess, http: ClientSession, document: str
) -> None:
    issuer = demo.document["issuer"]

    async with http.get(f"{issuer}/.well-known/{document}") as response:
        metadata = await response.json()

    assert metadata["issuer"] == issuer
    assert all(url.startswith(f"{issuer}/") for name, url in metadata.items() if name.endswith("_endpoint"))


async def test_a_machine_gets_a_token_calls_the_api_and_the_api_introspects_it(
    demo: DemoProcess, http: ClientSession
) -> None:
    issuer, clients = demo.document["issuer"], demo.document["clients"]
    machine, api = clients["machine"], clients["api"]
    form = {"grant_type": "client_credentials", "scope": "api:read"}

    async with http.post(f"{issuer}/token", data=form, headers=basic(machine)) as response:
        token = (await response.json())["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    async with http.get(f"{api['resource']}api/notes", headers=bearer) as response:
        notes = response.status, await response.json()
    async with http.get(f"{api['resource']}api/careful", headers=bearer) as response:
        careful = response.status
    async with http.post(f"{api['resource']}api/notes", headers=bearer, json={"text": "x"}) as response:
        too_little_scope = response.status
    async with http.post(f"{issuer}/introspect", data={"token": token}, headers=basic(api)) as response:
        introspected = await response.json()

    assert notes[0] == careful == 200
    assert notes[1]["client_id"] == "machine"
    assert too_little_scope == 403
    assert introspected["active"] is True
    assert introspected["exp"] - introspected["iat"] == 180
    assert introspected["scope"] == "api:read"


async def test_the_api_refuses_a_request_without_a_token_and_explains_itself(
    demo: DemoProcess, http: ClientSession
) -> None:
    resource = demo.document["clients"]["api"]["resource"]

    async with http.get(f"{resource}api/notes") as response:
        refused = response.status, response.headers["WWW-Authenticate"]
    async with http.get(resource) as response:
        page = parse_document(await response.text())

    assert refused == (401, f'Bearer realm="{resource}"')
    assert "api:read" in page.text
    assert "DEMO" in page.text


async def test_the_tour_goes_from_sign_in_to_sign_out(demo: DemoProcess, http: ClientSession) -> None:
    tour = Tour(demo, http)
    await tour.sign_in()

    outcomes = {}
    for action in ("userinfo", "read-notes", "read-carefully", "add-note", "refresh", "introspect", "revoke"):
        outcomes[action] = await tour.take(action, text="Full tank")
    refused = await tour.take("call-again")
    keys = await tour.take("rotate-keys")
    name = tour.page.get(class_="who").text
    signed_out = await tour.submit("/sign-out")

    assert outcomes.pop("add-note") == ["201 Created"]
    assert all(outcome == ["200 OK"] for outcome in outcomes.values())
    assert refused == ["401 Unauthorized", "400 Bad Request", "200 OK"]
    assert keys == ["200 OK", "200 OK"]
    assert name == "Signed in as Ada Lovelace"
    assert signed_out.url.path == "/signed-out"
    assert "Valetkey ended your session" in tour.page.text


async def test_the_tour_shows_what_a_group_opens_and_what_leaving_it_takes_away(
    demo: DemoProcess, http: ClientSession
) -> None:
    tour = Tour(demo, http)
    await tour.sign_in()

    as_member = await tour.take("clear-notes")
    after_leaving = await tour.take("leave-group")
    after_joining = await tour.take("join-group")

    assert as_member == ["200 OK"]
    assert after_leaving == ["200 OK", "403 Forbidden"]
    assert after_joining == ["200 OK", "200 OK"]


def test_an_operator_in_another_shell_reaches_it(demo: DemoProcess) -> None:
    operator = Operator(demo.environment)
    uri = "http://127.0.0.1:3000/callback"

    made = operator.json("client", "create", "app", "--redirect-uri", uri, "--scope", "openid", "--scope", "groups")
    checks = operator.json("doctor")

    assert stat.S_IMODE((demo.file.parent / "env").stat().st_mode) == 0o600
    assert demo.environment["VALETKEY_ISSUER"] == demo.document["issuer"]
    assert "valetkey_operator" in demo.environment["VALETKEY_POSTGRES_DSN"]
    assert made["client_secret"]
    assert {check["status"] for check in checks} <= {"ok", "skipped"}


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A directory that every user may enter, as PostgreSQL has to where root runs the demo."""
    with TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


def test_a_kept_demo_has_the_next_time_what_was_registered(open_place: Path) -> None:
    first = DemoProcess.start(open_place, "--issuer-port", "0", "--keep").wait_until_ready()
    before, operator = first.document, Operator(first.environment)
    uri = "http://127.0.0.1:3000/callback"
    operator.json("client", "create", "app", "--redirect-uri", uri, "--scope", "openid")
    operator.succeed(
        *("scope", "create", "api:delete", "--description", "Remove notes"),
        *("--resource", before["clients"]["api"]["resource"]),
    )
    operator.succeed("group", "remove", "platform", "--user", "ada")
    first.end(signal.SIGTERM)

    second = DemoProcess.start(open_place, "--issuer-port", "0", "--keep").wait_until_ready()
    after, operator = second.document, Operator(second.environment)
    refused = asyncio.run(sign_in_and_clear_the_notes(second))
    app = operator.json("client", "get", "app")
    scopes = {scope["name"]: scope["resource"] for scope in operator.json("scope", "list")}
    said = second.end(signal.SIGTERM)

    assert after["user"] == before["user"]
    assert after["clients"]["web"]["client_secret"] == before["clients"]["web"]["client_secret"]
    assert app["redirect_uris"] == [uri]
    assert scopes["api:delete"] == scopes["api:read"] == after["clients"]["api"]["resource"]
    assert refused == ["403 Forbidden"]
    assert "is kept in .demo/kept" in said
    assert {path.name for path in (open_place / ".demo").iterdir()} == {"kept", "lock", "log", "audit"}


async def sign_in_and_clear_the_notes(demo: DemoProcess) -> list[str]:
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as http:
        tour = Tour(demo, http)
        await tour.sign_in()
        return await tour.take("clear-notes")


def test_variables_that_it_cannot_use_are_told_and_end_it(tmp_path: Path) -> None:
    refused = DemoProcess.start(tmp_path, "--issuer-port", "0", VALETKEY_ACCESS_TOKEN_LIFETIME="soon")

    said = refused.output()

    assert refused.process.returncode == 1
    assert "VALETKEY_ACCESS_TOKEN_LIFETIME" in said
    assert "Traceback" not in said


async def test_every_request_to_valetkey_shows_its_trace_id(demo: DemoProcess, http: ClientSession) -> None:
    tour = Tour(demo, http)
    await tour.sign_in()

    await tour.take("introspect")

    trace_id = tour.page.get("li", id="introspect").get("p", class_="trace").get("code").text
    assert len(trace_id) == 32


@pytest.mark.requirement("security 37: a POST without the CSRF token of this browser is refused")
async def test_the_tour_takes_no_form_from_elsewhere(demo: DemoProcess, http: ClientSession) -> None:
    base = Tour(demo, http).base

    async with http.post(f"{base}/step/rotate-keys") as response:
        without_token = response.status
    async with http.get(f"{base}/"), http.post(f"{base}/step/rotate-keys", data={"csrf_token": "x"}) as response:
        forged = response.status
    async with http.get(f"{base}/", headers={"Host": "evil.example"}) as response:
        rebound = response.status

    assert (without_token, forged, rebound) == (403, 403, 421)


async def test_an_unsolicited_answer_signs_no_user_in(demo: DemoProcess, http: ClientSession) -> None:
    tour = Tour(demo, http)
    await tour.open("/")

    await tour.open(f"/callback?code=x&state=y&iss={demo.document['issuer']}")

    assert "No sign-in was under way" in tour.page.get(role="alert").text
    assert tour.page.get(class_="who").text == "Not signed in"


def test_a_second_demo_in_the_same_place_is_refused_and_leaves_the_first_alone(demo: DemoProcess) -> None:
    second = DemoProcess.start(demo.directory, "--issuer-port", "0")

    said = second.output()

    assert second.process.returncode == 1
    assert "A demo is running in" in said
    assert demo.document["issuer"]


def test_a_port_that_is_taken_is_named(demo: DemoProcess, tmp_path: Path) -> None:
    port = urlsplit(demo.document["issuer"]).port
    second = DemoProcess.start(tmp_path, "--issuer-port", str(port))

    said = second.output()

    assert second.process.returncode == 1
    assert f"Port {port} is taken" in said
    assert "Traceback" not in said
    assert not second.file.exists()


def test_an_issuer_that_is_not_loopback_is_refused(tmp_path: Path) -> None:
    refused = DemoProcess.start(tmp_path, "--issuer", "https://id.example.com")

    said = refused.output()

    assert refused.process.returncode == 1
    assert "not loopback" in said
    assert not (tmp_path / ".demo").exists()


def test_it_says_what_there_is_and_impatience_leaves_nothing_behind(tmp_path: Path) -> None:
    port = free_port(beside=NEIGHBOURS)
    another = {"VALETKEY_POSTGRES_DSN": "postgresql://of.another/demo", "VALETKEY_ISSUER": "http://127.0.0.1:1"}
    demo = DemoProcess.start(tmp_path, "--issuer-port", str(port), **another).wait_until_ready()
    document, family = demo.document, demo.family()

    said = demo.end(signal.SIGINT, signal.SIGINT)

    assert demo.process.returncode == 0
    assert len(family) > 3
    assert not still_running(family)
    assert is_free(port)
    assert not demo.file.exists()
    assert "Traceback" not in said
    for wanted in (
        "DEMO",
        document["issuer"],
        document["user"]["password"],
        document["clients"]["web"]["client_secret"],
        "for the demo has its own: VALETKEY_ISSUER, VALETKEY_POSTGRES_DSN.",
        f". {tmp_path / '.demo/env'}",
        "valetkey client create",
    ):
        assert wanted in said


def test_told_to_end_before_it_is_ready_it_leaves_nothing_behind(tmp_path: Path) -> None:
    demo = DemoProcess.start(tmp_path, "--issuer-port", "0")
    assert demo.process.stdout is not None
    demo.process.stdout.readline()
    family = demo.family()
    while len(family) < 2:
        family = demo.family()

    said = demo.end(signal.SIGTERM)

    assert demo.process.returncode == 0
    assert not still_running(family)
    assert not demo.file.exists()
    assert "Traceback" not in said


def test_a_neighbouring_port_that_is_taken_moves_only_that_part(tmp_path: Path) -> None:
    port = free_port(beside=NEIGHBOURS)
    with socket.create_server(("127.0.0.1", port + 1)):
        demo = DemoProcess.start(tmp_path, "--issuer-port", str(port)).wait_until_ready()
        document = demo.document
        demo.end(signal.SIGTERM)

    assert document["issuer"] == f"http://localhost:{port}"
    assert f"http://127.0.0.1:{port + 1}/callback" not in document["clients"]["web"]["redirect_uris"]
    assert document["clients"]["api"]["resource"] == f"http://127.0.0.1:{port + 2}/"


def basic(client: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": encode_basic_auth(client["client_id"], client["client_secret"])}
