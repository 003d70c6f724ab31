"""Groups of users: their names, and what may be said of them. A user's groups are ``User.groups``."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from valetkey.core.authentication.acr import REQUIRABLE_ACR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_NAME_LENGTH = 128
MAX_DISPLAY_NAME_LENGTH = 128
MAX_DESCRIPTION_LENGTH = 500
MAX_GROUPS_OF_USER = 1000
"""How many groups a user may be in, directly or through others: all of them may go into one token."""
MAX_DEPTH = 10
"""How many groups may be within each other."""
# Proxies hand the names on in one header, between commas; others quote them.
_FORBIDDEN = frozenset(',"\\')


@dataclass(frozen=True, slots=True)
class Group:
    """A group. Its ``name`` is what clients see, and never changes; the rest is for operators.

    ``required_acr`` is the level that a login of its members has to reach, directly in it or through others; None where
    any will do.
    """

    name: str
    display_name: str | None = None
    description: str | None = None
    required_acr: str | None = None


def group_name_problem(name: str) -> str | None:
    """Why this is no name of a group, None for one that is.

    One spelling is one name, so that no two groups look alike and are different ones to a client.
    """
    if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable() or name != name.strip():
        return f"use 1 to {MAX_NAME_LENGTH} printable characters, with no space at either end"
    if _FORBIDDEN & set(name):
        return "use no comma, quote or backslash, by which proxies divide names"
    if unicodedata.normalize("NFKC", name) != name:
        return f"write {unicodedata.normalize('NFKC', name)}, which looks the same and is the usual spelling"
    return None


def group_problems(group: Group) -> list[str]:
    """Everything that is wrong with a group by itself, in words for an operator."""
    problem = group_name_problem(group.name)
    problems = [] if problem is None else [f"name: {problem}"]
    for field, value, most in (
        ("display_name", group.display_name, MAX_DISPLAY_NAME_LENGTH),
        ("description", group.description, MAX_DESCRIPTION_LENGTH),
    ):
        if value is not None and (not value.strip() or len(value) > most or not value.isprintable()):
            problems.append(f"{field}: use 1 to {most} printable characters")
    if group.required_acr is not None and group.required_acr not in REQUIRABLE_ACR:
        problems.append(f"required_acr: choose one of {', '.join(REQUIRABLE_ACR)}")
    return problems


def crowded_sentence(username: str, count: int) -> str:
    """What is wrong with a user in too many groups, in words for an operator."""
    return (
        f"{username} would be in {count} groups, directly or through others; at most {MAX_GROUPS_OF_USER} fit into a "
        "token. Take the user out of some, or merge groups."
    )


def nesting_problems(parents: Mapping[str, Sequence[str]]) -> list[str]:
    """A cycle, or a chain that is too long, in words for an operator; ``parents`` are the groups each group is in."""
    heights: dict[str, int] = {}
    for start in parents:
        path: list[str] = [start]
        pending: list[list[str]] = [list(parents.get(start, ()))]
        while path:
            if pending[-1]:
                name = pending[-1].pop()
                if name in path:
                    chain = " in ".join([*path[path.index(name) :], name])
                    return [f"Groups would be within themselves: {chain}. Take one of them out of the next."]
                if name not in heights:
                    path.append(name)
                    pending.append(list(parents.get(name, ())))
                continue
            pending.pop()
            name = path.pop()
            heights[name] = 1 + max((heights[parent] for parent in parents.get(name, ())), default=0)
            if heights[name] > MAX_DEPTH:
                sentence = (
                    f"{name} would be at the bottom of {heights[name]} groups within each other; at most {MAX_DEPTH} "
                    "are possible. Put it into an outer one directly."
                )
                return [sentence]
    return []
