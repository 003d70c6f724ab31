"""Text that would control a terminal, hide itself, or look like other text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

BIDIRECTIONAL = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff\U000e0041"
CONTROLS = "\x07\x08\t\r\n\x0b\x0c\x1b[2J\x1b]0;title\x07\x7f\x85\x9b31m"
LINE_BREAKS = "\u2028\u2029"
# What PostgreSQL can keep: everything but NUL and halves of characters.
STORABLE = f"ada{CONTROLS}{LINE_BREAKS}{BIDIRECTIONAL}{INVISIBLE}valetkey: all is well"
HALVES = "\udcff\ud800"
HOSTILE = f"{STORABLE}\0{HALVES}"


def hidden_in(printed: str) -> set[str]:
    """The unprintable characters in what was printed, line breaks apart."""
    return {character for character in printed if not character.isprintable() and character != "\n"}


def write_hostile_exports(folder: Path) -> None:
    """Users of other systems, as JSON Lines and as JSON that is an export of each of them."""
    user = {"username": STORABLE, "groups": [STORABLE], STORABLE: STORABLE, "credentials": [{"type": STORABLE}]}
    (folder / "hostile.jsonl").write_text(f"{json.dumps(user)}\n{STORABLE}\n")
    group = {"name": "made", "path": "/made", STORABLE: STORABLE}
    export = {"groups": [group], "users": [user], "items": [user], "results": [user]}
    (folder / "hostile.json").write_text(json.dumps(export))
