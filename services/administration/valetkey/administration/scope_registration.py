"""What a scope may be registered with. RFC 6749 §3.3."""

from __future__ import annotations

from valetkey.core.language import is_tag
from valetkey.core.oauth.resource import RegisteredScope
from valetkey.core.oauth.scope import USER_SCOPES, is_scope_name

MAX_DESCRIPTION_LENGTH = 200
MAX_TRANSLATIONS = 100
_WANTED = f"use 1 to {MAX_DESCRIPTION_LENGTH} printable characters, for the consent page"


def scope_problems(scope: RegisteredScope) -> list[str]:
    """Everything that is wrong with a scope by itself, as messages for the operator."""
    problems = []
    if not is_scope_name(scope.name):
        problems.append("name: use printable ASCII without spaces, quotes and backslashes")
    if not _is_description(scope.description):
        problems.append(f"description: {_WANTED}")
    for tag, text in scope.translations.items():
        if not is_tag(tag):
            problems.append(f"translations: {tag!r} is no language tag, such as de or pt-BR")
        elif not (isinstance(text, str) and _is_description(text)):
            problems.append(f"translations: {tag}: {_WANTED}")
    if len(scope.translations) > MAX_TRANSLATIONS:
        problems.append(f"translations: there may be {MAX_TRANSLATIONS}")
    if len({tag.lower() for tag in scope.translations}) != len(scope.translations):
        problems.append("translations: a language is there twice")
    if scope.name in USER_SCOPES and scope.resource is not None:
        problems.append(f"resource: {scope.name} is about the user and belongs to no resource server")
    return problems


def _is_description(text: str) -> bool:
    return bool(text.strip()) and len(text) <= MAX_DESCRIPTION_LENGTH and text.isprintable()
