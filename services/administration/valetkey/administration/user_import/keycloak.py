"""Exports of a Keycloak realm: ``realm.json`` with users in it, and ``*-users-0.json`` beside it.

The subject of a user is the ``id`` there. A group is called by its path, ``/staff/ops``, as Keycloak's mapper of
groups does unless it was told otherwise, or by its last name. Files are read twice, piece by piece: for groups, then
for users.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import BinaryIO

import ijson  # type: ignore[import-untyped]

from valetkey.administration.errors import Refused
from valetkey.administration.user_import.entry import Entry, ImportedGroup, ImportedUser
from valetkey.administration.user_import.fields import Fields, Unreadable
from valetkey.core.oidc.claims.registry import parse_attribute
from valetkey.core.oidc.claims.table import ClaimTable

# What Keycloak's own mappers make of attributes of these names.
_CLAIM_OF = {
    "middleName": "middle_name",
    "phoneNumber": "phone_number",
    "phoneNumberVerified": "phone_number_verified",
}
_DIGESTS = {"pbkdf2": "sha1", "pbkdf2-sha256": "sha256", "pbkdf2-sha512": "sha512"}
# What follows from something else, or is of no use to another system.
_OF_NO_USE = (
    *("createdTimestamp", "totp", "access", "disableableCredentialTypes", "origin", "self", "userProfileMetadata"),
    *("emailConstraint", "lastName", "firstName"),
)


class KeycloakExport:
    """See ``ImportSource``. ``files`` are names and what opens them; ``by_path`` is how groups are called."""

    def __init__(
        self, files: Sequence[tuple[str, Callable[[], BinaryIO]]], table: ClaimTable, *, by_path: bool = True
    ) -> None:
        self._files = files
        self._table = table
        self._by_path = by_path
        self._names: dict[str, str] = {}
        self._paths: dict[str, str] = {}

    def groups(self) -> Iterator[ImportedGroup]:
        """See ``ImportSource``. Raises ``Refused`` for a file that is no JSON of a realm, and for one name twice."""
        for name, opened in self._files:
            with opened() as stream:
                if stream.read(1) == b"[":
                    raise Refused(f"{name}: an array; give a file of one realm, as `kc.sh export --realm` writes it.")
                stream.seek(0)
                try:
                    for group in ijson.items(stream, "groups.item", use_float=True):
                        yield from self._groups_of(group, "", None)
                except (ijson.JSONError, ValueError) as error:
                    raise Refused(f"{name}: no JSON that can be read ({_reason(error)}).") from error

    def entries(self) -> Iterator[Entry]:
        """See ``ImportSource``."""
        for name, opened in self._files:
            prefix = "" if len(self._files) == 1 else f"{name}: "
            number = 0
            with opened() as stream:
                try:
                    for number, member in enumerate(ijson.items(stream, "users.item", use_float=True), 1):
                        yield self._entry(f"{prefix}user {number}", member)
                except (ijson.JSONError, ValueError) as error:
                    where = f"{prefix}behind user {number}"
                    yield Entry(where, problem=f"no JSON that can be read ({_reason(error)})")

    def _groups_of(self, member: object, above: str, parent: str | None) -> Iterator[ImportedGroup]:
        try:
            fields = Fields(member)
            name = fields.text("name") or ""
            path = fields.text("path") or f"{above}/{name}"
            called = path if self._by_path else name
            if self._paths.setdefault(called, path) != path:
                raise Refused(f"There are two groups {called}: let groups be called by their paths.")
            self._names[path] = called
            description, inner = fields.text("description"), fields.items("subGroups")
            fields.skip("id", "parentId", "subGroupCount", "access")
            yield ImportedGroup(called, parent, description, tuple(f"groups: {each}" for each in fields.rest))
        except Unreadable as error:
            raise Refused(f"A group in {above or 'the realm'} cannot be read: {error}.") from error
        for each in inner:
            yield from self._groups_of(each, path, called)

    def _entry(self, where: str, member: object) -> Entry:
        try:
            fields = Fields(member)
            username = fields.text("username") or ""
            where = f"{where} ({username})"
            if (client := fields.text("serviceAccountClientId")) is not None:
                return Entry(where, left_out=(f"service account of the client {client}",))
            left_out: list[str] = []
            user = ImportedUser(
                username=username,
                sub=fields.text("id"),
                email=fields.text("email"),
                email_verified=fields.flag("emailVerified", default=False),
                enabled=fields.flag("enabled", default=True),
                claims=self._claims(fields, left_out),
                groups=tuple(self._names.get(path, path) for path in fields.texts("groups")),
                password_hash=_password_hash(fields.items("credentials"), left_out),
            )
        except Unreadable as error:
            return Entry(where, problem=str(error))
        fields.skip(*_OF_NO_USE)
        return Entry(where, user, left_out=(*left_out, *fields.rest))

    def _claims(self, fields: Fields, left_out: list[str]) -> dict[str, object]:
        given, family = fields.text("firstName"), fields.text("lastName")
        whole = " ".join(filter(None, (given, family)))
        claims: dict[str, object] = {"given_name": given, "family_name": family, "name": whole or None}
        for name, values in fields.mapping("attributes").items():
            claim = self._table.attributes.get(_CLAIM_OF.get(name, name))
            try:
                if claim is None or not isinstance(values, list):
                    raise ValueError  # noqa: TRY301 - there is no place for it
                text = json.dumps(values) if claim.is_list else str(values[0])
                claims[claim.attribute_name] = parse_attribute(claim, text)
            except (ValueError, IndexError):
                left_out.append(f"attribute {name}")
        return {name: value for name, value in claims.items() if value is not None}


def _password_hash(credentials: Sequence[object], left_out: list[str]) -> str | None:
    """The hash of the first password, as ``stored_form`` knows it."""
    found: str | None = None
    for member in credentials:
        fields = Fields(member)
        kind = fields.text("type") or "no type"
        if kind != "password" or found is not None:
            left_out.append(f"credential {kind}")
        elif fields.text("value") is not None:
            left_out.append("a password that is not hashed")
        else:
            found = _hash_from(fields)
    return found


def _hash_from(fields: Fields) -> str:
    secret, data = (_inner(fields, name) for name in ("secretData", "credentialData"))
    algorithm = data.get("algorithm") or fields.text("algorithm")
    # Before Keycloak 8 the credential itself had them.
    value = secret.get("value") or fields.text("hashedSaltedValue")
    salt = secret.get("salt") or fields.text("salt") or ""
    iterations = data.get("hashIterations") or fields.number("hashIterations")
    if not isinstance(value, str) or not isinstance(salt, str) or not isinstance(algorithm, str):
        raise Unreadable("credentials: a password without a hash, a salt or an algorithm")
    if value.startswith("$"):
        return value
    if not isinstance(iterations, int):
        raise Unreadable("credentials: a password without a number of iterations")
    if algorithm in _DIGESTS:
        return f"$pbkdf2-{_DIGESTS[algorithm]}$i={iterations}${salt}${value}"
    if algorithm == "argon2":
        return _argon2(data.get("additionalParameters"), iterations, salt, value)
    raise Unreadable(f"credentials: passwords of the algorithm {algorithm[:40]} are not known here")


def _argon2(parameters: object, iterations: int, salt: str, value: str) -> str:
    known = parameters if isinstance(parameters, Mapping) else {}

    def one(name: str, default: str) -> str:
        values = known.get(name)
        return str(values[0]) if isinstance(values, list) and values else default

    if one("version", "1.3") != "1.3":
        raise Unreadable("credentials: argon2 of a version other than 1.3 is not known here")
    cost = f"m={one('memory', '7168')},t={iterations},p={one('parallelism', '1')}"
    return f"$argon2{one('type', 'id')}$v=19${cost}${salt.rstrip('=')}${value.rstrip('=')}"


def _inner(fields: Fields, name: str) -> Mapping[str, object]:
    """An object that is written as a text."""
    text = fields.text(name)
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Unreadable(f"credentials: {name} is no JSON object")
    return value


def _reason(error: Exception) -> str:
    return str(error).partition("\n")[0][:100]
