"""In which language a page is: as the client asked, then as the browser does, then as the installation is set up.

It is chosen when a page is rendered, so that what shows none does no work for it.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, cast
from urllib.parse import urlencode

from aiohttp import web

from valetkey.core.language import parse_accept_language, parse_ui_locales
from valetkey.runtime.telemetry.tracing import current_request
from valetkey.runtime.translation import Language, Languages

if TYPE_CHECKING:
    from pathlib import Path

    from valetkey.core.authentication.user import User
    from valetkey.core.oauth.params import Params
    from valetkey.runtime.settings.settings import Settings

DOMAIN = "pages"
PARAMETER = "ui_locales"
_OWN = files("valetkey.authorize.pages") / "languages"
# What was asked for by ``ui_locales``, here or at the beginning of the interaction, and what was made of it.
_ASKED = web.RequestKey("ui_locales", tuple)
_CHOSEN = web.RequestKey("language", Language)


def page_languages(settings: Settings) -> Languages:
    """The languages of pages. Raises ``CatalogueError``."""
    return languages(settings.languages, settings.default_language, settings.languages_directory)


def languages(tags: tuple[str, ...], default: str, directory: Path | None = None) -> Languages:
    """These languages. Raises ``CatalogueError``."""
    return Languages(_OWN, DOMAIN, tags, default, directory=directory)


def ask_for(request: web.Request, tags: tuple[str, ...]) -> None:
    """Pages that answer this request are in the first of these that is on offer."""
    if tags:
        request[_ASKED] = tags


def note_asked(request: web.Request, params: Params) -> None:
    """The same, for a request whose parameters are not in its address alone. OIDC Core §3.1.2.1, Logout §2."""
    if PARAMETER in params and (texts := params.all(PARAMETER)):
        ask_for(request, parse_ui_locales(texts[0]))


def asked_tags(request: web.Request) -> tuple[str, ...]:
    """What was asked for by ``ui_locales``; empty where nothing was."""
    if _ASKED not in request:
        request[_ASKED] = parse_ui_locales(request.query.get(PARAMETER, ""))
    return cast("tuple[str, ...]", request[_ASKED])


def choose_language(on_offer: Languages) -> Language:
    """The language of the page that answers the current request; the default one outside of a request."""
    request = cast("web.Request | None", current_request())
    if request is None:
        return on_offer.default
    if _CHOSEN not in request:
        request[_CHOSEN] = (
            on_offer.find(asked_tags(request))
            or on_offer.find(parse_accept_language(request.headers.get("Accept-Language", "")))
            or on_offer.default
        )
    return request[_CHOSEN]


def chosen_language() -> Language | None:
    """The language in which the current request is answered; None where no page was rendered."""
    request = cast("web.Request | None", current_request())
    return None if request is None else request.get(_CHOSEN)


def with_language(path: str) -> str:
    """A path of ours under which the next page is in the language that was asked for by ``ui_locales``, if any was."""
    request = cast("web.Request | None", current_request())
    tags = () if request is None else asked_tags(request)
    if not tags:
        return path
    return f"{path}{'&' if '?' in path else '?'}{urlencode({PARAMETER: ' '.join(tags)})}"


def language_of_mail(on_offer: Languages, user: User) -> str:
    """The language of a mail to a user: the user's own, otherwise that of the page on which it was asked for."""
    own = user.claims.get("locale")
    found = on_offer.find((own.replace("_", "-"),)) if isinstance(own, str) else None
    return (found or choose_language(on_offer)).tag
