"""What README.md and the schema of the chart say about each value, from the comments in values.yaml.

``python -m support.chart_documentation`` writes both; a test compares them.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from support.client_documentation import client_schema
from valetkey.runtime.settings.reader import table
from valetkey.runtime.settings.settings import Settings

CHART = Path(__file__).resolve().parents[2] / "helm" / "valetkey"
VALUES = CHART / "values.yaml"
SCHEMA = CHART / "values.schema.json"
README = CHART / "README.md"
BEGIN, END = "<!-- values: made by make chart-docs -->\n", "<!-- end of values -->\n"

# Settings that other values stand for, or that the chart decides.
HAVE_THEIR_OWN_VALUES = {
    *("issuer", "environment", "trusted_proxies", "host", "port", "management_host", "management_port", "log_format"),
    "reuse_port",
    *("drain_delay", "shutdown_grace", "redis_url", "postgres_dsn", "postgres_listen_dsn"),
    *("otlp_endpoint", "trace_sample_ratio", "theme_name", "theme_logo", "theme_colour", "templates_directory"),
}  # fmt: skip
SERVICES = ("authorize", "token", "introspection", "compact")
ValuePath = tuple[str, ...]
_LINE = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z]\w*):(?P<rest>.*)$")


def settings_of_values() -> list[str]:
    """The names that `settings` may have: whatever is neither a secret nor another value's business."""
    return [name for name, row in table(Settings).items() if not row.secret and name not in HAVE_THEIR_OWN_VALUES]


def described(text: str) -> Iterator[tuple[ValuePath, str]]:
    """Each value that has a comment with two dashes, in order: its path and the comment."""
    path: list[str] = []
    comment = ""
    for line in text.splitlines():
        if line.lstrip().startswith("# -- "):
            comment = line.strip().removeprefix("# -- ")
        elif match := _LINE.match(line):
            path = [*path[: len(match["indent"]) // 2], match["key"]]
            if comment:
                yield tuple(path), comment
            comment = ""


def described_schema(schema: dict[str, Any], descriptions: Mapping[ValuePath, str]) -> dict[str, Any]:
    """The schema with the comments as descriptions, and today's settings and fields of a client."""
    schema["definitions"]["settings"]["propertyNames"]["enum"] = settings_of_values()
    client = schema["definitions"]["client"]
    client["properties"] = client_schema(client["properties"])
    for path, node in properties(schema):
        everyones = ("services", *path[1:]) if path[0] in SERVICES else path
        if text := descriptions.get(path) or descriptions.get(everyones):
            node["description"] = text
    return schema


def properties(schema: Mapping[str, Any], path: ValuePath = ()) -> Iterator[tuple[ValuePath, dict[str, Any]]]:
    """Every property below a schema, with its path; definitions are not entered."""
    for name, node in schema.get("properties", {}).items():
        yield (*path, name), node
        yield from properties(node, (*path, name))


def table_of_values(values: Mapping[str, Any], descriptions: Mapping[ValuePath, str]) -> str:
    """The table of README.md."""
    rows = ["| Value | What it is | Default |", "|---|---|---|"]
    for path, text in descriptions.items():
        default: Any = values
        for name in path:
            default = default[name]
        shown = json.dumps(default, ensure_ascii=False) if default not in ("", [], {}) else ""
        rows.append(f"| `{'.'.join(path)}` | {text} | {f'`{shown}`' if shown else ''} |")
    return "\n".join(rows) + "\n"


def documents() -> dict[Path, str]:
    """What README.md and the schema ought to be."""
    text = VALUES.read_text(encoding="utf-8")
    descriptions = dict(described(text))
    schema = described_schema(json.loads(SCHEMA.read_text(encoding="utf-8")), descriptions)
    readme = README.read_text(encoding="utf-8")
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    return {
        SCHEMA: json.dumps(schema, indent=2, ensure_ascii=False) + "\n",
        README: before + BEGIN + "\n" + table_of_values(yaml.safe_load(text), descriptions) + "\n" + END + after,
    }


def main() -> None:
    """Write both."""
    for path, text in documents().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
