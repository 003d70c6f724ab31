"""Who is at which step of the tour: in memory, found by a random cookie."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from valetkey.demo.relying_party.exchange import Exchange
from valetkey.demo.relying_party.login import Login

# Cookies know no ports: this one shares the browser's jar with the issuer's.
COOKIE = "demo_relying_party"
_MOST = 200


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the token endpoint handed out. ``claims`` are those of the verified ID token."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    id_token: str = field(repr=False)
    scope: str
    claims: Mapping[str, Any] = field(repr=False)


@dataclass(slots=True)
class TourSession:
    """One browser on its way through the tour.

    ``results`` has what happened, by the name of the step; ``latest`` is the step that was taken last. ``name`` is
    empty until the issuer has been asked for it.
    """

    csrf_token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    login: Login | None = None
    tokens: Tokens | None = None
    name: str = ""
    is_revoked: bool = False
    problem: str = ""
    logout_state: str = ""
    latest: str = ""
    results: dict[str, list[Exchange]] = field(default_factory=dict)


class Sessions:
    """Every browser's session. The one unused for longest is forgotten when there are too many."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[str, TourSession] = OrderedDict()

    def find(self, cookie: str | None) -> TourSession | None:
        """The session of this cookie, if it is one of ours."""
        if cookie is None or cookie not in self._sessions:
            return None
        self._sessions.move_to_end(cookie)
        return self._sessions[cookie]

    def begin(self, session: TourSession | None = None, replaced: str | None = None) -> str:
        """Keep a session under a new cookie, whose value is returned; the cookie it replaces opens nothing more."""
        if replaced is not None:
            self._sessions.pop(replaced, None)
        cookie = secrets.token_urlsafe(32)
        self._sessions[cookie] = session or TourSession()
        while len(self._sessions) > _MOST:
            self._sessions.popitem(last=False)
        return cookie
