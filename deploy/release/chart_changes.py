"""What a release changed, as Artifact Hub shows it beside the chart: annotations of ``Chart.yaml``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from deploy.release.changelog import FILE
from deploy.release.refusal import Refusal

# The headings of Keep a Changelog, each of which Artifact Hub has as a kind.
_KINDS = frozenset({"Added", "Changed", "Deprecated", "Fixed", "Removed", "Security"})
_ENTRY = re.compile(r"^- (.*(?:\n  .*)*)", re.MULTILINE)
# A page of the repository is not there beside the chart.
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


def with_changes(chart: str, changes: str) -> str:
    """``Chart.yaml`` with the entries of this section of the changelog. Raises ``Refusal``."""
    entries = list(_entries(changes))
    # A string of JSON is one of YAML.
    quoted = [(kind, json.dumps(text, ensure_ascii=False)) for kind, text in entries]
    listed = "".join(f"    - kind: {kind}\n      description: {text}\n" for kind, text in quoted)
    has_security_updates = str(any(kind == "security" for kind, _ in entries)).lower()
    return f"""\
{chart.rstrip()}
annotations:
  artifacthub.io/containsSecurityUpdates: "{has_security_updates}"
  artifacthub.io/changes: |
{listed}"""


def _entries(changes: str) -> Iterator[tuple[str, str]]:
    """Kind and text of each, in order."""
    before, *parts = re.split(r"^### (.*)\n", changes, flags=re.MULTILINE)
    if before.strip():
        raise Refusal(f"{FILE} says something above the first heading: {before.strip().splitlines()[0]!r}")
    for heading, body in zip(parts[::2], parts[1::2], strict=True):
        if heading not in _KINDS:
            raise Refusal(f"{FILE} has a heading {heading!r}, which is none of {', '.join(sorted(_KINDS))}")
        for entry in _ENTRY.finditer(body):
            yield heading.lower(), _plain(entry[1])


def _plain(text: str) -> str:
    """One line, without links and stress."""
    return " ".join(_LINK.sub(r"\1", text).replace("**", "").split())
