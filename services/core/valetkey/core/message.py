"""A sentence for people that stands in code: English as it is, and known to a catalogue by its source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

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
