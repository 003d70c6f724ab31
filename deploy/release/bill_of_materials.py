"""What cyclonedx-py cannot know: which of the packages of a bill of materials are ours, and on no index."""

from __future__ import annotations

import json
from collections.abc import Set as AbstractSet
from typing import Any


def with_ours(text: str, rooms: AbstractSet[str]) -> str:
    """The bill, in which nothing says that a distribution of ours came from an index."""
    bill = json.loads(text)
    bill["components"] = [
        _ours(component) if component["name"] in rooms else component for component in bill["components"]
    ]
    return json.dumps(bill, indent=2, sort_keys=True) + "\n"


def _ours(component: dict[str, Any]) -> dict[str, Any]:
    name, version = component["name"], component["version"]
    kept = {key: value for key, value in component.items() if key != "externalReferences"}
    return {**kept, "description": "a room of Valetkey", "purl": f"pkg:generic/{name}@{version}"}
