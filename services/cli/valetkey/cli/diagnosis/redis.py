"""Whether Redis is there."""

from __future__ import annotations

import time
from datetime import timedelta

from valetkey.cli.diagnosis.finding import Finding, skipped, unwell, well
from valetkey.core.errors import TemporarilyUnavailable
from valetkey.runtime.redaction import redact
from valetkey.runtime.redis.connection import connect
from valetkey.runtime.redis.errors import redis_operation
from valetkey.runtime.settings import Settings


async def examine_redis(settings: Settings) -> Finding:
    """Connection."""
    if not settings.redis_url.is_set:
        advice = "Set VALETKEY_REDIS_URL: commands that end sessions, users or clients need it."
        return skipped("redis", "VALETKEY_REDIS_URL is not set", advice)
    redis = connect(settings.redis_url.reveal(), timeout=timedelta(seconds=settings.redis_timeout), max_connections=1)
    started = time.perf_counter()
    try:
        with redis_operation("ping"):
            await redis.ping()
    except TemporarilyUnavailable as error:
        advice = "Check that VALETKEY_REDIS_URL names the server, that it runs, and that it is not full or read-only."
        return unwell("redis", redact(str(error)), advice)
    finally:
        await redis.aclose()
    return well("redis", f"answered in {(time.perf_counter() - started) * 1000:.0f} ms")
