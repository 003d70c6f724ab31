"""The rules under ``deploy/alerts``, as Prometheus reads them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from support.promql import Query, parse
from support.repository import ROOT

ALERTS = ROOT / "deploy" / "alerts"


@dataclass(frozen=True, slots=True)
class Rule:
    """One alert or recording rule, and the file it stands in."""

    file: Path
    content: dict[str, Any]

    @property
    def name(self) -> str:
        """The alert, or the metric that is recorded."""
        return str(self.content.get("alert") or self.content["record"])

    @property
    def is_alert(self) -> bool:
        return "alert" in self.content

    @property
    def expression(self) -> str:
        return str(self.content["expr"])

    @property
    def query(self) -> Query:
        return parse(self.expression)


def rule_files() -> list[Path]:
    """Every file that Prometheus loads."""
    return sorted(ALERTS.glob("*.yaml"))


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule of every file."""
    return tuple(
        Rule(file, content)
        for file in rule_files()
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
        for content in group["rules"]
    )


def alerts() -> list[Rule]:
    """Every rule that alerts; some share a name."""
    return [rule for rule in rules() if rule.is_alert]


def recorded() -> dict[str, list[Rule]]:
    """The rules behind each recorded metric."""
    found: dict[str, list[Rule]] = {}
    for rule in rules():
        if not rule.is_alert:
            found.setdefault(rule.name, []).append(rule)
    return found
