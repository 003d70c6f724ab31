"""Positive introspection answers, kept briefly and few; off unless asked for."""

import hashlib
from collections import OrderedDict
from datetime import datetime, timedelta

from valetkey.resource_server.access_token import AccessToken


class AnswerCache:
    """At most `size` answers, none older than `ttl` or than its token. RFC 7662 §4."""

    def __init__(self, *, ttl: timedelta, size: int) -> None:
        self._ttl = ttl
        self._size = size
        self._answers: OrderedDict[bytes, tuple[datetime, datetime, AccessToken]] = OrderedDict()

    def find(self, token: str, now: datetime) -> AccessToken | None:
        """The answer kept for `token`, if it still holds at `now`."""
        name = _name(token)
        kept = self._answers.get(name)
        if kept is None:
            return None
        since, until, answer = kept
        if not since <= now < until:
            del self._answers[name]
            return None
        return answer

    def keep(self, token: str, answer: AccessToken, now: datetime) -> None:
        """Remember `answer`; the oldest one makes room."""
        if self._ttl <= timedelta(0) or self._size <= 0:
            return
        name = _name(token)
        self._answers[name] = (now, min(now + self._ttl, answer.expires_at), answer)
        self._answers.move_to_end(name)
        while len(self._answers) > self._size:
            self._answers.popitem(last=False)


def _name(token: str) -> bytes:
    # The token itself would be worth stealing from a memory dump.
    return hashlib.sha256(token.encode()).digest()
