"""The content of a mail as it is kept until it is sent: JSON, read by this release and the ones beside it.

A member that this release does not know is left out, one that is missing has its default.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from enum import Enum
from types import GenericAlias
from typing import TYPE_CHECKING, Any, NamedTuple, get_args, get_origin, get_type_hints

from valetkey.core.json_text import find_json_object, to_json
from valetkey.core.language import is_tag
from valetkey.core.mail.address import MailRefused
from valetkey.core.mail.content import KINDS, Content

if TYPE_CHECKING:
    from collections.abc import Mapping


_LANGUAGE = "language"


class KeptContent(NamedTuple):
    """What a mail says, and in which language: a tag, or nothing for the installation's."""

    content: Content
    language: str = ""


def encode(content: Content, language: str = "") -> bytes:
    """The fields as a JSON object, and the language where there is one."""
    members = {field.name: _plain(getattr(content, field.name)) for field in fields(content)}
    return to_json(members | ({_LANGUAGE: language} if language else {}))


def decode(kind: str, text: bytes) -> KeptContent:
    """The content again. Raises ``MailRefused`` for what no release has written."""
    members, cls = find_json_object(text), KINDS.get(kind)
    if members is None or cls is None:
        raise MailRefused("the content is not of a kind that this release knows")
    hints = get_type_hints(cls)
    try:
        known: dict[str, Any] = {
            field.name: _typed(hints[field.name], members[field.name]) for field in fields(cls) if field.name in members
        }
        return KeptContent(cls(**known), _language(members))
    except (TypeError, ValueError) as error:
        raise MailRefused("the content lacks a member, or one is of another type") from error


def _language(members: Mapping[str, object]) -> str:
    language = members.get(_LANGUAGE)
    return language if isinstance(language, str) and is_tag(language) else ""


def _plain(value: object) -> object:
    match value:
        case datetime():
            return value.isoformat()
        case Enum():
            return value.value
        case tuple():
            return [_plain(each) for each in value]
        case _:
            return value


def _typed(hint: Any, value: Any) -> object:  # noqa: ANN401 - a hint of any field, a value of any type
    if hint is datetime:
        return datetime.fromisoformat(value)
    if isinstance(hint, GenericAlias) and get_origin(hint) is tuple:
        return tuple(_typed(get_args(hint)[0], each) for each in value)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    if not isinstance(value, hint):
        raise TypeError(hint)
    return value
