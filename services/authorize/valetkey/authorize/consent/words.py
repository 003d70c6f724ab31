"""What is asked for, grouped and in words, for the consent page."""

from valetkey.authorize.consent.scope_words import scope_words
from valetkey.authorize.pages.models import ScopeGroup, ScopeWords
from valetkey.core.oauth.resource import Catalog
from valetkey.core.oauth.scope import Scope


def scope_groups(scope: Scope, resources: tuple[str, ...], catalog: Catalog) -> list[ScopeGroup]:
    """Every scope under the name of the API it belongs to, what is about the user first.

    An API that is asked for without any of its scopes has a group of its own: the token will be made for it.
    """
    words: dict[str | None, list[ScopeWords]] = {None: []} | {resource: [] for resource in resources}
    for name in scope:
        registered = catalog.scopes[name]
        words.setdefault(registered.resource, []).append(ScopeWords(name, scope_words(registered)))
    return [
        ScopeGroup(None if resource is None else catalog.resources[resource].name, scopes)
        for resource, scopes in words.items()
        if resource is not None or scopes
    ]
