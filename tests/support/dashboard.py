"""The dashboards under ``deploy/dashboards``, and what their panels ask Prometheus."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from support.promql import Query, parse
from support.repository import ROOT

DASHBOARDS = ROOT / "deploy" / "dashboards"
# What Grafana would put in place of its variables.
_VARIABLES = {"$__rate_interval": "1m", "$namespace": ".*", "$job": ".*"}


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel that shows something; rows are none."""

    dashboard: str
    content: dict[str, Any]

    @property
    def title(self) -> str:
        return f"{self.dashboard}: {self.content['title']}"

    @property
    def expressions(self) -> list[str]:
        """What it asks, with values in place of variables."""
        return [filled_in(target["expr"]) for target in self.content["targets"]]

    @property
    def queries(self) -> list[Query]:
        return [parse(expression) for expression in self.expressions]


def filled_in(expression: str) -> str:
    """The expression as Prometheus gets it."""
    for variable, value in _VARIABLES.items():
        expression = expression.replace(variable, value)
    return expression


def files() -> list[Path]:
    return sorted(DASHBOARDS.glob("*.json"))


@cache
def dashboards() -> dict[str, dict[str, Any]]:
    """Every dashboard by the name of its file."""
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files()}


def panels() -> list[Panel]:
    """Every panel of every dashboard."""
    return list(_panels())


def _panels() -> Iterator[Panel]:
    for name, dashboard in dashboards().items():
        yield from (Panel(name, content) for content in dashboard["panels"] if content["type"] != "row")
