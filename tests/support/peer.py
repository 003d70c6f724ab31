"""What tests with independent clients and verifiers share: their programs, and the person who signs in through them."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fcntl import LOCK_EX, flock
from hashlib import sha256
from pathlib import Path
from ssl import SSLContext
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from support.browser import Answer, Browser
from support.certificate import serve_tls
from support.operator_cli import Operator, environment_of
from support.relying_party import ClientIdentity, Person, RelyingParty
from support.repository import ROOT
from support.system import System
from support.systems import running_system
from valetkey.demo.free_port import LOOPBACK, free_port
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres

PEERS = Path(__file__).parent.parent / "peers"
_INSTALL_SECONDS = 900
_START_SECONDS = 120
_END_SECONDS = 10
_PAUSE = 0.05
_MOST_STEPS = 20


def require(*programs: str) -> None:
    """Skip where a program is missing, and say which."""
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program} on PATH")


def prepare(command: Sequence[str | Path], folder: Path) -> None:
    """Install or build something; skip where it cannot be had, except in CI."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS)
    complaint = f"{' '.join(map(str, command))} failed: {(done.stdout + done.stderr)[-2000:]}"
    if done.returncode != 0 and "CI" not in os.environ:
        pytest.skip(complaint)
    assert done.returncode == 0, complaint


@dataclass(frozen=True, slots=True)
class Installation:
    """A running Valetkey whose operator uses the command line. ``authority`` is of its certificate, if it has one."""

    system: System
    authority: Path | None = None

    @property
    def issuer(self) -> str:
        """The issuer."""
        return self.system.issuer

    async def operate(self, *arguments: str) -> Any:  # noqa: ANN401 - whatever the command answers
        """What ``valetkey`` answers."""
        operator = Operator(environment_of(self.system.settings))
        return await asyncio.to_thread(operator.json, *arguments)

    async def register(
        self,
        redirect_uri: str,
        *arguments: str,
        scope: str = "openid profile email",
        grants: Sequence[str] = ("authorization_code", "refresh_token"),
    ) -> ClientIdentity:
        """A client for the code flow; what ``arguments`` do not say is as it is by default."""
        options = ["--name", "Peer", "--redirect-uri", redirect_uri]
        options += [option for name in scope.split() for option in ("--scope", name)]
        options += [option for name in grants for option in ("--grant-type", name)]
        created = await self.operate("client", "create", *options, *arguments)
        secret = created.get("client_secret")
        method = "client_secret_basic" if secret else "none"
        return ClientIdentity(created["client_id"], secret, redirect_uri, method)

    async def create_api(self, resource: str, scope: str, *arguments: str) -> None:
        """An API with one scope, unless it is there."""
        if scope not in {each["name"] for each in await self.operate("scope", "list")}:
            await self.operate("client", "create", "--name", "API", "--resource", resource, *arguments)
            await self.operate("scope", "create", scope, "--description", "Use the API", "--resource", resource)

    async def create_member(self, *groups: str) -> tuple[Person, tuple[str, ...]]:
        """A person in new groups, and their names, which begin like these."""
        administration = self.system.administration
        person, created = await administration.create_user(), await administration.create_groups(*groups)
        for group in created:
            await administration.put_into(group, person)
        return person, created


@pytest.fixture(scope="session")
def http_installation(postgres_server: EmbeddedPostgres, migrated_template: str) -> Iterator[Installation]:
    """One over cleartext HTTP. It is none that other tests share, because peers register scopes of their own."""
    with running_system(postgres_server, migrated_template) as system:
        yield Installation(system)


