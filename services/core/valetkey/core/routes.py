"""Every public route: one row says where it is, which service answers it, and who may call and cache it.

The applications, discovery and the demo's front door read this table. Tests check the proxies, the chart and every
answer against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WELL_KNOWN = "/.well-known/"
# Request headers that a script of another origin may send: all. `*` does not stand for Authorization (Fetch Standard,
# CORS protocol), and Safari before 15.4 does not know it; the others by name are what its clients send.
CROSS_ORIGIN_HEADERS = ("Authorization", "Content-Type", "MCP-Protocol-Version", "traceparent", "X-Requested-With", "*")


class Cache(StrEnum):
    """``Cache-Control`` of a success. Refusals are never stored. RFC 9111 §5.2.2."""

    NO_STORE = "no-store"
    # Followed by the seconds of the setting ``jwks_max_age``.
    MAX_AGE = "public, max-age="
    # For an address that names the content; the same path with another query is checked again each time.
    IMMUTABLE = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Route:
    """One row.

    ``path`` is that of an issuer without a path; it may hold ``{name}``. ``methods`` are all that are answered.
    ``cross_origin``: scripts of any origin may call the route with these methods. ``is_page``: a person sees HTML, so
    the headers are those of pages. ``metadata`` is the member of the discovery documents. RFC 8414 §2.
    ``of_host``: browsers ask the host for it, whatever the path of the issuer. RFC 8615 §3.
    """

    service: str
    path: str
    methods: tuple[str, ...]
    cache: Cache = Cache.NO_STORE
    cross_origin: bool = False
    is_page: bool = False
    metadata: str | None = None
    of_host: bool = False

    def __post_init__(self) -> None:
        """Refuse a page that scripts of other origins could read. Raises ``ValueError``."""
        if self.is_page and self.cross_origin:
            raise ValueError(f"{self.path} is a page; no script of another origin may call it")

    @property
    def segment(self) -> str:
        """The first segment of the path, by which proxies choose the service."""
        return self.path.split("/")[1]

    def paths(self, issuer_path: str) -> tuple[str, ...]:
        """Where the route is for an issuer with this path, the first place first.

        The route is below the issuer's path. A well-known document is also found where the well-known part precedes
        that path: RFC 8414 §3.1 inserts, OIDC Discovery §4.1 appends. Clients try both, and a 404 on the first stops
        some. What is of the host is there, and in no other place. The home page is at the issuer's path, with and
        without a slash.
        """
        below = f"{issuer_path}{self.path}"
        if self.path == "/":
            return tuple(dict.fromkeys((issuer_path or below, below)))
        if self.of_host:
            return (self.path,)
        if not self.path.startswith(_WELL_KNOWN):
            return (below,)
        return tuple(dict.fromkeys((f"{self.path}{issuer_path}", below)))


_READ = ("GET", "HEAD")
_FORM = ("POST",)
# HEAD has no effect: it keeps nothing, issues no code and ends no session. RFC 9110 §9.3.2.
_GET_OR_FORM = ("GET", "HEAD", "POST")

# Discovery documents list their members in this order.
ROUTES: tuple[Route, ...] = (
    # Says who is signed in, so that no cache may have it.
    HOME := Route("authorize", "/", _READ, is_page=True),
    AUTHORIZE := Route("authorize", "/authorize", _GET_OR_FORM, is_page=True, metadata="authorization_endpoint"),
    LOGIN := Route("authorize", "/login", _GET_OR_FORM, is_page=True),
    SECOND_FACTOR := Route("authorize", "/second-factor", _GET_OR_FORM, is_page=True),
    ENROL := Route("authorize", "/enrol", _GET_OR_FORM, is_page=True),
    SELECT_ACCOUNT := Route("authorize", "/select-account", _GET_OR_FORM, is_page=True),
    ACCOUNT := Route("authorize", "/account", _GET_OR_FORM, is_page=True),
    ACCOUNT_PASSWORD := Route("authorize", "/account/password", _GET_OR_FORM, is_page=True),
    ACCOUNT_TOTP := Route("authorize", "/account/totp", _GET_OR_FORM, is_page=True),
    ACCOUNT_PASSKEY := Route("authorize", "/account/passkey", _GET_OR_FORM, is_page=True),
    ACCOUNT_PROFILE := Route("authorize", "/account/profile", _GET_OR_FORM, is_page=True),
    ACCOUNT_EMAIL := Route("authorize", "/account/email", _GET_OR_FORM, is_page=True),
    # Where links in mails lead.
    ACCOUNT_EMAIL_VERIFY := Route("authorize", "/account/email/verify", _GET_OR_FORM, is_page=True),
    ACCOUNT_EMAIL_CONFIRM := Route("authorize", "/account/email/confirm", _GET_OR_FORM, is_page=True),
    ACCOUNT_EMAIL_REVERT := Route("authorize", "/account/email/revert", _GET_OR_FORM, is_page=True),
    ACCOUNT_EXPORT := Route("authorize", "/account/export", _GET_OR_FORM, is_page=True),
    ACCOUNT_DELETE := Route("authorize", "/account/delete", _GET_OR_FORM, is_page=True),
    RECOVER := Route("authorize", "/recover", _GET_OR_FORM, is_page=True),
    RECOVER_PASSWORD := Route("authorize", "/recover/password", _GET_OR_FORM, is_page=True),
    CONSENT := Route("authorize", "/consent", _GET_OR_FORM, is_page=True),
    # An application in a browser fetches its tokens itself; it authenticates with PKCE, never with a cookie.
    TOKEN := Route("token", "/token", _FORM, cross_origin=True, metadata="token_endpoint"),
    REVOKE := Route("token", "/revoke", _FORM, cross_origin=True, metadata="revocation_endpoint"),
    # Introspection needs a client secret, which no browser can keep.
    INTROSPECT := Route("introspection", "/introspect", _FORM, metadata="introspection_endpoint"),
    USERINFO := Route("introspection", "/userinfo", _GET_OR_FORM, cross_origin=True, metadata="userinfo_endpoint"),
    JWKS := Route("introspection", "/jwks", _READ, Cache.MAX_AGE, cross_origin=True, metadata="jwks_uri"),
    LOGOUT := Route("authorize", "/logout", _GET_OR_FORM, is_page=True, metadata="end_session_endpoint"),
    STATIC := Route("authorize", "/static/{name}", _READ, Cache.IMMUTABLE),
    AUTHORIZATION_SERVER := Route(
        "introspection", "/.well-known/oauth-authorization-server", _READ, Cache.MAX_AGE, cross_origin=True
    ),
    OPENID_CONFIGURATION := Route(
        "introspection", "/.well-known/openid-configuration", _READ, Cache.MAX_AGE, cross_origin=True
    ),
    # Where password managers send people, once there are passkeys.
    PASSKEY_ENDPOINTS := Route("introspection", "/.well-known/passkey-endpoints", _READ, Cache.MAX_AGE, of_host=True),
    # Where password managers send people whose password is known to others. A redirect to their page for a new one.
    CHANGE_PASSWORD := Route("introspection", "/.well-known/change-password", _READ, of_host=True),
)
# By first segment below the issuer; what is not here is the home page, or gets a page that says that nothing is there.
SERVICE_OF_SEGMENT: Mapping[str, str] = {route.segment: route.service for route in ROUTES if route.segment}
FALLBACK = HOME.service


def routes_of(service: str) -> Iterator[Route]:
    """The rows of one service."""
    return (route for route in ROUTES if route.service == service)


def issuer_path(issuer: str) -> str:
    """The path of the issuer, empty where it has none; every endpoint lives below it."""
    return urlsplit(issuer).path.rstrip("/")


def service_of(target: str, base: str) -> str:
    """The service for a request target, where ``base`` is the path of the issuer."""
    path = target.partition("?")[0]
    below = path.removeprefix(base) if f"{path}/".startswith(f"{base}/") else path
    segment = below.lstrip("/").partition("/")[0]
    return SERVICE_OF_SEGMENT.get(segment, FALLBACK)
