"""Finds the access token that a request presents. RFC 6750 §2."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from valetkey.core.oauth.errors import InvalidRequest
from valetkey.runtime.http.forms import read_query

if TYPE_CHECKING:
    from aiohttp import web

    from valetkey.core.oauth.params import Params

MAX_TOKEN_LENGTH = 8192
_B64TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


def bearer_token(request: web.Request, form: Params | None = None) -> str | None:
    """The token from the Authorization header or, where ``form`` is given, from its body; None where there is none.

    Raises ``InvalidRequest`` for a token in the query, two methods at once, a repeated Authorization header, or a
    malformed token. RFC 6750 §2, OAuth 2.1 §5.2.2.
    """
    if "?" in request.raw_path and "access_token" in read_query(request, keep_repeats=True):
        raise InvalidRequest("an access token was sent in the query")
    headers = request.headers.getall("Authorization", ())
    if len(headers) > 1:
        raise InvalidRequest("the Authorization header is repeated")
    from_form = form.get("access_token") if form is not None else None
    from_header = _from_header(headers[0]) if headers else None
    if from_form is not None and headers:
        raise InvalidRequest("the request authenticates in two ways")
    token = from_header if from_form is None else from_form
    if token is not None and (len(token) > MAX_TOKEN_LENGTH or not _B64TOKEN.fullmatch(token)):
        raise InvalidRequest("the access token is malformed")
    return token


def _from_header(value: str) -> str | None:
    scheme, _, token = value.partition(" ")
    return token.strip(" ") if scheme.lower() == "bearer" else None
