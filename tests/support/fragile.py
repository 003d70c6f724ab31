"""A system on stores of its own that can be taken away, and that leaves a trace of every request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from support.relying_party import ClientIdentity
    from support.system import System
    from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
    from valetkey.demo.stores.embedded_redis import EmbeddedRedis


@dataclass(frozen=True, slots=True)
class Fragile:
    """A test that takes a store away brings it back with ``mend``."""

    system: System
    postgres: EmbeddedPostgres
    redis: EmbeddedRedis
    spans: InMemorySpanExporter
    resource_servers: dict[str, ClientIdentity]

    def mend(self) -> None:
        """Start what does not run. Redis comes back empty."""
        self.postgres.start()
        self.redis.start()
