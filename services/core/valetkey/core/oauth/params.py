"""Request parameters: repeats refused, empty means omitted, unknown ignored. RFC 6749 §3.1, §3.2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from valetkey.core.oauth import causes
from valetkey.core.oauth.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# RFC 8707 §2 lets a client name several resources; ``audience`` is another name of it for some.
REPEATABLE = frozenset({"resource", "audience"})


class Params:
    """Form or query parameters, not yet validated.

    A repeated parameter is kept as such, so that an endpoint that must first find out where to send its answer can do
    that; reading one raises ``InvalidRequest``.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, tuple[str, ...]]) -> None:
        self._values = values

    @classmethod
    def parse(cls, pairs: Iterable[tuple[str, str]]) -> Params:
        """Collect pairs; those with an empty value count as omitted. RFC 6749 §3.1."""
        values: dict[str, tuple[str, ...]] = {}
        for name, value in pairs:
            if value:
                values[name] = (*values[name], value) if name in values else (value,)
        return cls(values)

    def reject_repeats(self) -> None:
        """Raise ``InvalidRequest`` if a parameter that must be single is repeated. RFC 6749 §3.1."""
        for name, values in self._values.items():
            if len(values) > 1 and name not in REPEATABLE:
                raise InvalidRequest.of(causes.repeated(name))

    def get(self, name: str) -> str | None:
        """The value, or None where it was omitted; ``InvalidRequest`` where it is repeated."""
        values = self._values.get(name)
        if values is None:
            return None
        if len(values) > 1:
            raise InvalidRequest.of(causes.repeated(name))
        return values[0]

    def required(self, name: str) -> str:
        """The value; ``InvalidRequest`` where it is missing or repeated."""
        value = self.get(name)
        if value is None:
            raise InvalidRequest.of(causes.missing(name))
        return value

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a parameter that may be repeated, in the order sent."""
        return self._values.get(name, ())

    def has_any(self, names: frozenset[str]) -> bool:
        """Whether one of these was sent."""
        return not names.isdisjoint(self._values)

    def only(self, names: frozenset[str]) -> Params:
        """The parameters of these names; the rest might as well not have been sent."""
        return Params({name: values for name, values in self._values.items() if name in names})

    def pairs(self) -> list[tuple[str, str]]:
        """Everything that was sent and not empty, to be sent on; values of one name stay in their order."""
        return [(name, value) for name, values in self._values.items() for value in values]

    def __contains__(self, name: str) -> bool:
        return name in self._values
