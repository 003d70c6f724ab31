"""What the documentation and the chart's schema say about the fields of a client, from the table of client metadata.

``python -m support.client_documentation`` writes the table of the documentation; a test compares it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from support.repository import ROOT
from valetkey.core.client.metadata import FIELDS, MAX_SECONDS
from valetkey.core.client.metadata_field import Field, Kind

README = ROOT / "services" / "cli" / "README.md"
BEGIN, END = "<!-- fields of a client: made by make client-docs -->\n", "<!-- end of fields -->\n"
# What only a file says: its name, and where the secret is.
_BEFORE = """\
| `client_id` | How it is called everywhere. | 1 to 128 letters, digits, dots, dashes, underscores, tildes; no UUID, \
which could be the subject of a user | required | everyone, on pages |
"""
_AFTER = """\
| `secret_file` | File that holds the secret, such as a mounted Kubernetes Secret. | path, relative to this file; the \
secret has at least 32 characters | a secret is generated once | operators |
| `secret_overlap` | How long the old secret counts beside one that replaces it. | duration such as `90s` or `14d` | \
`24h` | operators |
"""


def table() -> str:
    """The table of the documentation."""
    rows = (
        f"| `{field.name}` | {field.description} | {field.form} | {_default(field)} | {field.audience} |"
        for field in FIELDS
    )
    head = (
        "| Field of a client | What it is | What may be written | Unless given | Seen by |",
        "|---|---|---|---|---|",
    )
    return "\n".join(head) + "\n" + _BEFORE + "".join(f"{row}\n" for row in rows) + _AFTER


def _default(field: Field) -> str:
    if field.default_words:
        return field.default_words
    return (
        "none" if field.may_be_empty else f"`{str(field.default).lower() if field.default is True else field.default}`"
    )


def client_schema(present: Mapping[str, Any]) -> dict[str, Any]:
    """The chart's schema of a client: what ``present`` says of fields that are in no row, and the rows."""
    names = {field.name for field in FIELDS}
    others = {name: node for name, node in present.items() if name not in names}
    return {"client_id": others.pop("client_id"), **{field.name: _schema(field) for field in FIELDS}, **others}


def _schema(field: Field) -> dict[str, Any]:
    text: dict[str, Any] = {"type": "string"}
    text |= {"enum": list(field.choices)} if field.choices else {}
    text |= {"pattern": field.pattern} if field.pattern else {}
    match field.kind:
        case Kind.SECONDS:
            schema: dict[str, Any] = {"type": "integer", "minimum": 0, "maximum": MAX_SECONDS}
        case Kind.FLAG:
            schema = {"type": "boolean"}
        case Kind.WORDS:
            schema = {"type": ["string", "array"], "items": text}
        case Kind.MAPPING:
            schema = {"type": "object", "additionalProperties": {"type": ["object", "null"]}}
        case kind if kind.is_list:
            schema = {"type": "array", "items": text}
        case _:
            schema = text
    return schema | {"description": field.description}


def documented() -> str:
    """What the README ought to be."""
    before, rest = README.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    return before + BEGIN + "\n" + table() + "\n" + END + after


if __name__ == "__main__":
    README.write_text(documented(), encoding="utf-8")
