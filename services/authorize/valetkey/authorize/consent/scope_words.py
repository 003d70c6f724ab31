"""What a scope allows, as its reader is told. The scopes of every installation are in the catalogues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from valetkey.core.message import Message

if TYPE_CHECKING:
    from valetkey.core.oauth.resource import RegisteredScope

# As the migrations write them: an operator who has said it otherwise has the last word.
_OF_EVERY_INSTALLATION = (
    Message("Confirm who you are"),
    Message("See your name and profile"),
    Message("See your e-mail address"),
    Message("Keep this access while you are away"),
    Message("See your postal address"),
    Message("See your phone number"),
    Message("See which groups you belong to"),
)
_WORDS = {str(words): words for words in _OF_EVERY_INSTALLATION}


def scope_words(scope: RegisteredScope) -> str:
    """The description; a ``Message`` where catalogues have it."""
    return _WORDS.get(scope.description, scope.description)
