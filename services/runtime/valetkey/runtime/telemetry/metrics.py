"""Everything that is counted and measured: the table behind METRICS.md."""

from __future__ import annotations

from valetkey.runtime.telemetry.metric import SECONDS, Count, Duration, Level

_AUTHORIZE = ("authorize",)
_TOKEN = ("token",)
_INTROSPECTION = ("introspection",)
_MAILER = ("mailer",)

# Requests
HTTP_REQUEST = Duration(
    "http_server_request_duration_seconds",
    "Duration of HTTP requests on the public port, and how they ended.",
    "http_request_method",
    "http_route",
    "http_response_status_code",
    "error_type",
)
HTTP_MALFORMED = Count("valetkey_http_malformed_requests", "Requests that are not HTTP as we accept it.")
HTTP_SHED = Count(
    "valetkey_http_shed",
    "Requests or connections that were one too many for the process, answered with 503.",
    "limit",
)
UNTRUSTED_PROXY = Count(
    "valetkey_untrusted_proxy_windows",
    "Times that all of ten or more requests, of a minute or more, had been forwarded by private addresses that "
    "VALETKEY_TRUSTED_PROXIES does not name.",
)
EVENT_LOOP_LAG = Duration(
    "valetkey_event_loop_lag_seconds",
    "How much later than asked the event loop came back, looked at twice a second.",
    buckets=(0.001, *SECONDS),
)
BUILD = Level("valetkey_build_info", "Always 1; the labels tell what is running.", "version", "component")

# Stores
DATABASE_OPERATION = Duration(
    "db_client_operation_duration_seconds",
    "Duration of PostgreSQL statements and Redis commands, with the wait for a connection.",
    "db_system_name",
    "db_operation_name",
    "error_type",
    buckets=(0.001, *SECONDS),
)
DATABASE_CONNECTIONS = Level(
    "db_client_connection_count", "Connections by state, idle or used.", "db_system_name", "db_client_connection_state"
)
DATABASE_MAX = Level("db_client_connection_max", "Most connections that may be open.", "db_system_name")
DATABASE_WAITING = Level("db_client_connection_pending_requests", "Waiting for a connection.", "db_system_name")
DATABASE_REFUSED = Count(
    "valetkey_database_connections_refused", "Refused because too many waited for a connection to PostgreSQL."
)
STORED_VALUES_REFUSED = Count(
    "valetkey_stored_values_refused",
    "Values in Redis that were treated as absent: altered, moved, too old, not sealed, or sealed with an unknown key.",
    "kind",
    "reason",
    services=(*_AUTHORIZE, *_TOKEN),
)
PLAIN_VALUES = Level(
    "valetkey_plain_values",
    "Whether values in Redis that are not sealed are read, and written: 1, or 0.",
    "access",
    services=(*_AUTHORIZE, *_TOKEN),
)
REDIS_MEMORY_USED = Level(
    "valetkey_redis_memory_used_bytes", "Memory that Redis uses, as it counts towards maxmemory; of the fullest master."
)
REDIS_MEMORY_MAX = Level("valetkey_redis_memory_max_bytes", "The maxmemory of that master; 0 where it has none.")
REDIS_RESERVE_REFUSALS = Count(
    "valetkey_redis_reserve_refusals", "What was not written because Redis has only its reserve left.", "kind"
)
MIGRATIONS_PENDING = Level("valetkey_migrations_pending", "Migrations that this release needs and the database lacks.")
CLOCK_SKEW = Level(
    "valetkey_clock_skew_seconds", "How far PostgreSQL's clock is ahead of this process's, looked at once a minute."
)

