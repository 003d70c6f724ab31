"""What people read in their language: sentences that stand in code, and texts that operators have given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from valetkey.core.language import look_up, offered

if TYPE_CHECKING:
    from collections.abc import Mapping


class Message(str):
    """The English text. ``source`` is what catalogues know it by, ``values`` what stands in its ``%(name)s`` places."""

    __slots__ = ("source", "values")

    source: str
    values: Mapping[str, object]

    def __new__(cls, source: str, **values: object) -> Self:
        """``%`` is only itself where there are no values."""
        message = super().__new__(cls, source % values if values else source)
        message.source = source
        message.values = values
        return message


class Described(str):
    """A text of an operator, as it is where it is in no other language; ``others`` are the same by language tag."""

    __slots__ = ("others",)

    others: Mapping[str, str]

    def __new__(cls, text: str, others: Mapping[str, str]) -> Self:
        """The text, with the others beside it."""
        described = super().__new__(cls, text)
        described.others = others
        return described

    def in_language(self, tag: str) -> str:
        """In this language, or a more general one; the text itself where it is in none of these. RFC 4647 §3.4."""
        found = look_up((tag,), offered(self.others))
        return str(self) if found is None else self.others[found]
