"""JSON of strangers: bounded before it is parsed, and read one way only."""

import json


def read_object(text: str, *, length: int, brackets: int) -> dict[str, object]:
    """The object. ``ValueError`` for more characters or opening brackets, a repeated name, NaN, or anything else.

    Every level of nesting needs an opening bracket, so that their number bounds the depth.
    """
    if len(text) > length:
        raise ValueError("too long")
    if text.count("{") + text.count("[") > brackets:
        raise ValueError("too many brackets")
    value = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - it is the value of a text
    return value


def _object(members: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(members)
    if len(found) != len(members):
        raise ValueError("a name is repeated")
    return found


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
