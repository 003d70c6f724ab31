"""Form bodies and query strings, decoded strictly. Knows by name only the parameters that no query may have."""

from __future__ import annotations

import asyncio
import re
from contextlib import nullcontext
from urllib.parse import unquote_to_bytes

from aiohttp import web

from valetkey.core.oauth import causes
from valetkey.core.oauth.errors import InvalidRequest
from valetkey.core.oauth.params import Params
from valetkey.runtime.http.limits.in_flight import IN_FLIGHT

FORM = "application/x-www-form-urlencoded"
MAX_FIELDS = 100
BODY_TIMEOUT = web.AppKey("body_timeout", float)
_CONTENT_TYPE = re.compile(rf'{re.escape(FORM)}(?:\s*;\s*charset\s*=\s*"?utf-8"?)?\s*;?\s*', re.IGNORECASE | re.ASCII)
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NEVER_IN_QUERY = (
    "access_token",
    "assertion",
    "client_assertion",
    "client_secret",
    "code",
    "code_verifier",
    "password",
    "refresh_token",
    "token",
)


async def read_form(request: web.Request, *, keep_repeats: bool = False) -> Params:
    """The parameters of a form body, to be read once; the query is not mixed in. RFC 6749 §3.2, Appendix B.

    Raises ``InvalidRequest`` for another media type or charset, a content encoding, malformed UTF-8 or escapes, NUL,
    more than 100 fields, a body that does not arrive in time, and repeats unless they are kept for the caller to judge.
    """
    content_type = request.headers.get("Content-Type", "")
    if content_type != FORM and not _CONTENT_TYPE.fullmatch(content_type):
        raise InvalidRequest.of(causes.BODY_NOT_FORM)
    if "Content-Encoding" in request.headers:
        raise InvalidRequest.of(causes.BODY_ENCODED)
    try:
        text = (await read_body(request)).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequest.of(causes.BODY_NOT_UTF8) from None
    return _params(text, keep_repeats=keep_repeats)


async def read_body(request: web.Request) -> bytes:
    """The body, within the limits of the application.

    Raises ``HTTPRequestEntityTooLarge``, ``InvalidRequest`` for one that does not arrive whole and in time, and
    ``TemporarilyUnavailable`` where too many arrive slowly.
    """
    # Small forms arrive with their headers and need neither a timer nor another turn of the loop.
    if request.content.is_eof():
        body = request.content.read_nowait()
        if len(body) > request.client_max_size:
            raise web.HTTPRequestEntityTooLarge(request.client_max_size)
        return body
    if (request.content_length or 0) > request.client_max_size:
        raise web.HTTPRequestEntityTooLarge(request.client_max_size)
    in_flight = request.config_dict.get(IN_FLIGHT)
    try:
        with in_flight.waiting_for_client() if in_flight is not None else nullcontext():
            async with asyncio.timeout(request.config_dict[BODY_TIMEOUT]):
                return await request.read()
    except TimeoutError:
        raise InvalidRequest.of(causes.BODY_LATE) from None
    except (ConnectionError, web.RequestPayloadError):
        raise InvalidRequest("the client went away while sending") from None


def read_query(request: web.Request, *, keep_repeats: bool = False) -> Params:
    """The parameters of the query string, as strictly as those of a form. RFC 6749 §3.1."""
    query = request.raw_path.partition("#")[0].partition("?")[2]
    if not query.isascii():
        raise InvalidRequest.of(causes.QUERY_NOT_ASCII)
    return _params(query, keep_repeats=keep_repeats)


def refuse_query_credentials(request: web.Request) -> None:
    """Raise ``InvalidRequest`` where the query holds a token, a code or a secret. OAuth 2.1 §2.4.1, §5.2.2."""
    if "?" not in request.raw_path:
        return
    query = read_query(request, keep_repeats=True)
    if any(name in query for name in _NEVER_IN_QUERY):
        raise InvalidRequest.of(causes.CREDENTIALS_IN_QUERY)


def _params(text: str, *, keep_repeats: bool) -> Params:
    if text.count("&") >= MAX_FIELDS:
        raise InvalidRequest.of(causes.TOO_MANY_FIELDS)
    if "\x00" in text or "%00" in text:
        raise InvalidRequest.of(causes.NUL)
    params = Params.parse(map(_pair, text.split("&")))
    if not keep_repeats:
        params.reject_repeats()
    return params


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return (_decode(name), _decode(value)) if "%" in text or "+" in text else (name, value)


def _decode(text: str) -> str:
    if "%" not in text and "+" not in text:
        return text
    if _BAD_ESCAPE.search(text):
        raise InvalidRequest.of(causes.ESCAPE_MALFORMED)
    try:
        return unquote_to_bytes(text.replace("+", " ")).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequest.of(causes.ESCAPE_NOT_UTF8) from None