@pytest.fixture(scope="session")
def https_installation(
    postgres_server: EmbeddedPostgres, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """One whose issuer is https, with a certificate of its own."""
    authority = tmp_path_factory.mktemp("tls") / "ca.crt"
    with running_system(postgres_server, migrated_template, certificate=serve_tls(authority)) as system:
        yield Installation(system, authority)


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person in a browser of their own, at the pages of one issuer and of its clients."""

    issuer: str
    person: Person
    browser: Browser

    async def visit(self, url: str, *, until: str = "", form: bool = False) -> Answer:
        """Follow every redirect and fill in the pages of the issuer, up to the client's first page.

        The way ends before an address that begins with ``until``, if one is given. It begins with the ``form`` of the
        page where there is no link to begin with.
        """
        party = RelyingParty(self.issuer, ClientIdentity(""), self.person, self.browser)
        answer = await self.browser.get(url)
        if form:
            answer = await self.browser.submit(answer)
        for _ in range(_MOST_STEPS):
            if answer.is_redirect:
                if until and answer.location.startswith(until):
                    return answer
                answer = await self.browser.get(answer.location)
            elif answer.url.startswith(f"{self.issuer}/"):
                answer = await party.walk(answer)
                assert answer.is_redirect, f"{answer.status} at {answer.url}: {answer.text}"
            else:
                return answer
        raise AssertionError(f"redirected in a circle, at {answer.url}")


@asynccontextmanager
async def visitor_of(installation: Installation, person: Person) -> AsyncIterator[Visitor]:
    """A new browser."""
    authority = installation.authority
    async with Browser() if authority is None else Browser.trusting(authority) as browser:
        yield Visitor(installation.issuer, person, browser)


async def run_json(*command: str | Path, stdin: str = "") -> Any:  # noqa: ANN401 - whatever it prints
    """The JSON that a program prints, which must end well."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, complaints = await process.communicate(stdin.encode())
    assert process.returncode == 0, complaints.decode() + output.decode()
    return json.loads(output)


async def sign_in_for(visitor: Visitor, redirect_uri: str, *command: str | Path, **environment: str) -> Any:  # noqa: ANN401 - whatever it prints
    """The JSON that a program prints in the end.

    First it prints where to sign in, and then it reads where the browser was sent to.
    """
    process = await asyncio.create_subprocess_exec(
        *command, env={**os.environ, **environment},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().strip()
    callback = (await visitor.visit(url, until=redirect_uri)).location if url else ""
    output, complaints = await process.communicate(f"{callback}\n".encode())
    assert process.returncode == 0, complaints.decode()
    return json.loads(output)


@asynccontextmanager
async def listening(
    port: int, *command: str | Path, log: Path, cwd: Path | None = None, **environment: str
) -> AsyncIterator[None]:
    """A program that serves on a port of the loopback address inside of the block. What it says goes to ``log``."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=cwd, env={**os.environ, **environment},
            stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
    try:
        await _wait_until_it_listens(process, port, log)
        yield
    finally:
        await _end(process)


async def _wait_until_it_listens(process: asyncio.subprocess.Process, port: int, log: Path) -> None:
    async with asyncio.timeout(_START_SECONDS):
        while True:
            assert process.returncode is None, f"it ended: {_last_words(log)}"
            try:
                _, writer = await asyncio.open_connection(LOOPBACK, port)
            except OSError:
                await asyncio.sleep(_PAUSE)
            else:
                writer.close()
                return


def _last_words(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-3000:]


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(_END_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


@pytest.fixture(scope="session")
def go_programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the programs of ``tests/peers/go``, built."""
    require("go")
    folder = tmp_path_factory.mktemp("go")
    prepare(["go", "build", "-mod=readonly", "-o", f"{folder}/", "./..."], PEERS / "go")
    return folder


def made_once(pins: Path, make: Callable[[Path], None]) -> Path:
    """A folder below ``build`` that one process makes for all, as long as the pins are the same."""
    folder = ROOT / "build/peers" / f"{pins.parent.name}-{sha256(pins.read_bytes()).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w", encoding="utf-8") as lock:
        flock(lock, LOCK_EX)
        if not (folder / ".made").exists():
            make(folder)
            (folder / ".made").touch()
    return folder


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the clients from npm and the programs that use them."""
    require("npm", "node")
    pins = PEERS / "node/package.json"

    def install(folder: Path) -> None:
        shutil.copy(pins, folder)
        options = ("--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--silent")
        prepare(["npm", "install", *options], folder)

    folder = tmp_path_factory.mktemp("node")
    for source in pins.parent.iterdir():
        shutil.copy(source, folder)
    (folder / "node_modules").symlink_to(made_once(pins, install) / "node_modules")
    return folder


@dataclass(slots=True)
class SinglePage:
    """An application in the browser, served with TLS; its page finds its settings beside it."""

    url: str
    settings: dict[str, Any] = field(default_factory=dict)

    async def serve_settings(self, _request: web.Request) -> web.Response:
        """What the page is to use its library with."""
        return web.json_response(self.settings)


@asynccontextmanager
async def single_page(name: str, node_modules: Path, tls: SSLContext) -> AsyncIterator[SinglePage]:
    """One of ``tests/peers/browser``, with what npm has installed beside it."""
    app = web.Application()
    page = SinglePage(f"https://{LOOPBACK}:{free_port()}/{name}.html")
    app.router.add_get("/settings.json", page.serve_settings)
    app.router.add_static("/npm", node_modules / "node_modules")
    app.router.add_static("/", PEERS / "browser")
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, urlsplit(page.url).port, ssl_context=tls).start()
    try:
        yield page
    finally:
        await runner.cleanup()


@pytest.fixture(scope="session")
def python_with_peers() -> Path:
    """A Python with the clients from PyPI that this environment does not have."""
    pins = PEERS / "python/requirements.txt"

    def install(folder: Path) -> None:
        uv = Path(sys.executable).with_name("uv")
        prepare([uv, "venv", "--quiet", "--clear", "--python", sys.executable, "venv"], folder)
        prepare([uv, "pip", "install", "--quiet", "--python", "venv/bin/python", "-r", pins], folder)

    return made_once(pins, install) / "venv/bin/python"
