"""A public JSON document that is served from memory and may be cached."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Self

from aiohttp import web

from valetkey.core.encoding import b64url_encode
from valetkey.core.routes import Cache

_NOT_MODIFIED = 304
_MAX_AGE = Cache.MAX_AGE.value


@dataclass(frozen=True, slots=True)
class Document:
    """The bytes of an answer and its strong entity tag, without quotes. ``max_age`` is in seconds."""

    body: bytes
    etag: str
    content_type: str
    max_age: int

    @classmethod
    def of(cls, body: bytes, *, content_type: str, max_age: int) -> Self:
        """A document whose tag is made from its bytes, so that every replica gives the same one."""
        return cls(body, b64url_encode(hashlib.sha256(body).digest()), content_type, max_age)

    def response(self, request: web.Request) -> web.Response:
        """The document, or 304 where the caller has it already. RFC 9110 §13.1.2."""
        headers = {"ETag": f'"{self.etag}"', "Cache-Control": f"{_MAX_AGE}{self.max_age}"}
        known = {tag.value for tag in request.if_none_match or ()}
        if self.etag in known or "*" in known:
            return web.Response(status=_NOT_MODIFIED, headers=headers)
        return web.Response(body=self.body, headers={**headers, "Content-Type": self.content_type})
