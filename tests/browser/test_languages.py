"""Pages in other languages, in a browser: nothing is cut off on a phone, and what runs from right to left does so."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from support.page_gallery import NAMES, open_gallery
from support.tier import NIGHTLY
from valetkey.core.language import SHIPPED, direction

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# The longest words, and the other direction.
TAGS = SHIPPED if NIGHTLY else ("ar", "de")
PHONE = {"width": 320, "height": 640}
# What reaches over the edge of the page, and is not meant to be out of sight.
WIDE = """() => [...document.querySelectorAll('main *')]
    .filter(each => !each.closest('.visually-hidden') && each.getClientRects().length)
    .filter(each => each.getBoundingClientRect().right > innerWidth + 1 || each.getBoundingClientRect().left < -1)
    .map(each => each.outerHTML.slice(0, 120))"""
# On which side of the page the heading begins.
SIDE = """() => {
    const range = document.createRange();
    range.selectNodeContents(document.querySelector('h1'));
    const line = range.getClientRects()[0];
    return line.left < innerWidth - line.right ? 'ltr' : 'rtl';
}"""


@pytest.mark.parametrize("tag", TAGS)
async def test_every_page_fits_a_phone_and_runs_in_its_direction(chromium: Browser, tag: str) -> None:
    async with open_gallery(tag) as gallery:
        # Without scripts, or a page posts itself away.
        page = await chromium.new_page(viewport=PHONE, java_script_enabled=False)  # type: ignore[arg-type]
        wide, turned = {}, {}
        for name in NAMES:
            await page.goto(gallery.address(name), wait_until="load")
            if found := await page.evaluate(WIDE):
                wide[name] = found
            turned[name] = await page.evaluate(SIDE)
        await page.close()

    assert wide == {}
    assert set(turned.values()) == {direction(tag)}


async def test_a_code_is_typed_and_read_from_left_to_right(chromium: Browser) -> None:
    async with open_gallery("ar") as gallery:
        page = await chromium.new_page()
        styles = []
        for name, selector in (("recovery_codes", "code"), ("enrol_totp", "code"), ("enrol_totp", "#code")):
            await page.goto(gallery.address(name))
            styles.append(await page.locator(selector).first.evaluate("each => getComputedStyle(each).direction"))
        await page.close()

    assert styles == ["ltr"] * 3
