"""The demo, or ``valetkey serve all`` with the same in it, once for all clients of this folder, and its visitor."""

import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.browser import Browser
from support.compact_demo import CompactDemo, compact_demo
from support.demo_process import DemoProcess
from support.relying_party import ClientIdentity, Person, RelyingParty
from support.tier import COMPACT


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
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoProcess | CompactDemo]:
    if COMPACT:
        with compact_demo(tmp_path_factory.mktemp("peers")) as compact:
            yield compact
        return
    process = DemoProcess.start(tmp_path_factory.mktemp("peers"), "--issuer-port", "0")
    try:
        yield process.wait_until_ready()
    finally:
        process.end(signal.SIGTERM)


@pytest.fixture
async def visitor(demo: DemoProcess | CompactDemo) -> AsyncIterator[Visitor]:
    async with Browser() as browser:
        yield Visitor(demo.document, demo.file, browser)
