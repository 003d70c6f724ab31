"""What README.md and the schema of the chart say about each value, from the comments in values.yaml, and what the chart
checks of settings, from the services' own table.

``python -m support.chart_documentation`` writes all of it; a test compares them.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from support.client_documentation import client_schema
from valetkey.runtime.settings.checks import described_rules
from valetkey.runtime.settings.forms import forms_of_settings
from valetkey.runtime.settings.reader import table
from valetkey.runtime.settings.settings import Settings

CHART = Path(__file__).resolve().parents[2] / "helm" / "valetkey"
VALUES = CHART / "values.yaml"
SCHEMA = CHART / "values.schema.json"
README = CHART / "README.md"
BEGIN, END = "<!-- values: made by make chart-docs -->\n", "<!-- end of values -->\n"

CHECKED_SETTINGS = CHART / "files" / "settings.json"
# Settings that other values stand for, and those values.
VALUES_OF_SETTINGS = {
    "issuer": "issuer",
    "environment": "environment",
    "trusted_proxies": "trustedProxies",
    "drain_delay": "shutdown.drainSeconds",
    "shutdown_grace": "shutdown.graceSeconds",
    "redis_url": "redis.url",
    "otlp_endpoint": "tracing.otlpEndpoint",
    "trace_sample_ratio": "tracing.sampleRatio",
    "theme_name": "theme.name",
    "theme_colour": "theme.colour",
    "languages": "languages.offered",
    "default_language": "languages.default",
    "mail_host": "mail.host",
    "mail_port": "mail.port",
    "mail_tls": "mail.tls",
    "mail_from": "mail.from",
    "mail_user": "mail.user",
}
# Settings that the chart decides, or puts together.
DECIDED = {
    *("host", "port", "management_host", "management_port", "log_format", "reuse_port"),
    *("postgres_dsn", "postgres_listen_dsn", "theme_logo", "templates_directory", "mail_templates_directory"),
    "languages_directory",
}
HAVE_THEIR_OWN_VALUES = VALUES_OF_SETTINGS.keys() | DECIDED
SERVICES = ("authorize", "token", "introspection", "mailer", "compact")
ValuePath = tuple[str, ...]
_LINE = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z]\w*):(?P<rest>.*)$")


def settings_of_values() -> list[str]:
    """The names that `settings` may have: whatever is neither a secret nor another value's business."""
    return [name for name, row in table(Settings).items() if not row.secret and name not in HAVE_THEIR_OWN_VALUES]


def checked_settings() -> dict[str, Any]:
    """What the chart checks of settings, as ``files/settings.json``: the form of each text, and rules between them."""
    return {
        "settings": {
            name: {"value": VALUES_OF_SETTINGS[name], **form} if name in VALUES_OF_SETTINGS else form
            for name, form in forms_of_settings().items()
            if name not in DECIDED
        },
        "rules": described_rules(),
    }


def _lines(checked: Mapping[str, Any]) -> str:
    """JSON with a line for each setting and rule."""
    settings = ",\n".join(f"  {json.dumps(name)}: {json.dumps(form)}" for name, form in checked["settings"].items())
    rules = ",\n".join(f"  {json.dumps(rule)}" for rule in checked["rules"])
    return f'{{\n "settings": {{\n{settings}\n }},\n "rules": [\n{rules}\n ]\n}}\n'


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
    """What README.md, the schema and the settings that are checked ought to be."""
    text = VALUES.read_text(encoding="utf-8")
    descriptions = dict(described(text))
    schema = described_schema(json.loads(SCHEMA.read_text(encoding="utf-8")), descriptions)
    readme = README.read_text(encoding="utf-8")
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    return {
        SCHEMA: json.dumps(schema, indent=2, ensure_ascii=False) + "\n",
        CHECKED_SETTINGS: _lines(checked_settings()),
        README: before + BEGIN + "\n" + table_of_values(yaml.safe_load(text), descriptions) + "\n" + END + after,
    }


def main() -> None:
    """Write all of it."""
    for path, text in documents().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
