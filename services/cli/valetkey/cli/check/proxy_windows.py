"""What services say in their metrics of proxies that are not trusted."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

import aiohttp

from valetkey.administration.diagnosis.proxies import UNTRUSTED
from valetkey.cli.issuer_client import MAX_BODY

_TIMEOUT = aiohttp.ClientTimeout(total=15.0)
_COUNT = re.compile(rf"^{UNTRUSTED} (\d+)(?:\.0)?$", re.MULTILINE | re.ASCII)


async def find_proxy_windows(urls: Sequence[str]) -> dict[str, int | None]:
    """The count by URL; None where no service answers."""
    async with aiohttp.ClientSession(timeout=_TIMEOUT, cookie_jar=aiohttp.DummyCookieJar()) as session:
        counts = await asyncio.gather(*(_count(session, url) for url in urls))
    return dict(zip(urls, counts, strict=True))


async def _count(session: aiohttp.ClientSession, url: str) -> int | None:
    try:
        async with session.get(url, allow_redirects=False) as response:
            text = (await response.content.read(MAX_BODY)).decode(errors="replace")
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return None
    match = _COUNT.search(text)
    return int(match[1]) if match else None
