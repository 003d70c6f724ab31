"""Epochs: whether something has ended since something else was made of it.

The installation, every client, every user and every consent has an epoch: a number that only PostgreSQL raises, in the
statement that ends it. What is made of them carries the epochs that its maker had read, and is good only where these
are current. No clock takes part, and a maker with a stale cache makes what is dead on arrival.

A session and an authorization end once and never come back; their row, there or gone, says the same.

What release 0.1.0 made carries no epochs (None) and is judged by time, as 0.1.0 does, until it has expired.
"""

from __future__ import annotations

from typing import NamedTuple


class TokenEpochs(NamedTuple):
    """What an access token carries. ``user`` is None where the client acts for itself."""

    installation: int
    client: int
    user: int | None = None


class GrantEpochs(NamedTuple):
    """What an authorization code carries, and the authorization that is made of it."""

    installation: int
    client: int
    user: int
    consent: int
