"""How much the attributes of a user may take together: more would not fit into a token."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BYTES = 16 << 10


def claims_size(claims: Mapping[str, object]) -> int:
    """The bytes of these attributes as JSON."""
    return len(json.dumps(dict(claims)))
