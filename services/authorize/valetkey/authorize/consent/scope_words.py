"""What a scope allows, as its reader is told.

The scopes of every installation are in the catalogues; of the others operators say it, in each language if they want.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from valetkey.core.message import Described, Message

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
    """The description, as pages turn it into the language of their reader."""
    if scope.translations:
        return Described(scope.description, scope.translations)
    return _WORDS.get(scope.description, scope.description)
