"""What a scope may be registered with. RFC 6749 §3.3."""

from __future__ import annotations

from valetkey.core.oauth.resource import RegisteredScope
from valetkey.core.oauth.scope import USER_SCOPES, is_scope_name

MAX_DESCRIPTION_LENGTH = 200


def scope_problems(scope: RegisteredScope) -> list[str]:
    """Everything that is wrong with a scope by itself, as messages for the operator."""
    problems = []
    if not is_scope_name(scope.name):
        problems.append("name: use printable ASCII without spaces, quotes and backslashes")
    text = scope.description
    if not text.strip() or len(text) > MAX_DESCRIPTION_LENGTH or not text.isprintable():
        problems.append(f"description: use 1 to {MAX_DESCRIPTION_LENGTH} printable characters, for the consent page")
    if scope.name in USER_SCOPES and scope.resource is not None:
        problems.append(f"resource: {scope.name} is about the user and belongs to no resource server")
    return problems
