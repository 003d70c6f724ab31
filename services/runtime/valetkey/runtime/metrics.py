"""What is counted and measured, with labels that stay bounded whatever a stranger sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector

if TYPE_CHECKING:
    from collections.abc import Sequence

REGISTRY = CollectorRegistry()
OTHER = "other"
# More label sets than the product has; a label that a bug lets strangers choose ends up as "other" here.
MAX_LABEL_SETS = 500
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)


class Count:
    """A counter whose label sets are bound once and then only looked up."""

    def __init__(self, name: str, doc: str, *labels: str, registry: CollectorRegistry = REGISTRY) -> None:
        self._counter = Counter(name, doc, labels, registry=registry)
        self._labels = len(labels)
        self._bound: dict[tuple[str, ...], Counter] = {}

    def add(self, *labels: str, amount: int = 1) -> None:
        """Count one more, or ``amount`` more, under these labels in their declared order."""
        bound = self._bound.get(labels)
        (bound if bound is not None else self._bind(labels)).inc(amount)

    def _bind(self, labels: tuple[str, ...]) -> Counter:
        if len(self._bound) >= MAX_LABEL_SETS:
            labels = (OTHER,) * self._labels
        bound = self._counter.labels(*labels) if labels else self._counter
        self._bound[labels] = bound
        return bound


class Duration:
    """A histogram of seconds whose label sets are bound once and then only looked up."""

    def __init__(
        self,
        name: str,
        doc: str,
        *labels: str,
        buckets: Sequence[float] = _SECONDS,
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        self._histogram = Histogram(name, doc, labels, buckets=buckets, registry=registry)
        self._labels = len(labels)
        self._bound: dict[tuple[str, ...], Histogram] = {}

    def observe(self, seconds: float, *labels: str, trace_id: str = "") -> None:
        """Record one duration; ``trace_id`` makes it an exemplar, so give it for sampled requests only."""
        bound = self._bound.get(labels)
        if bound is None:
            bound = self._bind(labels)
        bound.observe(seconds, {"trace_id": trace_id} if trace_id else None)

    def _bind(self, labels: tuple[str, ...]) -> Histogram:
        if len(self._bound) >= MAX_LABEL_SETS:
            labels = (OTHER,) * self._labels
        bound = self._histogram.labels(*labels) if labels else self._histogram
        self._bound[labels] = bound
        return bound


class Level:
    """A gauge that is shown once it was set; its labels come from our own code, never from a request."""

    def __init__(self, name: str, doc: str, *labels: str, registry: CollectorRegistry = REGISTRY) -> None:
        self._gauge = Gauge(name, doc, labels, registry=None)
        self._registry: CollectorRegistry | None = registry

    def set(self, value: float, *labels: str) -> None:
        """Set the level under these labels in their declared order."""
        self._bound(labels).set(value)

    def change(self, by: float, *labels: str) -> None:
        """Raise or lower the level."""
        self._bound(labels).inc(by)

    def _bound(self, labels: tuple[str, ...]) -> Gauge:
        # A process that never learns a level must not claim that it is zero.
        if self._registry is not None:
            self._registry.register(self._gauge)
            self._registry = None
        return self._gauge.labels(*labels) if labels else self._gauge


ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

HTTP_REQUEST = Duration(
    "http_server_request_duration_seconds",
    "Duration of HTTP requests.",
    "http_request_method",
    "http_route",
    "http_response_status_code",
    "error_type",
)
HTTP_MALFORMED = Count("valetkey_http_malformed_requests", "Requests that are not HTTP as we accept it.")
DATABASE_OPERATION = Duration(
    "db_client_operation_duration_seconds",
    "Duration of PostgreSQL statements and Redis commands.",
    "db_system_name",
    "db_operation_name",
    "error_type",
    buckets=(0.001, *_SECONDS),
)
DATABASE_CONNECTIONS = Level(
    "db_client_connection_count", "Connections by state, idle or used.", "db_system_name", "db_client_connection_state"
)
DATABASE_WAITING = Level("db_client_connection_pending_requests", "Waiting for a connection.", "db_system_name")

AUTHORIZATION_REQUESTS = Count("valetkey_authorization_requests", "Authorization requests.", "result", "error")
LOGIN_ATTEMPTS = Count("valetkey_login_attempts", "Login attempts.", "method", "result")
CONSENTS = Count("valetkey_consents", "Consent decisions.", "result")
PASSWORD_HASH = Duration("valetkey_password_hash_duration_seconds", "Duration of password hashing, without its wait.")
PASSWORD_QUEUE = Level("valetkey_password_hash_queue", "Password hashes waiting or under way.")
PASSWORD_SHED = Count("valetkey_password_hashes_refused", "Password hashes refused because the queue was full.")
RATE_LIMITED = Count("valetkey_rate_limited", "Attempts refused by a rate limit.", "limit")
TOKENS_ISSUED = Count("valetkey_tokens_issued", "Token responses.", "grant")
TOKEN_ERRORS = Count("valetkey_token_errors", "Token requests refused.", "grant", "error")
CLIENT_AUTHENTICATIONS = Count("valetkey_client_authentications", "Client authentications.", "method", "result")
REFRESH_REUSE = Count("valetkey_refresh_token_reuse", "Authorizations revoked because a refresh token was reused.")
CODE_REPLAYS = Count("valetkey_authorization_code_replays", "Codes presented a second time.", "result")
INTROSPECTIONS = Count("valetkey_introspections", "Introspections.", "outcome")
REVOCATIONS = Count("valetkey_revocations", "Revocations recorded.", "kind")
JWKS_AGE = Level("valetkey_jwks_age_seconds", "How long ago the JWK Set in memory was found to be current.")
BUILD = Level("valetkey_build_info", "Always 1.", "version", "service")
