"""Tells an operator, once per client, which scopes it asks for in vain."""

import logging

from valetkey.core.client.client import Client
from valetkey.core.oauth.scope import Scope, format_scope

MAX_CLIENTS = 10_240
_MOST_CHARACTERS = 256
_LOG = logging.getLogger("valetkey.authorize")


class IgnoredScopes:
    """Remembers of a bounded number of clients that they were told of; the oldest of them is told of again."""

    def __init__(self) -> None:
        self._told: dict[str, None] = {}

    def note(self, client: Client, names: Scope) -> None:
        """Log what was ignored, unless there is nothing or the client was told of. OIDC Core §3.1.2.1."""
        if not names or client.client_id in self._told:
            return
        if len(self._told) >= MAX_CLIENTS:
            del self._told[next(iter(self._told))]
        self._told[client.client_id] = None
        scope = format_scope(names)[:_MOST_CHARACTERS]
        _LOG.warning("scopes ignored", extra={"client_id": client.client_id, "scope": scope})
