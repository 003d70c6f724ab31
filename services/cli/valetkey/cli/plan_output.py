"""A plan as people and programs read it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from valetkey.administration.apply.change import (
    AttributeChange,
    Change,
    ClientChange,
    FieldChange,
    GroupChange,
    Kind,
    Plan,
    Pruned,
    ScopeChange,
    UserChange,
)
from valetkey.cli.output import plain

_NOUNS = {
    ClientChange: "client",
    ScopeChange: "scope",
    AttributeChange: "attribute",
    GroupChange: "group",
    UserChange: "user",
}
_MOST_NAMES = 20
_SIGNS = {Kind.CREATE: "+", Kind.UPDATE: "~", Kind.DELETE: "-"}


def plan_record(plan: Plan) -> dict[str, object]:
    """The plan for programs."""
    return {
        "changes": [_change_record(change) for change in plan.changes],
        "unchanged": plan.unchanged,
        "excessive_pruning": [
            {"kind": pruned.kind, "deleted": len(pruned.names), "owned": pruned.owned} for pruned in plan.excessive
        ],
    }


def plan_lines(plan: Plan) -> Iterator[str]:
    """The plan for people."""
    for change in plan.changes:
        yield f"{_SIGNS[change.kind]} {_noun(change)} {change.name}"
        for field in change.fields:
            yield from _field_lines(change.kind, field)


def pruned_sentence(pruned: Pruned) -> str:
    """How much of a kind goes."""
    number = len(pruned.names)
    if number < pruned.owned:
        share = f"{number} of {pruned.owned} {pruned.kind}s"
    else:
        share = f"all {number} {pruned.kind}s" if number > 1 else f"the only {pruned.kind}"
    return f"{share}: {enumerated(pruned.names)}"


def enumerated(names: Sequence[str]) -> str:
    """The first of these names, and how many follow."""
    told = ", ".join(names[:_MOST_NAMES])
    return told if len(names) <= _MOST_NAMES else f"{told} and {len(names) - _MOST_NAMES} more"


def _change_record(change: Change) -> dict[str, object]:
    return {
        "change": change.kind,
        "kind": _noun(change),
        "name": change.name,
        "fields": [{"name": field.name, "before": field.before, "after": field.after} for field in change.fields],
    }


def _noun(change: Change) -> str:
    return _NOUNS[type(change)]


def _field_lines(kind: Kind, field: FieldChange) -> Iterator[str]:
    before, after = plain(field.before), plain(field.after)
    if isinstance(after, list) and isinstance(before, list | None):
        old = before or []
        marked = [f"- {value}" for value in old if value not in after]
        marked += [f"+ {value}" for value in after if value not in old]
        marked = marked or ["in another order"]
    elif kind is Kind.CREATE:
        marked = [_shown(after)]
    else:
        marked = [f"{_shown(before)} -> {_shown(after)}"]
    yield from (f"    {field.name}: {text}" for text in marked)


def _shown(value: object) -> str:
    match value:
        case None | "":
            return "(none)"
        case bool():
            return str(value).lower()
        case dict():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return str(value)
