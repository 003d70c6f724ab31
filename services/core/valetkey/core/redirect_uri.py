"""Redirect URIs: what may be registered, what matches, and how an answer is appended. OAuth 2.1 §2.3, RFC 9700 §4.1."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_LENGTH = 2000
_URI_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]+")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_LOOPBACK_NAMES = ("127.0.0.1", "::1", "localhost")
_LOOPBACK_URI = re.compile(r"(?P<origin>http://(?:127\.0\.0\.1|\[::1\]))(?::[0-9]{0,5})?(?P<rest>(?:[/?].*)?)")
_FORBIDDEN_SCHEMES = frozenset(
    {"javascript", "data", "vbscript", "file", "blob", "about", "filesystem", "ws", "wss", "ftp"}
)
_RESPONSE_NAMES = frozenset({"code", "state", "iss", "error", "error_description", "error_uri", "response"})


def _split(uri: str) -> SplitResult | None:
    if len(uri) > MAX_LENGTH or not _URI_CHARACTERS.fullmatch(uri) or _BAD_ESCAPE.search(uri):
        return None
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return None
    return parts


def redirect_uri_problem(uri: str) -> str | None:
    """Why this may not be registered as a redirect or post-logout redirect URI, in words; None where it may.

    https; http only for the loopback interface; private-use schemes only with a dot, in the reverse-domain form
    (OAuth 2.1 §8.4.3). No fragment, user info, control characters, or query names that our answer would use.
    """
    parts = _split(uri)
    if parts is None:
        return "is not a URI: only the characters of RFC 3986, without a fragment, at most 2000 of them"
    scheme = parts.scheme
    if not scheme:
        return "must be an absolute URI"
    if scheme in _FORBIDDEN_SCHEMES:
        return f"must not use the scheme {scheme}"
    if "@" in parts.netloc:
        return "must not carry user information"
    names = {pair.split("=", 1)[0] for pair in parts.query.split("&")}
    if names & _RESPONSE_NAMES:
        return "must not have a query parameter that an authorization response uses"
    if scheme == "https":
        return None if parts.hostname else "must name a host"
    if scheme == "http":
        return None if parts.hostname in _LOOPBACK_NAMES else "must use https; http is only for the loopback interface"
    return (
        None
        if "." in scheme
        else "must use https, or a private-use scheme in reverse-domain form such as com.example.app"
    )


def _loopback_without_port(uri: str) -> str | None:
    """A URI on a loopback IP literal as if it named no port; None for any other. Nothing else about it is changed."""
    found = _LOOPBACK_URI.fullmatch(uri)
    return None if found is None else f"{found['origin']}{found['rest']}"


def is_loopback_literal(uri: str) -> bool:
    """Whether this is http on a loopback IP literal, the one place where the port may vary. OAuth 2.1 §8.4.2."""
    return _LOOPBACK_URI.fullmatch(uri) is not None


def match_redirect_uri(presented: str, registered: Iterable[str]) -> bool:
    """Exact string comparison; only the port of a loopback IP literal may differ. RFC 9700 §2.1, OAuth 2.1 §8.4.2."""
    candidates = tuple(registered)
    if presented in candidates:
        return True
    bare = _loopback_without_port(presented)
    if bare is None or redirect_uri_problem(presented) is not None:
        return False
    return any(_loopback_without_port(uri) == bare for uri in candidates)


def append_response(redirect_uri: str, pairs: Sequence[tuple[str, str]]) -> str:
    """The redirect URI with the answer added; a registered query is kept. OAuth 2.1 §4.1.2."""
    separator = "&" if "?" in redirect_uri else "?"
    if redirect_uri.endswith(("?", "&")):
        separator = ""
    return f"{redirect_uri}{separator}{urlencode(pairs)}"


def redirect_host(redirect_uri: str) -> str:
    """What the consent page names as the place the answer goes to: the host, or the scheme of a private-use URI."""
    parts = urlsplit(redirect_uri)
    return parts.netloc or f"{parts.scheme}:"
