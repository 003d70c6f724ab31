"""What the text of a setting has to be like, in a notation that the chart's templates evaluate too.

Every pattern means the same to ``re`` and to RE2, which Helm has: no look-around, no back-reference, ASCII classes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Protocol


class Form(Protocol):
    """One thing that a text has to be; ``described`` is what the chart reads."""

    def problem(self, text: str) -> str | None:
        """Why it is not so, and what to write instead; None where it is."""

    def described(self) -> dict[str, object]:
        """The form as JSON."""


def _match(pattern: str, text: str) -> re.Match[str] | None:
    return re.fullmatch(pattern, text, re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Matches:
    """The whole text matches."""

    pattern: str
    advice: str

    def problem(self, text: str) -> str | None:
        """The advice, unless the whole text matches."""
        return None if _match(self.pattern, text) else self.advice

    def described(self) -> dict[str, object]:
        """The form as JSON."""
        return {"kind": "matches", "pattern": self.pattern, "advice": self.advice}


@dataclass(frozen=True, slots=True)
class Lacks:
    """The whole text does not match, unless it matches ``unless`` too; ``${1}`` in the advice is the first group."""

    pattern: str
    advice: str
    unless: str | None = None

    def problem(self, text: str) -> str | None:
        """The advice, if the whole text matches."""
        match = _match(self.pattern, text)
        if match is None or (self.unless is not None and _match(self.unless, text)):
            return None
        return self.advice.replace("${1}", match[1] if match.lastindex else "")

    def described(self) -> dict[str, object]:
        """The form as JSON."""
        return {"kind": "lacks", "pattern": self.pattern, "unless": self.unless, "advice": self.advice}


@dataclass(frozen=True, slots=True)
class Amount:
    """A whole number of some unit; ``low``, ``high`` and ``step`` count what a unit of 1 is."""

    units: Mapping[str, int]
    low: int
    high: int
    advice: str
    step: int = 1

    @property
    def pattern(self) -> str:
        """One group for the number, one for the unit."""
        names = "|".join(name for name in self.units if name)
        return rf"(\d{{1,9}})({names}|)" if names else r"(-?\d{1,18})()"

    def value(self, text: str) -> int | None:
        """How much it is; None for what is no amount."""
        match = _match(self.pattern, text)
        return int(match[1]) * self.units[match[2]] if match else None

    def problem(self, text: str) -> str | None:
        """The advice, unless it is a multiple of the step between the bounds."""
        value = self.value(text)
        return None if value is not None and self.low <= value <= self.high and not value % self.step else self.advice

    def described(self) -> dict[str, object]:
        """The form as JSON."""
        bounds = {"low": str(self.low), "high": str(self.high), "step": self.step}
        return {
            "kind": "amount", "pattern": self.pattern, "units": dict(self.units), **bounds, "advice": self.advice
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fraction:
    """A number from 0 to ``high``, in decimals or, as programs write small ones, like 1e-05."""

    high: float
    advice: str
    pattern = r"[01](\.\d{1,18})?|[1-9](\.\d{1,18})?[eE]-\d{1,2}"

    def problem(self, text: str) -> str | None:
        """The advice, unless it is such a number."""
        return None if _match(self.pattern, text) and float(text) <= self.high else self.advice

    def described(self) -> dict[str, object]:
        """The form as JSON."""
        return {"kind": "fraction", "pattern": self.pattern, "high": self.high, "advice": self.advice}


@dataclass(frozen=True, slots=True)
class SomeOf:
    """A list of some of these names, each once."""

    names: tuple[str, ...]
    advice: str

    def problem(self, text: str) -> str | None:
        """The advice, unless it is such a list."""
        chosen = items(text)
        sound = chosen and len(set(chosen)) == len(chosen) and set(chosen) <= set(self.names)
        return None if sound else self.advice

    def described(self) -> dict[str, object]:
        """The form as JSON."""
        return {"kind": "someOf", "names": list(self.names), "advice": self.advice}


@dataclass(frozen=True, slots=True)
class Networks:
    """A list of networks without host bits."""

    advice: str

    def problem(self, text: str) -> str | None:
        """The advice, unless it is such a list."""
        try:
            for item in items(text):
                ip_network(item)
        except ValueError:
            return self.advice
        # A zone belongs to one machine.
        return self.advice if "%" in text else None

    def described(self) -> dict[str, object]:
        """The form as JSON."""
        return {"kind": "networks", "advice": self.advice}


@dataclass(frozen=True, slots=True)
class DistinctNodes:
    """No host is named twice; the authority of the URL is the only group of the pattern. Others have no nodes."""

    pattern: str
    default_port: int
    advice: str

    def problem(self, text: str) -> str | None:
        """The advice, if a host and port are there twice."""
        match = _match(self.pattern, text)
        hosts = match[1].split(",") if match else []
        nodes = [host if re.search(r":\d+$", host) else f"{host}:{self.default_port}" for host in hosts]
        return self.advice if len(set(nodes)) != len(nodes) else None

    def described(self) -> dict[str, object]:
        """The form as JSON."""
        port = str(self.default_port)
        return {"kind": "distinctNodes", "pattern": self.pattern, "defaultPort": port, "advice": self.advice}


def items(text: str) -> list[str]:
    """The entries of a list, separated by commas."""
    return [item.strip() for item in text.split(",") if item.strip()]


def require(forms: Iterable[Form], text: str) -> None:
    """Raise ``ValueError`` with the advice of the first form that the text does not have."""
    for form in forms:
        if (problem := form.problem(text)) is not None:
            raise ValueError(problem)
