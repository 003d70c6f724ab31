"""The header by which one span names another. W3C Trace Context §3.2."""

from __future__ import annotations

import re
from typing import NamedTuple

_HEADER = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_SAMPLED = 1


class SpanReference(NamedTuple):
    """A span somewhere: its trace id, 32 hexadecimal digits, its own, 16, and whether it is recorded."""

    trace_id: str
    span_id: str
    is_sampled: bool = True


def parse_traceparent(value: str) -> SpanReference | None:
    """The span that is named, or None if the header is malformed. W3C Trace Context §3.2."""
    found = _HEADER.fullmatch(value)
    if found is None:
        return None
    trace_id, span_id, flags = found.groups()
    if not (int(trace_id, 16) and int(span_id, 16)):
        return None
    return SpanReference(trace_id, span_id, is_sampled=bool(int(flags, 16) & _SAMPLED))


def to_traceparent(span: SpanReference) -> str:
    """The header that names a span."""
    return f"00-{span.trace_id}-{span.span_id}-{int(span.is_sampled):02x}"
