"""Redirect URIs: what may be registered, what matches, and how an answer is appended. OAuth 2.1 §2.3, RFC 9700 §4.1."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_LENGTH = 2000
_URI_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]+")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_LOOPBACK_NAMES = ("127.0.0.1", "::1", "localhost")
_PORT_AND_REST = r"(?::[0-9]{0,5})?(?P<rest>(?:[/?].*)?)"
_LOOPBACK_URI = re.compile(rf"(?P<origin>http://(?:127\.0\.0\.1|\[::1\])){_PORT_AND_REST}")
_LOCALHOST_URI = re.compile(rf"(?P<origin>http://localhost){_PORT_AND_REST}")
_FORBIDDEN_SCHEMES = frozenset(
    {"javascript", "data", "vbscript", "file", "blob", "about", "filesystem", "ws", "wss", "ftp"}
)
# The parameters of authorization responses that IANA has registered, ours and those of other response types.
_RESPONSE_NAMES = frozenset(
    {
        *("code", "state", "iss", "error", "error_description", "error_uri", "response"),
        *("access_token", "token_type", "expires_in", "scope", "id_token", "session_state"),
    }
)
_SEPARATOR = re.compile(r"([&;])")
_SEPARATORS_DECODED = re.compile(r"[&;?]")
_NAME_END = re.compile(r"[=\[]")


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

    What ``uri_problem`` says, and no query parameter that our answer would have, however its name is spelled: by
    percent-encoding, twice encoded, in other letters, between semicolons. RFC 9700 §4.1: an answer has one ``code``.
    No asterisk: it is written where a pattern is expected.
    """
    problem = uri_problem(uri)
    if problem is None and "*" in uri:
        return "must not have *: redirect URIs are compared as they are (RFC 9700 §2.1), so that it would never match"
    if problem is None and response_target(uri) != uri:
        return "must not have a query parameter that an authorization response uses, in whatever encoding"
    return problem


def uri_problem(uri: str) -> str | None:
    """Why no browser may be sent to this URI, in words; None where one may.

    https; http only for the loopback interface; private-use schemes only with a dot, in the reverse-domain form
    (OAuth 2.1 §8.4.3). No fragment, user info or control characters.
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
    if scheme == "https":
        return None if parts.hostname else "must name a host"
    if scheme == "http":
        return None if parts.hostname in _LOOPBACK_NAMES else "must use https; http is only for the loopback interface"
    return (
        None
        if "." in scheme
        else "must use https, or a private-use scheme in reverse-domain form such as com.example.app"
    )


@lru_cache(1024)
def response_target(uri: str) -> str:
    """The redirect URI without query parameters that our answer has; release 0.1.0 let clients register some of them.

    The other parameters are kept as they are. OAuth 2.1 §4.1.2.
    """
    base, mark, query = uri.partition("?")
    parts = _SEPARATOR.split(query)
    pairs, separators = parts[::2], ["", *parts[1::2]]
    kept = [(s, pair) for s, pair in zip(separators, pairs, strict=True) if not _is_response_parameter(pair)]
    if len(kept) == len(pairs):
        return uri
    rest = "".join(f"{separator}{pair}" for separator, pair in kept).lstrip("&;")
    return f"{base}{mark}{rest}" if rest else base


def _is_response_parameter(pair: str) -> bool:
    """Whether a client that decodes this part of a query, once or several times, may find such a parameter in it."""
    decoded = pair
    while (further := unquote(decoded)) != decoded:
        decoded = further
    names = [_NAME_END.split(part, maxsplit=1)[0] for part in _SEPARATORS_DECODED.split(decoded)]
    # NUL ends a name for some and is nothing to others.
    names += [name.partition("\0")[0] for name in names]
    return not _RESPONSE_NAMES.isdisjoint(map(_folded, names))


def _folded(name: str) -> str:
    """The name as lenient frameworks read it: in any case and width, trimmed, with ``_`` for dots and spaces."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return "".join(c for c in plain.replace("+", " ").strip() if c.isprintable()).replace(".", "_").replace(" ", "_")


def names_localhost(uri: str) -> bool:
    """Whether it is on the loopback interface by name, where RFC 8252 §8.3 prefers the IP literal."""
    return _LOCALHOST_URI.fullmatch(uri) is not None


def _loopback_without_port(uri: str, *, is_native: bool) -> str | None:
    """A URI on a loopback IP literal as if it named no port; None for any other. Nothing else about it is changed."""
    found = _LOOPBACK_URI.fullmatch(uri) or (_LOCALHOST_URI.fullmatch(uri) if is_native else None)
    return None if found is None else f"{found['origin']}{found['rest']}"


def match_redirect_uri(presented: str, registered: Iterable[str], *, is_native: bool = False) -> bool:
    """Exact string comparison; only the port of a loopback IP literal may differ. RFC 9700 §2.1, OAuth 2.1 §8.4.2.

    Of a native client that of ``http://localhost`` may too: MCP clients, editors and kubelogin send it. RFC 8252 §8.3.
    """
    candidates = tuple(registered)
    if presented in candidates:
        return True
    bare = _loopback_without_port(presented, is_native=is_native)
    if bare is None or uri_problem(presented) is not None:
        return False
    return any(_loopback_without_port(uri, is_native=is_native) == bare for uri in candidates)


def append_response(redirect_uri: str, pairs: Sequence[tuple[str, str]]) -> str:
    """The redirect URI with the answer added; a registered query is kept. OAuth 2.1 §4.1.2."""
    base, _, query = redirect_uri.partition("?")
    separator = "&" if query and not query.endswith("&") else ""
    return f"{base}?{query}{separator}{urlencode(pairs)}"


def redirect_host(redirect_uri: str) -> str:
    """What the consent page names as the place the answer goes to: the host, or the scheme of a private-use URI."""
    parts = urlsplit(redirect_uri)
    return parts.netloc or f"{parts.scheme}:"
