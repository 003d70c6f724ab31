"""Where a login comes from, as its user is told of it: never believed, for a browser says of itself what it likes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from valetkey.core.authentication.session import Origin
from valetkey.core.message import Message
from valetkey.runtime.http.address import client_address

if TYPE_CHECKING:
    from aiohttp import web

    from valetkey.authorize.service import AuthorizeService

# Most browsers call themselves by the names of others too: the one that tells comes first.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrom", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)
_ON = " on "
_MOST = 1024
_PROGRAM = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,39}")


def origin_of(service: AuthorizeService, request: web.Request) -> Origin:
    """What the browser calls itself, in few words, and its address."""
    agent = request.headers.get("User-Agent", "")[:_MOST]
    return Origin(device_name(agent), client_address(request, service.settings.trusted_proxies))


def device_name(agent: str) -> str:
    """Such as ``Firefox on Linux``; the name of a program that is no browser, and nothing where it has none."""
    browser = next((name for sign, name in _BROWSERS if sign in agent), "")
    system = next((name for sign, name in _SYSTEMS if sign in agent), "")
    if browser and system:
        return f"{browser}{_ON}{system}"
    program = _PROGRAM.match(agent)
    return browser or (program[0] if program is not None else "")


def device_words(device: str) -> str:
    """The same as its user reads it, in any language."""
    browser, on, system = device.partition(_ON)
    return Message("%(browser)s on %(system)s", browser=browser, system=system) if on else device
