"""Reads ``clients.yaml``: everything that is wrong with it is reported at once. The README describes its fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from pathlib import Path

from valetkey.administration.apply.declaration import DEFAULT_OVERLAP, Declaration, DeclaredClient, DeclaredUser
from valetkey.administration.apply.field import Fields, read_field
from valetkey.administration.apply.people_file import GROUP_FIELDS, USER_FIELDS, read_group, read_user
from valetkey.administration.apply.yaml_document import YamlError, parse_yaml
from valetkey.administration.duration import parse_duration
from valetkey.administration.registration import new_client
from valetkey.administration.scope_registration import scope_problems
from valetkey.core.authentication.user import normalize_login_name
from valetkey.core.client.metadata import FIELDS
from valetkey.core.oauth.resource import RegisteredScope
from valetkey.core.oidc.claims.attribute import AttributeType, UserAttribute

LONGEST_OVERLAP = timedelta(days=90)

FILE_FIELDS = ("clients", "scopes", "attributes", "groups", "users")
SCOPE_FIELDS = ("name", "description", "resource", "translations")
ATTRIBUTE_FIELDS = ("name", "type", "claim", "scope")
CLIENT_FIELDS = ("client_id", *(field.name for field in FIELDS), "secret_file", "secret_overlap")


def read_declaration(text: str, directory: Path, name: str = "the file") -> tuple[Declaration, list[str]]:
    """What the file asks for, as far as that is clear, and everything that is wrong with the rest.

    File names in it are relative to ``directory``, the one it is in. ``name`` is what problems call it.
    """
    problems: list[str] = []
    try:
        document = parse_yaml(text)
    except YamlError as error:
        return Declaration(), [f"{name}: {error}"]
    fields = Fields({} if document is None else document, "the file", FILE_FIELDS, problems)
    scopes = [_scope(value, number, problems) for number, value in enumerate(fields.mappings("scopes"), 1)]
    clients = [
        _client(value, number, directory, problems) for number, value in enumerate(fields.mappings("clients"), 1)
    ]
    attributes = [_attribute(value, number, problems) for number, value in enumerate(fields.mappings("attributes"), 1)]
    groups = [
        read_group(Fields(value, _where("groups", number, value, "name"), GROUP_FIELDS, problems))
        for number, value in enumerate(fields.mappings("groups"), 1)
    ]
    users = [
        read_user(Fields(value, _where("users", number, value, "username"), USER_FIELDS, problems), directory)
        for number, value in enumerate(fields.mappings("users"), 1)
    ]
    found = Declaration(
        clients=tuple(filter(None, clients)),
        scopes=tuple(filter(None, scopes)),
        attributes=tuple(filter(None, attributes)),
        groups=tuple(filter(None, groups)),
        users=tuple(filter(None, users)),
    )
    problems += _repeats("client_id", (declared.client.client_id for declared in found.clients))
    problems += _repeats("resource", (declared.client.resource for declared in found.clients))
    problems += _repeats("scope", (scope.name for scope in found.scopes))
    problems += _repeats("attribute", (attribute.name for attribute in found.attributes))
    problems += _repeats("group", (declared.group.name for declared in found.groups))
    problems += _repeats("user name or e-mail address", _login_names(found.users))
    return found, problems


def _login_names(users: Iterable[DeclaredUser]) -> Iterable[str | None]:
    for declared in users:
        names = (normalize_login_name(name) for name in (declared.username, declared.email) if name is not None)
        yield from set(names)


def _scope(value: object, number: int, problems: list[str]) -> RegisteredScope | None:
    where = _where("scopes", number, value, "name")
    fields = Fields(value, where, SCOPE_FIELDS, problems)
    scope = RegisteredScope(
        fields.required_text("name"),
        fields.required_text("description"),
        fields.text("resource"),
        fields.texts_by_name("translations"),
    )
    if not fields.are_sound:
        return None
    problems += (f"{where}: {problem}" for problem in scope_problems(scope))
    return scope


def _attribute(value: object, number: int, problems: list[str]) -> UserAttribute | None:
    fields = Fields(value, _where("attributes", number, value, "name"), ATTRIBUTE_FIELDS, problems)
    name, scope, claim = fields.required_text("name"), fields.required_text("scope"), fields.text("claim")
    type_ = fields.choice("type", [each.value for each in AttributeType])
    if not fields.are_sound:
        return None
    return UserAttribute(name, AttributeType(type_ or AttributeType.STRING), name if claim is None else claim, scope)


def _client(value: object, number: int, directory: Path, problems: list[str]) -> DeclaredClient | None:
    fields = Fields(value, _where("clients", number, value, "client_id"), CLIENT_FIELDS, problems)
    client_id = fields.required_text("client_id")
    given = {field.name: read_field(fields, field) for field in FIELDS}
    secret_file = fields.text("secret_file")
    overlap = fields.parsed("secret_overlap", partial(parse_duration, longest=LONGEST_OVERLAP))
    if not fields.are_sound:
        return None
    client = new_client(client_id, {name: member for name, member in given.items() if member is not None})
    if client.is_public and (secret_file is not None or overlap is not None):
        fields.problem("a public client has no secret; remove secret_file and secret_overlap")
    return DeclaredClient(
        client,
        None if secret_file is None else directory / secret_file,
        DEFAULT_OVERLAP if overlap is None else overlap,
    )


def _where(kind: str, number: int, value: object, name: str) -> str:
    called = value.get(name) if isinstance(value, dict) else None
    return f"{kind}[{number}] ({called})" if isinstance(called, str) else f"{kind}[{number}]"


def _repeats(what: str, values: Iterable[str | None]) -> list[str]:
    counted = Counter(value for value in values if value is not None)
    return [f"{what} {value} is there {count} times" for value, count in counted.items() if count > 1]
