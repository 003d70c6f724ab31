"""Values that services would refuse are refused by the chart in the services' own words, and no others are."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from support.chart import SERVICES, Refused, container_of, environment, objects, server_of
from support.chart_documentation import checked_settings
from support.chart_values import EXTERNAL, VALUES, Values, merged
from support.sound_settings import SOUND
from valetkey.cli.commands.config import command as config
from valetkey.runtime.settings.reader import table
from valetkey.runtime.settings.settings import Settings


def test_every_setting_that_values_can_give_is_checked() -> None:
    given = {
        name.removeprefix("VALETKEY_").lower()
        for values in VALUES
        for service in SERVICES
        for name in environment(container_of(objects(values), server_of(values, service)))
    }
    unchecked = {name for name in given if name not in checked_settings()["settings"]}

    # What the chart decides, puts together or names as a file.
    decided = {"host", "port", "management_host", "management_port", "log_format"}
    composed = {"postgres_dsn", "postgres_listen_dsn", "theme_logo", "templates_directory"}
    assert {name for name in unchecked if not name.endswith("_file")} <= decided | composed


def refusal(values: Values, release: str = "valetkey") -> str:
    with pytest.raises(Refused) as refused:
        objects(values, release=release)
    return str(refused.value)


def validated(**settings: str) -> list[str]:
    """The problems that ``valetkey config validate`` lists."""
    variables = SOUND | {f"VALETKEY_{name.upper()}": text for name, text in settings.items()}
    run = CliRunner().invoke(config, ["validate", "-o", "json"], env=variables)
    return list(json.loads(run.stdout)["problems"])


@pytest.mark.parametrize(
    ("value", "changes", "settings"),
    [
        ("issuer", {"issuer": "http://id.example.com"}, {"issuer": "http://id.example.com"}),
        ("issuer", {"issuer": "https://id.example.com/"}, {"issuer": "https://id.example.com/"}),
        ("issuer", {"issuer": "https://id.example.com:443"}, {"issuer": "https://id.example.com:443"}),
        ("environment", {"environment": "a b"}, {"environment": "a b"}),
        ("trustedProxies", {"trustedProxies": ["10.0.0.1/8"]}, {"trusted_proxies": "10.0.0.1/8"}),
        ("trustedProxies", {"trustedProxies": ["fd00::1/8"]}, {"trusted_proxies": "fd00::1/8"}),
        ("trustedProxies", {"trustedProxies": ["10.0.0.0/8", "proxy"]}, {"trusted_proxies": "10.0.0.0/8,proxy"}),
        ("redis.url", {"redis": {"url": "redis://::1:6379"}}, {"redis_url": "redis://::1:6379"}),
        ("redis.url", {"redis": {"url": "redis.example:6379"}}, {"redis_url": "redis.example:6379"}),
        ("redis.url", {"redis": {"url": "redis://a?socket_timeout=1"}}, {"redis_url": "redis://a?socket_timeout=1"}),
        (
            "tracing.sampleRatio",
            {"tracing": {"otlpEndpoint": "http://c/", "sampleRatio": 2}},
            {"trace_sample_ratio": "2"},
        ),
        ("tracing.otlpEndpoint", {"tracing": {"otlpEndpoint": "collector:4317"}}, {"otlp_endpoint": "collector:4317"}),
        ("theme.colour", {"theme": {"colour": "red"}}, {"theme_colour": "red"}),
        ("languages.offered", {"languages": {"offered": ["en", "de_AT"]}}, {"languages": "en,de_AT"}),
        ("languages.default", {"languages": {"default": "english language"}}, {"default_language": "english language"}),
        ("languages.default", {"languages": {"default": "pt"}}, {"default_language": "pt"}),
        ("theme.name", {"theme": {"name": "x" * 61}}, {"theme_name": "x" * 61}),
        ("shutdown.graceSeconds", {"shutdown": {"graceSeconds": 301}}, {"shutdown_grace": "301"}),
        (
            "settings.access_token_lifetime",
            {"settings": {"access_token_lifetime": "2h"}},
            {"access_token_lifetime": "2h"},
        ),
        (
            "token.settings.access_token_lifetime",
            {"token": {"settings": {"access_token_lifetime": "ten minutes"}}},
            {"access_token_lifetime": "ten minutes"},
        ),
        ("services.settings.body_timeout", {"services": {"settings": {"body_timeout": "2m"}}}, {"body_timeout": "2m"}),
        ("settings.pkce_exceptions", {"settings": {"pkce_exceptions": "no"}}, {"pkce_exceptions": "no"}),
        ("settings.log_level", {"settings": {"log_level": "INFO"}}, {"log_level": "INFO"}),
        (
            "settings.signing_algorithms",
            {"settings": {"signing_algorithms": "ES256,HS256"}},
            {"signing_algorithms": "ES256,HS256"},
        ),
        ("settings.postgres_pool_min", {"settings": {"postgres_pool_min": 20}}, {"postgres_pool_min": "20"}),
        ("settings.session_lifetime", {"settings": {"session_lifetime": "1h"}}, {"session_lifetime": "1h"}),
        ("settings.key_poll_interval", {"settings": {"key_poll_interval": "61s"}}, {"key_poll_interval": "61s"}),
        (
            "settings.jwks_max_age and settings.key_active_period",
            {"settings": {"jwks_max_age": "59m", "key_active_period": "1h"}},
            {"jwks_max_age": "59m", "key_active_period": "1h"},
        ),
        (
            "settings.id_token_signing_alg and settings.signing_algorithms",
            {"settings": {"id_token_signing_alg": "RS256", "signing_algorithms": "ES256"}},
            {"id_token_signing_alg": "RS256", "signing_algorithms": "ES256"},
        ),
        ("settings.passkey_rp_id and issuer", {"settings": {"passkey_rp_id": "e.com"}}, {"passkey_rp_id": "e.com"}),
        ("settings.passkey_rp_id and issuer", {"settings": {"passkey_rp_id": "com"}}, {"passkey_rp_id": "com"}),
        ("settings.passkey_rp_id", {"settings": {"passkey_rp_id": "Example.com"}}, {"passkey_rp_id": "Example.com"}),
        (
            "settings.passkey_rp_id and issuer",
            {"issuer": "https://10.0.0.1", "settings": {"passkey_rp_id": "0.0.1"}},
            {"issuer": "https://10.0.0.1", "passkey_rp_id": "0.0.1"},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_value_is_refused_with_the_sentence_of_config_validate(
    value: str, changes: dict[str, Any], settings: dict[str, str]
) -> None:
    (sentence,) = validated(**settings)

    said = refusal(merged(EXTERNAL, changes))

    assert f"The settings have 1 problem:\n- {value}: {sentence}\n" in said


def test_all_problems_are_said_at_once() -> None:
    said = refusal(
        merged(EXTERNAL, {"issuer": "id.example.com", "settings": {"log_level": "loud", "login_lifetime": 1}})
    )

    assert "The settings have 3 problems:\n- issuer: " in said


@pytest.mark.parametrize("ratio", [0, 1, 0.00001, 1e-9, 0.123456789012, 1.0])
def test_a_sample_ratio_means_what_was_written(ratio: float) -> None:
    told = container_of(
        objects(merged(EXTERNAL, {"tracing": {"otlpEndpoint": "http://c/", "sampleRatio": ratio}})), "token"
    )

    text = environment(told)["VALETKEY_TRACE_SAMPLE_RATIO"]

    assert table(Settings)["trace_sample_ratio"].parser.parse(text) == ratio


@pytest.mark.parametrize(
    ("host", "written"),
    [
        ("postgres.example", "@postgres.example:5432/"),
        ("10.0.0.7", "@10.0.0.7:5432/"),
        ("fd00::1", "@[fd00::1]:5432/"),
        ("[fd00::1]", "@[fd00::1]:5432/"),
        ("postgres_primary.db.svc.cluster.local.", "@postgres_primary.db.svc.cluster.local.:5432/"),
    ],
)
@pytest.mark.parametrize("name", ["host", "listenHost"])
def test_a_host_of_postgresql_is_a_name_or_an_address(name: str, host: str, written: str) -> None:
    told = container_of(objects(merged(EXTERNAL, {"postgres": {name: host}})), "token")

    dsn = environment(told)["VALETKEY_POSTGRES_DSN" if name == "host" else "VALETKEY_POSTGRES_LISTEN_DSN"]

    assert written in dsn
    assert table(Settings)["postgres_dsn"].parser.parse(dsn) == dsn


@pytest.mark.parametrize(
    "host",
    ["db:5432", "postgresql://db", "u@db", "db/valetkey", "db?sslmode=require", "fd00::1::2", "[fd00::1]:5432", "a,b"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["host", "listenHost"])
def test_what_is_more_than_a_host_is_refused(name: str, host: str) -> None:
    said = refusal(merged(EXTERNAL, {"postgres": {name: host}}))

    port = {"host": "port", "listenHost": "listenPort"}[name]
    assert f"postgres.{name} {host} is neither the name of a host nor an address" in said
    assert f"its port in postgres.{port}." in said


def test_names_in_the_database_are_written_as_urls_have_them() -> None:
    values = merged(EXTERNAL, {"postgres": {"database": "id/prod", "users": {"token": "token@server"}}})

    dsn = environment(container_of(objects(values), "token"))["VALETKEY_POSTGRES_DSN"]

    assert dsn.startswith("postgresql://token%40server@postgres.example:5432/id%2Fprod?")
    assert table(Settings)["postgres_dsn"].parser.parse(dsn) == dsn


@pytest.mark.parametrize(
    ("release", "overrides"),
    [
        ("1password", {}),
        ("a.b", {}),
        ("valetkey", {"fullnameOverride": "Valetkey"}),
        ("valetkey", {"fullnameOverride": "7eleven"}),
        ("valetkey", {"fullnameOverride": "ends-"}),
        ("valetkey", {"fullnameOverride": "x" * 39}),
        ("valetkey", {"fullnameOverride": "under_score"}),
        ("valetkey", {"nameOverride": "Upper"}),
        ("valetkey", {"nameOverride": "a.b"}),
    ],
)
def test_names_that_no_service_may_have_are_refused(release: str, overrides: Values) -> None:
    said = refusal(merged(EXTERNAL, overrides), release)

    assert (
        "write lower-case letters, digits and hyphens, a letter first and no hyphen last, at most 38 characters" in said
    )
    assert (next(iter(overrides.values()), release)) in said


def test_a_release_that_is_called_by_a_number_may_be_installed_under_another_name() -> None:
    assert objects(merged(EXTERNAL, {"fullnameOverride": "identity"}), release="1password")