# Browsers
AUTHORIZATION_REQUESTS = Count(
    "valetkey_authorization_requests", "Authorization requests.", "result", "error", services=_AUTHORIZE
)
CODES_WITHOUT_PKCE = Count(
    "valetkey_codes_without_pkce",
    "Authorization codes issued without a code challenge, to clients that are registered so.",
    services=_AUTHORIZE,
)
LOGIN_ATTEMPTS = Count("valetkey_login_attempts", "Login attempts.", "method", "result", services=_AUTHORIZE)
CREDENTIAL_CHANGES = Count(
    "valetkey_credential_changes",
    "Ways to sign in that users have set up or removed themselves: added or removed.",
    "method",
    "change",
    services=_AUTHORIZE,
)
PASSWORD_RECOVERIES = Count(
    "valetkey_password_recoveries",
    "Forgotten passwords: links that were asked for, and sent or not_sent; passwords that were changed behind one, and "
    "links that were dead when they were opened.",
    "result",
    services=_AUTHORIZE,
)
CONSENTS = Count("valetkey_consents", "Consent decisions.", "result", services=_AUTHORIZE)
SESSIONS = Level(
    "valetkey_sessions",
    "Live login sessions of the whole installation, looked up once a minute; PostgreSQL's estimate for a large table.",
    services=_AUTHORIZE,
)
PASSWORD_HASH = Duration(
    "valetkey_password_hash_duration_seconds",
    "Duration of checking a password, without its wait: one hash, or where it is wrong one of each set of parameters.",
    services=_AUTHORIZE,
)
PASSWORD_PARAMETERS = Level(
    "valetkey_password_parameters",
    "Sets of parameters that stored password hashes have, and new ones; a wrong password costs one hash of each.",
    services=_AUTHORIZE,
)
PASSWORD_QUEUE = Level("valetkey_password_hash_queue", "Password hashes waiting or under way.", services=_AUTHORIZE)
PASSWORD_QUEUE_LIMIT = Level(
    "valetkey_password_hash_queue_limit", "Most password hashes waiting or under way.", services=_AUTHORIZE
)
PASSWORD_SHED = Count(
    "valetkey_password_hashes_refused",
    "Password hashes refused because the queue was full or too slow.",
    services=_AUTHORIZE,
)
RATE_LIMITED = Count("valetkey_rate_limited", "What a rate limit refused, by limit.", "limit")

# Clients
CLIENT_AUTHENTICATIONS = Count(
    "valetkey_client_authentications",
    "Client authentications.",
    "method",
    "result",
    services=(*_TOKEN, *_INTROSPECTION),
)
TOKENS_ISSUED = Count("valetkey_tokens_issued", "Token responses.", "grant", services=_TOKEN)
TOKEN_ERRORS = Count("valetkey_token_errors", "Token requests refused.", "grant", "error", services=_TOKEN)
REFRESH_REUSE = Count(
    "valetkey_refresh_token_reuse",
    "Authorizations revoked because a refresh token was reused, or PostgreSQL had forgotten it.",
    services=_TOKEN,
)
CODE_REPLAYS = Count("valetkey_authorization_code_replays", "Codes presented a second time.", "result", services=_TOKEN)
INTROSPECTIONS = Count("valetkey_introspections", "Introspections.", "outcome", services=_INTROSPECTION)
REVOCATIONS = Count("valetkey_revocations", "Revocations recorded.", "kind", services=_TOKEN)

# Mail
MAILS = Count(
    "valetkey_mails", "Attempts to send a mail: sent, deferred or failed.", "kind", "result", services=_MAILER
)
MAIL_SEND = Duration(
    "valetkey_mail_send_duration_seconds",
    "Duration of handing one mail to the SMTP server, connecting apart.",
    services=_MAILER,
)
MAIL_SERVER_FAILURES = Count(
    "valetkey_mail_server_failures",
    "Times that no mail could be tried, because the SMTP server was away, or refused TLS, our login or our sender.",
    "reason",
    services=_MAILER,
)
MAIL_QUEUE = Level("valetkey_mail_queue", "Mails of the whole installation that wait to be sent.", services=_MAILER)
MAIL_QUEUE_AGE = Level(
    "valetkey_mail_queue_age_seconds", "How long the oldest of them has waited; 0 where none does.", services=_MAILER
)

# Keys
JWKS_AGE = Level("valetkey_jwks_age_seconds", "How long ago the JWK Set in memory was found to be current.")
JWK_SET_VERSION = Level(
    "valetkey_jwk_set_version", "A number that is the same on every replica that has the same JWK Set in memory."
)
SIGNING_KEYS = Level("valetkey_signing_keys", "Signing keys by state.", "algorithm", "state", services=_TOKEN)
SIGNING_KEY_AGE = Level(
    "valetkey_signing_key_age_seconds",
    "How long the oldest signing key of this state has been in it.",
    "algorithm",
    "state",
    services=_TOKEN,
)
NEXT_KEY_ROTATION = Level(
    "valetkey_next_key_rotation_timestamp_seconds",
    "When the key rotation job has something to do for this algorithm, in seconds since 1970.",
    "algorithm",
    services=_TOKEN,
)
