"""Every setting there is, in one table; read once, all problems reported at once.

What a setting means to a grant or a page is not known here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Self

from valetkey.core.authentication.relying_party import RelyingParty, has_passkeys, relying_party
from valetkey.core.client.client import AudienceParameter
from valetkey.core.client.installation_rules import InstallationRules
from valetkey.core.routes import issuer_path
from valetkey.core.sealed_value import SealingKeys
from valetkey.runtime.settings import reader
from valetkey.runtime.settings import types as t
from valetkey.runtime.settings.account import AccountSettings
from valetkey.runtime.settings.checks import check
from valetkey.runtime.settings.dsn import with_postgres_password
from valetkey.runtime.settings.keys import key_list, named_key_list, sealing_key_list
from valetkey.runtime.settings.language import LanguageSettings
from valetkey.runtime.settings.mail import MailSettings
from valetkey.runtime.settings.reader import SERVICES, TOGETHER, Service, Setting, SettingsError
from valetkey.runtime.settings.redis import with_redis_passwords
from valetkey.runtime.settings.secret import Secret
from valetkey.runtime.settings.sign_in import KeepSignedIn, SignInSettings

__all__ = ["SERVICES", "TOGETHER", "Secret", "Service", "Settings", "SettingsError"]

HOUR = 3600
DAY = 86400
_BROWSERS: tuple[Service, ...] = ("authorize",)
_SERVERS: tuple[Service, ...] = ("authorize", "token", "introspection")
_SIGNERS: tuple[Service, ...] = ("token", "key_rotation")


@dataclass(frozen=True, kw_only=True)
class Settings(SignInSettings, AccountSettings, MailSettings, LanguageSettings):
    """The frozen settings of one process. Durations are seconds, sizes are bytes unless the table says otherwise."""

    # Who we are
    issuer: Annotated[
        str,
        Setting(
            t.issuer,
            "Issuer identifier: the public base URL, as clients compare it.",
            required_by=(*_SERVERS, "mailer"),
        ),
    ] = ""
    environment: Annotated[str, Setting(t.label, "Name of this installation in logs and traces.")] = "production"

    # Listening
    host: Annotated[str, Setting(t.bind_host, "Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Setting(t.port, "Public port; 0 picks a free one.")] = 8080
    management_host: Annotated[str, Setting(t.bind_host, "Address for health and metrics.")] = "127.0.0.1"
    management_port: Annotated[int, Setting(t.port, "Port for health and metrics; 0 picks a free one.")] = 9090
    reuse_port: Annotated[
        bool, Setting(t.reuse_port, "Whether other processes of the same user may listen on the public port too.")
    ] = False
    trusted_proxies: Annotated[
        tuple[t.Network, ...],
        Setting(t.networks, "Networks whose X-Forwarded-For is believed, for limits and audit only."),
    ] = ()
    max_body_bytes: Annotated[int, Setting(t.integer(1024, 1 << 20, "bytes"), "Largest request body.")] = 65536
    body_timeout: Annotated[
        float,
        Setting(t.timeout(0.001, 60), "How long a client may take to send its body, or to go on reading its answer."),
    ] = 10.0
    keepalive_timeout: Annotated[
        int,
        Setting(t.seconds(1, HOUR), "How long a connection may be idle, or take to send its headers."),
    ] = 75
    max_connections: Annotated[
        int,
        Setting(
            t.integer(0, 1_000_000),
            "Most connections a process holds; 0: what its file descriptors allow, up to 4096.",
        ),
    ] = 0
    connections_per_address: Annotated[
        int,
        Setting(
            t.integer(0, 1_000_000),
            "Most connections of one address (IPv6: one /64), trusted proxies apart; 0: a quarter of max_connections, "
            "or of max_requests_in_flight where that is less.",
        ),
    ] = 0
    max_requests_in_flight: Annotated[
        int, Setting(t.integer(1, 1_000_000), "Most requests in progress in a process; more are answered with 503.")
    ] = 1024
    drain_delay: Annotated[
        float, Setting(t.timeout(0, 300), "After SIGTERM: serve on for this long while endpoints are withdrawn.")
    ] = 5.0
    shutdown_grace: Annotated[
        float, Setting(t.timeout(0, 300), "After the drain: how long requests in flight may take to finish.")
    ] = 20.0

    # PostgreSQL and Redis
    postgres_dsn: Annotated[
        Secret[str],
        Setting(t.postgres_dsn, "PostgreSQL connection.", required_by=SERVICES, secret=True),
    ] = field(default=Secret.unset("VALETKEY_POSTGRES_DSN"))
    postgres_password: Annotated[
        Secret[str],
        Setting(t.password, "Password of the user in a PostgreSQL URL that holds none.", secret=True),
    ] = field(default=Secret.unset("VALETKEY_POSTGRES_PASSWORD"))
    postgres_pooler: Annotated[
        str,
        Setting(t.choice("none", "transaction"), "Whether VALETKEY_POSTGRES_DSN leads to a pooler (PgBouncer)."),
    ] = "none"
    postgres_listen_dsn: Annotated[
        Secret[str],
        Setting(
            t.postgres_dsn,
            "PostgreSQL past the pooler, to hear of changes at once and to migrate; else replicas look regularly.",
            secret=True,
        ),
    ] = field(default=Secret.unset("VALETKEY_POSTGRES_LISTEN_DSN"))
    postgres_pool_min: Annotated[int, Setting(t.integer(0, 100), "Connections kept open.")] = 1
    postgres_pool_max: Annotated[int, Setting(t.integer(1, 200), "Most connections opened.")] = 10
    postgres_timeout: Annotated[
        float, Setting(t.timeout(0.001, 60), "Longest wait for a connection or a statement.")
    ] = 5.0
    redis_url: Annotated[
        Secret[str],
        Setting(t.redis_url, "Redis, its Sentinels or nodes of its Cluster.", required_by=_SERVERS, secret=True),
    ] = field(default=Secret.unset("VALETKEY_REDIS_URL"))
    redis_password: Annotated[
        Secret[str],
        Setting(t.password, "Password of the user in a Redis URL that holds none.", secret=True),
    ] = field(default=Secret.unset("VALETKEY_REDIS_PASSWORD"))
    redis_sentinel_password: Annotated[
        Secret[str],
        Setting(t.password, "Password of the Sentinels in a Redis URL, where they have one.", secret=True),
    ] = field(default=Secret.unset("VALETKEY_REDIS_SENTINEL_PASSWORD"))
    redis_timeout: Annotated[float, Setting(t.timeout(0.001, 60), "Longest wait for Redis.")] = 1.0
    redis_reserve: Annotated[
        float,
        Setting(
            t.fraction(0.5),
            "Share of Redis' maxmemory kept for revocations; no login begins in half as much before it. 0: none.",
        ),
    ] = 0.2

    # Keys
    refresh_token_keys: Annotated[
        Secret[tuple[bytes, ...]],
        Setting(
            key_list,
            "MAC keys of refresh tokens: the first makes new ones, all are accepted.",
            required_by=("token",),
            secret=True,
        ),
    ] = field(default=Secret.unset("VALETKEY_REFRESH_TOKEN_KEYS"))
    cookie_keys: Annotated[
        Secret[tuple[bytes, ...]],
        Setting(
            key_list,
            "MAC keys of browser cookies and form tokens: the first makes new ones, all are accepted.",
            required_by=_BROWSERS,
            secret=True,
        ),
    ] = field(default=Secret.unset("VALETKEY_COOKIE_KEYS"))
    sealing_keys: Annotated[
        Secret[SealingKeys],
        Setting(
            sealing_key_list,
            'Keys that seal codes and logins in Redis, for authorize and token: the first seals, all open; "plain" in '
            "their list: not sealed. Unset is as plain.",
            secret=True,
        ),
    ] = field(default=Secret.unset("VALETKEY_SEALING_KEYS"))
    key_encryption_keys: Annotated[
        Secret[tuple[tuple[str, bytes], ...]],
        Setting(
            named_key_list,
            "Keys that seal private signing keys: the first seals, all open.",
            required_by=_SIGNERS,
            secret=True,
        ),
    ] = field(default=Secret.unset("VALETKEY_KEY_ENCRYPTION_KEYS"))
    signing_algorithms: Annotated[
        tuple[str, ...],
        Setting(t.choices("ES256", "RS256"), "Signature algorithms kept ready; the first signs access tokens."),
    ] = ("ES256", "RS256")
    id_token_signing_alg: Annotated[
        str,
        Setting(
            t.choice("ES256", "RS256"),
            "Algorithm of ID tokens for clients that register none; unset: RS256, or the first of signing_algorithms "
            "if RS256 is not among them.",
        ),
    ] = ""
    jwks_max_age: Annotated[int, Setting(t.seconds(10, DAY), "How long others may cache the JWK Set.")] = 300
    key_activation_margin: Annotated[
        int, Setting(t.seconds(0, DAY), "Wait this much longer than jwks_max_age before a published key signs.")
    ] = 60
    key_active_period: Annotated[int, Setting(t.seconds(HOUR, 400 * DAY), "How long a key signs.")] = 30 * DAY
    key_poll_interval: Annotated[int, Setting(t.seconds(1, 300), "How often replicas look for new keys.")] = 15
    replica_timeout: Annotated[
        int, Setting(t.seconds(30, HOUR), "A replica that has not reported its keys for this long is gone.")
    ] = 120

    # Lifetimes
    authorization_code_lifetime: Annotated[int, Setting(t.seconds(5, 60), "Lifetime of authorization codes.")] = 60
    login_lifetime: Annotated[int, Setting(t.seconds(60, HOUR), "How long a login and consent may take.")] = 900
    access_token_lifetime: Annotated[int, Setting(t.seconds(60, HOUR), "Lifetime of access tokens.")] = 600
    id_token_lifetime: Annotated[int, Setting(t.seconds(60, HOUR), "Lifetime of ID tokens.")] = 600
    refresh_token_idle_lifetime: Annotated[
        int, Setting(t.seconds(60, 400 * DAY), "A refresh token unused for this long is dead.")
    ] = 14 * DAY
    refresh_token_lifetime: Annotated[
        int, Setting(t.seconds(60, 400 * DAY), "Longest life of an authorization through refreshing.")
    ] = 90 * DAY
    refresh_grace: Annotated[
        int, Setting(t.seconds(0, 60), "Within this time a repeated refresh gets the same successor again.")
    ] = 10
    session_idle_lifetime: Annotated[int, Setting(t.seconds(60, 90 * DAY), "An unused login session ends.")] = 12 * HOUR
    session_lifetime: Annotated[int, Setting(t.seconds(60, 400 * DAY), "Every login session ends.")] = 14 * DAY

    # What clients may be registered for
    pkce_exceptions: Annotated[
        bool,
        Setting(t.switch, "Whether the registration of a confidential client may let it off PKCE (pkce: optional)."),
    ] = True

    audience_parameter: Annotated[
        str,
        Setting(
            t.choice(*AudienceParameter),
            "What the parameter audience is at /authorize and /token for clients whose registration does not say: "
            "refused, or another name of resource (RFC 8707).",
        ),
    ] = AudienceParameter.REFUSE.value

    # Clients in memory
    client_cache_size: Annotated[int, Setting(t.integer(0, 1_000_000), "Most clients kept in memory.")] = 10_000
    client_cache_lifetime: Annotated[int, Setting(t.seconds(0, HOUR), "How long a cached client is fresh.")] = 60
    client_stale_lifetime: Annotated[
        int, Setting(t.seconds(0, HOUR), "How long a cached client serves while PostgreSQL is away.")
    ] = 600

    # Passwords and logins. Costs: OWASP Password Storage Cheat Sheet; two workers fit a small container.
    password_time_cost: Annotated[int, Setting(t.integer(1, 20), "Argon2id passes.")] = 2
    password_memory_cost: Annotated[int, Setting(t.integer(8192, 1 << 21, "KiB"), "Argon2id memory.")] = 19456
    password_workers: Annotated[int, Setting(t.integer(1, 64), "Threads that hash passwords.")] = 2
    password_queue: Annotated[int, Setting(t.integer(1, 10_000), "Hashes that may wait; more are refused.")] = 32
    password_deadline: Annotated[
        float, Setting(t.timeout(0.001, 60), "Longest wait of a password for its hash to begin.")
    ] = 5.0
    password_max_length: Annotated[int, Setting(t.integer(64, 4096, "bytes"), "Longest password.")] = 1024
    login_attempts_per_account: Annotated[int, Setting(t.integer(1, 1000), "Wrong passwords per account.")] = 10
    login_attempts_per_address: Annotated[int, Setting(t.integer(1, 100_000), "Wrong passwords per address.")] = 100
    login_attempts_window: Annotated[int, Setting(t.seconds(60, DAY), "Time over which attempts count.")] = 900
    interactions_per_address: Annotated[
        int,
        Setting(
            t.integer(1, 10_000_000),
            "Logins that one address may begin per login_lifetime; one counts once per kilobyte that is kept of it.",
        ),
    ] = 10_000
    sessions_per_user: Annotated[
        int, Setting(t.integer(1, 100_000), "Live sessions of one user; of more, the one used longest ago ends.")
    ] = 100
    grants_per_user_and_client: Annotated[
        int,
        Setting(
            t.integer(1, 100_000), "Live grants of one user to one client; of more, the one used longest ago ends."
        ),
    ] = 100
    interactions_per_browser: Annotated[
        int, Setting(t.integer(1, 10_000_000), "Logins that one browser may begin per login_lifetime.")
    ] = 100

    codes_per_user_and_client: Annotated[
        int,
        Setting(
            t.integer(1, 10_000_000),
            "Codes for one user at one client within authorization_code_lifetime; one counts once per kilobyte.",
        ),
    ] = 60
    codes_per_session: Annotated[
        int, Setting(t.integer(1, 10_000_000), "Codes for one login session within that time, likewise.")
    ] = 120
    codes_per_user: Annotated[
        int, Setting(t.integer(1, 10_000_000), "Codes for one user within that time, likewise.")
    ] = 300

    # What clients may cost. A client with its right secret is never refused for failures.
    client_failures_per_address: Annotated[
        int, Setting(t.integer(1, 1_000_000), "Failed client authentications per address until it is told to wait.")
    ] = 300
    client_failures_per_client: Annotated[
        int, Setting(t.integer(1, 1_000_000), "Failed client authentications per client_id, likewise.")
    ] = 100
    client_failures_window: Annotated[int, Setting(t.seconds(60, DAY), "Time over which those failures count.")] = 900
    revocations_per_client: Annotated[
        int,
        Setting(
            t.integer(1, 10_000_000),
            "Access tokens that one confidential client may revoke one by one within access_token_lifetime.",
        ),
    ] = 100_000
    client_requests_per_minute: Annotated[
        int,
        Setting(
            t.integer(0, 10_000_000),
            "Requests of one confidential client a minute, at each of /token and /introspect; 0: no limit.",
        ),
    ] = 0

    # Pages
    theme_name: Annotated[str, Setting(t.name, "Name that pages show.")] = "Valetkey"
    theme_logo: Annotated[Path | None, Setting(t.logo, "Image that pages show, served from our own origin.")] = None
    theme_colour: Annotated[str, Setting(t.colour, "Accent colour of pages.")] = "#2f5bd7"
    templates_directory: Annotated[Path | None, Setting(t.directory, "Templates that replace the built-in ones.")] = (
        None
    )

    # Logs and traces
    log_format: Annotated[
        str, Setting(t.choice("auto", "json", "console"), "Form of log lines; auto is console on a terminal.")
    ] = "auto"
    log_level: Annotated[str, Setting(t.choice("debug", "info", "warning", "error"), "Least severe log line.")] = "info"
    otlp_endpoint: Annotated[
        str, Setting(t.http_url, "Where traces go, OTLP over HTTP, with its path /v1/traces; empty sends none.")
    ] = ""
    metrics_otlp_endpoint: Annotated[
        str,
        Setting(
            t.http_url,
            "Where metrics go as well, OTLP over HTTP; never into a store that scrapes them.",
        ),
    ] = ""
    trace_sample_ratio: Annotated[float, Setting(t.fraction(), "Share of requests that are traced.")] = 0.01

    @classmethod
    def load(cls, environ: Mapping[str, str], *, service: Service) -> Self:
        """Read and check every ``VALETKEY_*`` variable. Raises ``SettingsError`` with all problems at once."""
        settings, problems = cls.inspect(environ, service=service)
        if problems:
            raise SettingsError([problem.text for problem in problems])
        return settings

    @classmethod
    def inspect(cls, environ: Mapping[str, str], *, service: Service) -> tuple[Self, list[reader.Problem]]:
        """What can be read, defaults for what cannot, and all problems."""
        values, problems = reader.read(cls, environ, service)
        settings = cls(**with_redis_passwords(with_postgres_password(values)))
        return settings, problems + check(settings, service, unreadable={problem.setting for problem in problems})

    def describe(self) -> dict[str, object]:
        """Every variable with its value in force, secrets as ``***``; fit for JSON."""
        return reader.describe(self)

    @property
    def installation_rules(self) -> InstallationRules:
        """What clients are held to, whatever their registrations say."""
        usual = "RS256" if "RS256" in self.signing_algorithms else self.signing_algorithms[0]
        return InstallationRules(
            pkce_exceptions=self.pkce_exceptions,
            audience_parameter=AudienceParameter(self.audience_parameter),
            id_token_alg=self.id_token_signing_alg or usual,
        )

    @property
    def issuer_path(self) -> str:
        """The path of the issuer, empty or with a leading and no trailing slash; all endpoints are below it."""
        return issuer_path(self.issuer)

    @property
    def issuer_origin(self) -> str:
        """Scheme, host and port of the issuer, as browsers send it in ``Origin``. RFC 6454 §6.2."""
        return self.issuer.removesuffix(self.issuer_path)

    @property
    def relying_party(self) -> RelyingParty | None:
        """Whom passkeys are for; None where the issuer has none."""
        if not self.passkeys or not has_passkeys(self.issuer_origin):
            return None
        return relying_party(self.issuer_origin, self.passkey_rp_id)

    @property
    def kept_idle_lifetime(self) -> int:
        """How long a session may be unused that stays when the browser is closed."""
        if self.keep_signed_in == KeepSignedIn.NEVER:
            return self.session_idle_lifetime
        return max(self.session_idle_lifetime, self.kept_session_idle_lifetime)

    @property
    def issuer_is_https(self) -> bool:
        """False only for a loopback issuer without TLS."""
        return self.issuer.startswith("https://")
