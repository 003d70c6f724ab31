"""The demo, running once for all clients of this folder, and its visitor."""

import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.browser import Browser
from support.demo_process import DemoProcess
from support.relying_party import ClientIdentity, Person, RelyingParty

HERE = Path(__file__).parent / "node"


@dataclass(frozen=True)
class Visitor:
    """Ada at the demo, in a browser of her own."""

    demo: dict[str, Any]
    file: Path
    browser: Browser

    async def answer(self, url: str) -> str:
        """Go through the pages of an authorization request; the address that the browser is sent to in the end."""
        user = self.demo["user"]
        party = RelyingParty(
            self.demo["issuer"], ClientIdentity("web"), Person(user["username"], user["password"]), self.browser
        )
        start = await self.browser.follow(await self.browser.get(url), within=party.issuer)
        answer = await party.walk(start)
        assert answer.is_redirect, answer.text
        return answer.location


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoProcess]:
    process = DemoProcess.start(tmp_path_factory.mktemp("peers"), "--issuer-port", "0")
    yield process.wait_until_ready()
    process.end(signal.SIGTERM)


@pytest.fixture
async def visitor(demo: DemoProcess) -> AsyncIterator[Visitor]:
    async with Browser() as browser:
        yield Visitor(demo.document, demo.file, browser)


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the clients from npm and the programs that use them."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("there is no npm on PATH")
    folder = tmp_path_factory.mktemp("node")
    for source in HERE.iterdir():
        shutil.copy(source, folder)
    command = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
    installed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=100)
    if installed.returncode != 0 and "CI" not in os.environ:
        pytest.skip(f"npm could not install the clients: {installed.stderr[-300:]}")
    assert installed.returncode == 0, installed.stderr
    return folder
