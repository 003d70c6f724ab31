"""What a service says of itself at ``/metrics``: how often it was asked, and how often it asked its stores."""

from __future__ import annotations

import urllib.request
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

_REQUESTS = "http_server_request_duration_seconds_count"
_OPERATIONS = "db_client_operation_duration_seconds_count"


@dataclass(frozen=True, slots=True)
class Counters:
    """So many since the service began."""

    requests: float
    sql: float
    redis: float

    def since(self, before: Counters) -> Counters:
        """So many since then."""
        return Counters(self.requests - before.requests, self.sql - before.sql, self.redis - before.redis)

    @property
    def sql_per_request(self) -> float:
        """Statements in PostgreSQL for each request; what the service asks by itself now and then is among them."""
        return self.sql / self.requests if self.requests else 0.0

    @property
    def redis_per_request(self) -> float:
        """Exchanges with Redis for each request; below 1 where requests share them."""
        return self.redis / self.requests if self.requests else 0.0


def read_counters(management_url: str) -> Counters:
    """As they are now."""
    with urllib.request.urlopen(f"{management_url}/metrics", timeout=10) as answer:  # noqa: S310 - an address of ours
        return counters_in(answer.read().decode())


def counters_in(text: str) -> Counters:
    """Those in what Prometheus would scrape."""
    requests, operations = 0.0, {"postgresql": 0.0, "redis": 0.0}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == _REQUESTS:
                requests += sample.value
            elif sample.name == _OPERATIONS:
                operations[sample.labels["db_system_name"]] += sample.value
    return Counters(requests, operations["postgresql"], operations["redis"])
