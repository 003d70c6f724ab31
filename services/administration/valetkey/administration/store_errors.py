"""What stores refuse, as reasons that operators understand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from asyncpg import InsufficientPrivilegeError

from valetkey.administration.errors import Conflict, PrivilegeMissing
from valetkey.storage.postgres.database.errors import Conflict as StoredConflict


@contextmanager
def store_errors() -> Iterator[None]:
    """Raise ``Conflict`` and ``PrivilegeMissing`` for what stores raise; anything else passes."""
    try:
        yield
    except StoredConflict as error:
        raise Conflict(str(error)) from error
    except InsufficientPrivilegeError as error:
        raise PrivilegeMissing(str(error)) from error
