"""Every audit event."""

from __future__ import annotations

from valetkey.runtime.telemetry.audit_events import AUDIT_EVENTS, FIELDS

_HEAD = """# Audit events

<!-- Made from the code by `make docs-reference`. -->

One JSON object a line: of services on standard output, of the command line on standard error. Fields without a value
are left out. No event holds a token, a code, a secret or a password; sessions and `jti` are hashed: SHA-256, base64url.

```json
{"log":"audit","time":"2026-01-31T12:00:00.000+00:00","service":"authorize","type":"login","outcome":"success","trace_id":"...","subject":"...","client_id":"web","amr":["pwd"],"session_hash":"...","address":"192.0.2.1"}
```

## Events

| `type` | written by | when |
|---|---|---|
"""


def render() -> str:
    """The page."""
    events = "".join(f"| `{event.type}` | {event.service} | {event.when} |\n" for event in AUDIT_EVENTS)
    fields = "".join(f"| `{name}` | {words} |\n" for name, words in FIELDS.items())
    return f"{_HEAD}{events}\n## Fields\n\n| field | is |\n|---|---|\n{fields}"
