"""The table of settings as Markdown, made from the code: ``python -m valetkey.runtime.settings.table``."""

from __future__ import annotations

import sys
from dataclasses import fields

from valetkey.runtime.settings.reader import SERVICES, Setting, show, table, variable
from valetkey.runtime.settings.settings import Settings

_HEAD = """# Settings

Made from the code by `python -m valetkey.runtime.settings.table`; change `settings.py`, then make it again.

Every setting is a variable. An empty variable counts as absent, an unknown one is refused. Where *file* says yes,
the variable with `_FILE` appended may name a file that holds the value; after a `-`, one that may be absent, and the
setting with it. Durations are seconds, or end in `ms`, `s`, `m`, `h` or `d`. `valetkey serve all` requires what
any service does.

| Variable | What it is | Type | Default | Unit | Required by | File |
|---|---|---|---|---|---|---|
"""


def _required_by(row: Setting) -> str:
    return "every service" if row.required_by == SERVICES else ", ".join(row.required_by)


def render() -> str:
    """The whole Markdown page, ending in a newline."""
    rows = table(Settings)
    lines = []
    for field in fields(Settings):
        row = rows[field.name]
        default = show(field.default)
        text = f"{default:g}" if isinstance(default, float) else str(default)
        shown = "" if default in {None, ""} else f"`{text}`"
        cells = (row.doc, row.parser.type, shown, row.parser.unit, _required_by(row), "yes" if row.secret else "")
        lines.append(f"| `{variable(field.name)}` | {' | '.join(cells)} |\n")
    return _HEAD + "".join(lines)


if __name__ == "__main__":
    sys.stdout.write(render())
