"""Users of authentik: a blueprint export (`ak export_blueprint`), and the lists of its API (`/api/v3/core/users/`).

A blueprint has hashes of passwords and no subject; the list has ``uid``, which is the subject that tokens of its
providers have by default ("based on the User's hashed ID"), and no hash. Given both, a user has both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import BinaryIO

from valetkey.administration.errors import Refused
from valetkey.administration.user_import.documents import read_documents
from valetkey.administration.user_import.entry import Entry, ImportedGroup, ImportedUser
from valetkey.administration.user_import.fields import Fields, Unreadable
from valetkey.core.oidc.claims.table import ClaimTable

_USER, _GROUP = "authentik_core.user", "authentik_core.group"
_PEOPLE = ("internal", "external")
_OF_NO_USE = (
    *("pk", "last_login", "date_joined", "last_updated", "is_superuser", "avatar", "uuid", "path", "groups_obj"),
    *("password_change_date", "roles_obj"),
)


class AuthentikExport:
    """See ``ImportSource``."""

    def __init__(self, files: Sequence[tuple[str, Callable[[], BinaryIO]]], table: ClaimTable) -> None:
        self._files = files
        self._table = table
        self._users: dict[str, dict[str, object]] = {}
        self._groups: dict[str, dict[str, object]] = {}

    def groups(self) -> Iterator[ImportedGroup]:
        """See ``ImportSource``. Raises ``Refused`` where there are neither users nor groups of authentik."""
        for document in read_documents(self._files):
            self._read(document)
        if not self._users and not self._groups:
            raise Refused("There are no users of authentik: neither entries of a blueprint nor results of its API.")
        done: set[str] = set()
        for key in self._groups:
            yield from self._outer_first(key, done)

    def entries(self) -> Iterator[Entry]:
        """See ``ImportSource``."""
        for number, members in enumerate(self._users.values(), 1):
            yield self._entry(f"user {number}", members)

    def _read(self, document: object) -> None:
        members = document if isinstance(document, dict) else {}
        for entry in _objects(members.get("entries")):
            attributes = {**_object(entry.get("identifiers")), **_object(entry.get("attrs"))}
            if entry.get("model") == _USER:
                self._add_user(attributes)
            elif entry.get("model") == _GROUP:
                key = str(attributes.get("pk") or attributes.get("group_uuid") or attributes.get("name"))
                self._groups[key] = attributes
        for result in _objects(members.get("results")):
            if "username" in result:
                self._add_user(result)

    def _add_user(self, members: Mapping[str, object]) -> None:
        known = self._users.setdefault(str(members.get("username")), {})
        known.update({name: value for name, value in members.items() if value is not None})

    def _outer_first(self, key: str, done: set[str]) -> Iterator[ImportedGroup]:
        if key in done or key not in self._groups:
            return
        done.add(key)
        members = self._groups[key]
        parents = members.get("parents") or [members.get("parent")]
        above = [str(each) for each in parents if str(each) in self._groups] if isinstance(parents, list) else []
        for each in above:
            yield from self._outer_first(each, done)
        parent = self._name(above[0]) if above else None
        yield ImportedGroup(self._name(key), parent, left_out=("groups: another parent",) * (len(above) - 1))

    def _name(self, key: str) -> str:
        return str(self._groups[key].get("name")) if key in self._groups else key

    def _entry(self, where: str, members: Mapping[str, object]) -> Entry:
        try:
            fields = Fields(dict(members))
            username = fields.text("username") or ""
            where = f"{where} ({username})"
            kind = fields.text("type") or "internal"
            if kind not in _PEOPLE:
                return Entry(where, left_out=(f"account of the type {kind}",))
            left_out: list[str] = []
            shown = fields.text("name")
            attributes, groups = fields.mapping("attributes"), fields.items("groups")
            user = ImportedUser(
                username=username,
                sub=fields.text("uid"),
                email=fields.text("email"),
                enabled=fields.flag("is_active", default=True),
                claims=({} if shown is None else {"name": shown}) | self._claims(attributes, left_out),
                groups=tuple(dict.fromkeys(self._name(str(each)) for each in groups)),
                password_hash=_hash(fields.text("password_hash") or fields.text("password"), left_out),
            )
        except Unreadable as error:
            return Entry(where, problem=str(error))
        fields.skip(*_OF_NO_USE)
        return Entry(where, user, left_out=(*left_out, *fields.rest))

    def _claims(self, attributes: Mapping[str, object], left_out: list[str]) -> dict[str, object]:
        claims = {}
        for name, value in attributes.items():
            claim = self._table.attributes.get(name)
            if claim is not None and claim.check(value) is None:
                claims[name] = value
            else:
                left_out.append(f"attribute {name}")
        return claims


def _hash(text: str | None, left_out: list[str]) -> str | None:
    """Django's hash; what begins with ! or is none stands for no password."""
    if text is None or text.startswith("!"):
        return None
    if "$" not in text:
        left_out.append("a password that is not hashed")
        return None
    return text


def _objects(value: object) -> list[dict[str, object]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _object(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
