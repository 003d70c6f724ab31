"""Barriers that a program can find on every page: axe-core, on a phone and on a desktop, light and dark."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from support.page_gallery import NAMES, Gallery, open_gallery
from support.peer import made_once, prepare, require
from support.tier import combinations

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

PINS = Path(__file__).parent / "axe/package.json"
LOOKS = combinations((360, 1280), ("light", "dark"))
# WCAG 2.2 AA, and what is good practice beyond it.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """async (tags) => {
  const found = await axe.run({runOnly: tags});
  return found.violations.map((each) => [each.id, each.nodes.map((node) => node.html)]);
}"""


@pytest.fixture(scope="session")
def axe() -> str:
    """The script, from npm."""
    require("npm")

    def install(folder: Path) -> None:
        shutil.copy(PINS, folder)
        options = ("--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--silent")
        prepare(["npm", "install", *options], folder)

    return (made_once(PINS, install) / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def gallery() -> AsyncIterator[Gallery]:
    async with open_gallery() as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def page(chromium: Browser) -> AsyncIterator[Page]:
    """One for all, because a browser context costs more than a page."""
    context = await chromium.new_context(reduced_motion="reduce")
    # It would leave its page at once.
    await context.route("**/form_post.js*", lambda route: route.abort())
    yield await context.new_page()
    await context.close()


async def violations(page: Page) -> list[Any]:
    found = await page.evaluate(RUN, TAGS)
    assert isinstance(found, list)
    return found


@pytest.mark.requirement("WCAG 2.2 AA: no page has a barrier that axe-core finds, at any width and in either scheme")
@pytest.mark.parametrize("name", NAMES)
async def test_no_page_has_a_barrier(page: Page, gallery: Gallery, axe: str, name: str) -> None:
    await page.goto(gallery.address(name))
    await page.evaluate(axe)
    found = {}
    for width, scheme in LOOKS:
        await page.set_viewport_size({"width": width, "height": 800})
        await page.emulate_media(color_scheme=scheme)
        if barriers := await violations(page):
            found[width, scheme] = barriers

    assert not found


async def test_a_barrier_is_found(page: Page, gallery: Gallery, axe: str) -> None:
    await page.goto(gallery.address("login"))
    await page.evaluate("document.querySelector('label').remove()")
    await page.evaluate(axe)

    assert [rule for rule, _ in await violations(page)] == ["label"]
