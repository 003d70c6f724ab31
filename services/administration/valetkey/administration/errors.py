"""Why an operator's request is refused.

::

    AdministrationError
    ├── Refused          what was asked for is not possible
    ├── NotFound         what was named does not exist
    ├── Conflict         at odds with what exists
    │   └── Owned        an applied file owns it
    ├── RedisNotTold     ended in PostgreSQL, and Redis may not know
    └── PrivilegeMissing the database role may not do this

An absent store is ``core.oauth.errors.TemporarilyUnavailable``.
"""

from __future__ import annotations


class AdministrationError(Exception):
    """A sentence for the operator. Each of ``more`` is a sentence of its own."""

    def __init__(self, message: str, *more: str) -> None:
        super().__init__(message)
        self.message = message
        self.more = more


class Refused(AdministrationError):
    """What was asked for is not possible."""


class NotFound(AdministrationError):
    """``kind`` (client, user, group, scope, ...) says what does not exist, ``name`` how it was named."""

    def __init__(self, kind: str, name: object, adjective: str = "") -> None:
        super().__init__(f"There is no {adjective}{' ' if adjective else ''}{kind} {name}")
        self.kind = kind
        self.name = name


class Conflict(AdministrationError):
    """At odds with what exists."""


class Owned(Conflict):
    """An applied file owns it and would undo a change by hand."""


class RedisNotTold(AdministrationError):
    """PostgreSQL remembers what has ended and Redis could not be told."""


class PrivilegeMissing(AdministrationError):
    """The database role may not do this."""
