"""Passwords of Dex: ``staticPasswords`` of its configuration, and its ``Password`` objects in Kubernetes.

The subject is what Dex's tokens say by default: its own encoding of the user's id and of the connector ``local``.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import BinaryIO

from valetkey.administration.errors import Refused
from valetkey.administration.user_import.documents import read_documents
from valetkey.administration.user_import.entry import Entry, ImportedGroup, ImportedUser
from valetkey.administration.user_import.fields import Fields, Unreadable
from valetkey.core.authentication.user import normalize_login_name
from valetkey.core.encoding import b64url_encode

_CONNECTOR = "local"
_SEVEN_BITS = 0x7F
_OF_KUBERNETES = ("apiVersion", "kind", "metadata")


class DexExport:
    """See ``ImportSource``."""

    def __init__(self, files: Sequence[tuple[str, Callable[[], BinaryIO]]]) -> None:
        self._files = files

    def groups(self) -> Iterable[ImportedGroup]:
        """None: the groups that its users are in must exist."""
        return ()

    def entries(self) -> Iterator[Entry]:
        """See ``ImportSource``. Raises ``Refused`` where there are no passwords of Dex."""
        is_found = False
        for document in read_documents(self._files):
            members = document if isinstance(document, dict) else {}
            listed = members.get("staticPasswords") or members.get("items")
            if listed is None and members.get("kind") == "Password":
                listed = [members]
            if isinstance(listed, list):
                is_found = True
                yield from (_entry(f"password {number}", each) for number, each in enumerate(listed, 1))
        if not is_found:
            raise Refused("There are no passwords of Dex: neither staticPasswords nor objects of the kind Password.")


def dex_subject(user_id: str, connector: str = _CONNECTOR) -> str:
    """What Dex calls a user in tokens: a protobuf message of two texts, base64url."""
    parts = ((1, user_id.encode()), (2, connector.encode()))
    return b64url_encode(b"".join(bytes([number << 3 | 2]) + _length(text) + text for number, text in parts if text))


def _length(text: bytes) -> bytes:
    size, octets = len(text), bytearray()
    while size > _SEVEN_BITS:
        octets.append(size & _SEVEN_BITS | _SEVEN_BITS + 1)
        size >>= 7
    return bytes([*octets, size])


def _entry(where: str, member: object) -> Entry:
    try:
        fields = Fields(member)
        email, name = fields.text("email"), fields.text("username")
        where = f"{where} ({email or name})"
        preferred, user_id = fields.text("preferredUsername"), fields.text("userID")
        shown = fields.text("name") or name
        user = ImportedUser(
            username=_login_name(preferred, name, email),
            sub=None if user_id is None else dex_subject(user_id),
            email=email,
            # Dex says so in tokens unless it is told otherwise.
            email_verified=fields.flag("emailVerified", default=True) and email is not None,
            claims={} if shown is None else {"name": shown},
            groups=fields.texts("groups"),
            password_hash=_hash(fields.text("hash")),
        )
    except Unreadable as error:
        return Entry(where, problem=str(error))
    fields.skip(*_OF_KUBERNETES)
    return Entry(where, user, left_out=fields.rest)


def _login_name(*names: str | None) -> str:
    return next((name for name in names if name and normalize_login_name(name) is not None), "")


def _hash(text: str | None) -> str | None:
    """The hash, which Kubernetes and environment variables have in base64."""
    if text is None or text.startswith("$"):
        return text
    try:
        return base64.b64decode(text, validate=True).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise Unreadable("hash: neither bcrypt nor base64 of it") from error
