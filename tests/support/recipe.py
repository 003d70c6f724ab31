"""The pages of ``deploy/recipes``, read as a person would."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from support.repository import ROOT

METHODS = ("client_secret_basic", "client_secret_post", "none")
RECIPES = ROOT / "deploy/recipes"


@dataclass(frozen=True)
class Recipe:
    """One page."""

    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def sections(self) -> dict[str, str]:
        """What stands below each heading."""
        return dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", self.text, re.MULTILINE | re.DOTALL))

    @cached_property
    def file(self) -> str:
        """What ``valetkey client apply`` gets."""
        (block,) = re.findall(r"```yaml\n(.*?)```", self.sections["Client"], re.DOTALL)
        return str(block)

    @cached_property
    def declared(self) -> dict[str, dict[str, Any]]:
        """The clients of the file, by ``client_id``."""
        return {client["client_id"]: client for client in yaml.safe_load(self.file)["clients"]}

    @cached_property
    def configuration(self) -> str:
        """What is typed and configured beside the file."""
        return self.sections["Client"].replace(self.file, "") + self.sections["Configuration"]

    @cached_property
    def columns(self) -> dict[str, dict[str, str]]:
        """What the table says, by client and row."""
        lines = [line for line in self.sections["What it sends and reads"].splitlines() if line.startswith("|")]
        head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
        return {name.strip("`"): {row[0]: row[number] for row in rows} for number, name in enumerate(head[1:], start=1)}


@dataclass(frozen=True)
class RecipeClient:
    """What one page says of one client that people sign in to."""

    recipe: Recipe
    client_id: str
    rows: dict[str, str] = field(repr=False)

    def words(self, row: str) -> list[str]:
        """What stands between backticks in a row of the table."""
        return re.findall(r"`([^`]+)`", self.rows[row])

    def claims(self, row: str) -> list[str]:
        """The claims of a row, which stand before its explanation."""
        return re.findall(r"`([a-z_]+)`", self.rows[row].partition(":")[0])

    @property
    def declared(self) -> dict[str, Any]:
        return self.recipe.declared[self.client_id]

    @property
    def is_public(self) -> bool:
        return self.declared.get("token_endpoint_auth_method") == "none"

    @property
    def methods(self) -> list[str]:
        """How it authenticates; a tool that chooses by itself has several."""
        return [word for word in self.words("Authenticates with") if word in METHODS]

    @property
    def scope(self) -> list[str]:
        return self.words("Scope")[0].split()

    def configured(self, pattern: str) -> list[str]:
        """What the configuration of the tool says where the pattern is."""
        found = re.findall(pattern, self.recipe.configuration, re.MULTILINE)
        assert found, f"{self.recipe.path.name}: no {pattern}"
        return [each.strip() for each in found]


def recipes() -> dict[str, Recipe]:
    """Every page, by its name."""
    return {path.stem: Recipe(path) for path in sorted(RECIPES.glob("*.md")) if path.stem != "README"}
