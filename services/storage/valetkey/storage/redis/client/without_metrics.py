"""Imports redis-py as where there is no SDK of OpenTelemetry.

redis-py has metrics of its own, which are off unless asked for and would load that SDK all the same: 30 ms of a start,
and memory. Commands are counted and timed in ``errors.py``.
"""

import sys

_SDK = "opentelemetry.sdk.metrics"

if _SDK not in sys.modules:
    # Python's language reference, §5.3.1: None in this place says that a module is not there.
    sys.modules[_SDK] = None  # type: ignore[assignment]
    try:
        import redis.asyncio  # noqa: F401 - for what it leaves in sys.modules
    finally:
        del sys.modules[_SDK]
