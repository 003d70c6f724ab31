"""A value that is read on purpose or not at all: it never prints."""

from __future__ import annotations

import hmac
from typing import Generic, NoReturn, TypeVar, cast

T = TypeVar("T")


class SecretMissingError(Exception):
    """A secret setting was read that is not set; the message names what to do."""


class _Unset:
    """The absence of a secret, apart from every value a secret can have."""


_UNSET = _Unset()


class Secret(Generic[T]):
    """Wraps a secret so that repr, str, format, pickling and dataclass output show ``***``."""

    __slots__ = ("_name", "_value")

    def __init__(self, value: T | _Unset, name: str = "") -> None:
        self._value = value
        self._name = name

    @classmethod
    def unset(cls, name: str = "") -> Secret[T]:
        """A secret that has no value; ``name`` is the variable that would give it one."""
        return cls(_UNSET, name)

    @property
    def is_set(self) -> bool:
        """Whether ``reveal`` would return a value."""
        return not isinstance(self._value, _Unset)

    def reveal(self) -> T:
        """The value itself. Raises ``SecretMissingError`` where it was never set."""
        if isinstance(self._value, _Unset):
            name = self._name
            raise SecretMissingError(f"{name} is needed here and is not set: set it, or {name}_FILE to its file.")
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')" if self.is_set else "Secret(unset)"

    __str__ = __repr__

    def __format__(self, format_spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        mine, theirs = cast("object", self._value), cast("object", other._value)
        if isinstance(mine, str) and isinstance(theirs, str):
            return hmac.compare_digest(mine.encode(), theirs.encode())
        return mine == theirs

    def __hash__(self) -> int:
        return hash(Secret)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled or copied")
