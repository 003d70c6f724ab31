"""JSON Lines: a user a line, in our own words.

::

    {"username": "ada", "sub": "auth0|5f7c", "email": "ada@example.org", "email_verified": true, "enabled": true,
     "claims": {"name": "Ada Lovelace"}, "groups": ["ops"], "password_hash": "$2b$12$..."}

Only ``username`` is needed. A member of another name refuses the line, for it may be a mistyped one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NoReturn

from valetkey.administration.user_import.entry import Entry, ImportedGroup, ImportedUser
from valetkey.administration.user_import.fields import Fields, Unreadable

MAX_LINE = 256 << 10
MEMBERS = ("username", "sub", "email", "email_verified", "enabled", "claims", "groups", "password_hash")


class JsonLines:
    """See ``ImportSource``. Empty lines count and say nothing."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def groups(self) -> Iterable[ImportedGroup]:
        """None: the groups that lines name must exist."""
        return ()

    def entries(self) -> Iterator[Entry]:
        """See ``ImportSource``."""
        for number, line in enumerate(self._lines(), 1):
            where = f"line {number}"
            if len(line) > MAX_LINE:
                yield Entry(where, problem=f"longer than {MAX_LINE} bytes")
            elif line.strip():
                try:
                    yield Entry(where, _user_from(line))
                except Unreadable as error:
                    yield Entry(where, problem=str(error))

    def _lines(self) -> Iterator[bytes]:
        while line := self._stream.readline(MAX_LINE + 1):
            rest = line
            while len(rest) > MAX_LINE and not rest.endswith(b"\n"):
                rest = self._stream.readline(MAX_LINE + 1)
            yield line


def _user_from(line: bytes) -> ImportedUser:
    fields = Fields(_parse(line))
    username, groups = fields.text("username"), fields.texts("groups")
    user = ImportedUser(
        username=username or "",
        sub=fields.text("sub"),
        email=fields.text("email"),
        email_verified=fields.flag("email_verified", default=False),
        enabled=fields.flag("enabled", default=True),
        claims=fields.mapping("claims"),
        groups=groups,
        password_hash=fields.text("password_hash"),
    )
    if fields.unknown:
        raise Unreadable(f"{', '.join(fields.unknown)}: no such member; choose from {', '.join(MEMBERS)}")
    if username is None:
        raise Unreadable("username: every user needs one")
    return user


def _parse(line: bytes) -> object:
    try:
        return json.loads(line.decode("utf-8-sig"), object_pairs_hook=_members, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise Unreadable(f"not UTF-8 at byte {error.start + 1}") from error
    except Unreadable:
        raise
    except json.JSONDecodeError as error:
        raise Unreadable(f"no JSON at character {error.pos + 1} ({error.msg})") from error
    except (ValueError, RecursionError) as error:
        raise Unreadable("no JSON that can be read: a number is too long, or it is nested too deeply") from error


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise Unreadable("an object has a member twice")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise Unreadable(f"{name} is no number in JSON")
