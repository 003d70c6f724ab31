import base64
import hashlib
import json
from pathlib import Path
from typing import get_args

import pytest

from support.sound_settings import KEY_A, KEY_B, KEY_C, KEY_D, SOUND, load, problems
from valetkey.runtime.settings.secret import Secret, SecretMissingError
from valetkey.runtime.settings.settings import SERVICES, TOGETHER, Service, Settings, SettingsError


def test_sound_settings_load_with_working_defaults() -> None:
    settings = load()

    assert settings.issuer == "https://id.example.com"
    assert settings.authorization_code_lifetime == 60
    assert settings.refresh_token_keys.reveal() == (base64.urlsafe_b64decode(KEY_A + "="),)
    assert settings.key_encryption_keys.reveal()[0][0] == "2026a"


@pytest.mark.parametrize(
    ("service", "needed"),
    [
        ("authorize", {"ISSUER", "POSTGRES_DSN", "REDIS_URL", "COOKIE_KEYS"}),
        ("token", {"ISSUER", "POSTGRES_DSN", "REDIS_URL", "REFRESH_TOKEN_KEYS", "KEY_ENCRYPTION_KEYS"}),
        ("introspection", {"ISSUER", "POSTGRES_DSN", "REDIS_URL"}),
        ("mailer", {"ISSUER", "POSTGRES_DSN", "MAIL_HOST", "MAIL_FROM", "MAIL_KEYS"}),
        ("key_rotation", {"POSTGRES_DSN", "KEY_ENCRYPTION_KEYS"}),
        ("migrate", {"POSTGRES_DSN"}),
        ("cli", {"POSTGRES_DSN"}),
        ("compact", {name.removeprefix("VALETKEY_") for name in SOUND}),
        ("all", {name.removeprefix("VALETKEY_") for name in SOUND}),
    ],
)
def test_each_service_needs_exactly_what_it_uses(service: Service, needed: set[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load({}, service=service)

    assert {problem.split()[0].removeprefix("VALETKEY_") for problem in caught.value.problems} == needed
    assert all(" is missing: " in problem for problem in caught.value.problems)


def test_every_service_has_a_name_that_settings_know() -> None:
    assert {*SERVICES, *TOGETHER} == set(get_args(Service))


def test_all_problems_are_listed_at_once_and_each_says_what_to_do() -> None:
    text = problems(issuer="http://id.example.com", port="http", access_token_lifetime="30", redis_url=None)

    lines = text.splitlines()
    assert len(lines) == 4
    assert all(
        line.startswith("VALETKEY_") and line.endswith(".") and ("; " in line or "Set it" in line) for line in lines
    )


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("VALETKEY_ISSUR", "did you mean VALETKEY_ISSUER?"),
        ("VALETKEY_REFRESH_TOKEN_KEY", "did you mean VALETKEY_REFRESH_TOKEN_KEYS?"),
        ("VALETKEY_QQQQ", "look it up"),
        ("VALETKEY_PORT_FILE", "only secrets are read from files"),
        ("VALETKEY_PASSWORD_PARALLELISM", "is not a setting any more: passwords are hashed in one lane; remove it"),
    ],
)
def test_an_unknown_variable_is_a_problem_with_advice(name: str, advice: str) -> None:
    with pytest.raises(SettingsError, match="is not a setting") as caught:
        Settings.load({**SOUND, name: "1"}, service="all")

    assert advice in str(caught.value)


def test_what_kubernetes_sets_for_neighbouring_services_is_no_problem() -> None:
    links = {
        "VALETKEY_TOKEN_SERVICE_HOST": "10.0.0.1",
        "VALETKEY_TOKEN_SERVICE_PORT_HTTP": "80",
        "VALETKEY_TOKEN_PORT": "tcp://10.0.0.1:80",
        "VALETKEY_TOKEN_PORT_80_TCP_ADDR": "10.0.0.1",
        "VALETKEY_SERVICE_HOST": "10.0.0.2",
    }

    assert Settings.load({**SOUND, **links}, service="all").port == 8080


def test_a_service_link_in_place_of_our_port_is_explained() -> None:
    assert "enableServiceLinks" in problems(port="tcp://10.0.0.1:8080")


@pytest.mark.requirement("RFC 8414 §2: the issuer is an https URL without query or fragment")
@pytest.mark.parametrize(
    "issuer",
    [
        "http://id.example.com",
        "http://10.0.0.1",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://[::2]",
        "https://id.example.com/",
        "https://id.example.com/realm/",
        "https://id.example.com?x=1",
        "https://id.example.com?",
        "https://id.example.com#",
        "https://user:pw@id.example.com",
        "https://ID.example.com",
        "HTTPS://id.example.com",
        "https://id.example.com:443",
        "http://127.0.0.1:80",
        "https://id.example.com:70000",
        "https://id.example.com/a b",
        "https://id.example.com/a\tb",
        "https://id.example.com/a//b",
        "https://id.example.com/../b",
        "https://id.example.com/%41",
        "https://",
        "https:id.example.com",
        "id.example.com",
        "ftp://id.example.com",
        "https://idé.example.com",
    ],
)
def test_an_issuer_that_clients_could_not_compare_byte_for_byte_is_refused(issuer: str) -> None:
    assert "VALETKEY_ISSUER must" in problems(issuer=issuer)


@pytest.mark.parametrize(
    ("issuer", "origin", "path", "https"),
    [
        ("https://id.example.com", "https://id.example.com", "", True),
        ("https://example.com:8443/auth/realm", "https://example.com:8443", "/auth/realm", True),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "", False),
        ("http://127.9.9.9:8080", "http://127.9.9.9:8080", "", False),
        ("http://[::1]:8080/x", "http://[::1]:8080", "/x", False),
        ("http://localhost:8080", "http://localhost:8080", "", False),
    ],
)
def test_a_sound_issuer_is_kept_as_it_is_written(issuer: str, origin: str, path: str, https: bool) -> None:
    settings = load(issuer=issuer)

    assert (settings.issuer, settings.issuer_origin, settings.issuer_path) == (issuer, origin, path)
    assert settings.issuer_is_https is https


@pytest.mark.requirement("security 58: weak keys are refused at start")
@pytest.mark.parametrize("setting", ["refresh_token_keys", "cookie_keys", "key_encryption_keys", "sealing_keys"])
@pytest.mark.parametrize(
    ("key", "advice"),
    [
        (base64.urlsafe_b64encode(hashlib.sha256(b"31").digest()[:31]).decode(), "31 bytes"),
        (base64.urlsafe_b64encode(hashlib.sha256(b"16").digest()[:16]).decode(), "16 bytes"),
        (base64.urlsafe_b64encode(b"A" * 32).decode(), "too regular"),
        (base64.urlsafe_b64encode(bytes(range(32))).decode(), "too regular"),
        (base64.urlsafe_b64encode(b"changeme" * 4).decode(), "too regular"),
        ("correct horse battery staple", "base64url"),
        ("short", "base64url"),
        (",,", "at least one"),
    ],
)
def test_a_weak_key_is_refused_without_being_repeated(setting: str, key: str, advice: str) -> None:
    value = f"id:{key}" if setting == "key_encryption_keys" and "," not in key else key

    text = problems(**{setting: value})

    assert advice in text
    assert "make one with" in text
    assert "," in key or key not in text


def test_a_key_serves_one_purpose_only() -> None:
    assert "one purpose only" in problems(cookie_keys=KEY_A)
    for key in (KEY_A, KEY_B, KEY_C):
        assert "one purpose only" in problems(sealing_keys=f"plain,{KEY_D},{key}")


@pytest.mark.parametrize("value", [KEY_A, f":{KEY_A}", f"a b:{KEY_A}", f"x:{KEY_A},x:{KEY_B}", f"x:{KEY_A},y:{KEY_A}"])
def test_key_encryption_keys_are_named_once_each(value: str) -> None:
    assert "VALETKEY_KEY_ENCRYPTION_KEYS" in problems(key_encryption_keys=value)


def test_keys_rotate_by_overlap_and_keep_their_order() -> None:
    settings = load(
        "authorize", refresh_token_keys=f" {KEY_B} , {KEY_A}= ", cookie_keys=KEY_C, key_encryption_keys=None
    )

    assert [key.hex() for key in settings.refresh_token_keys.reveal()] == [
        base64.urlsafe_b64decode(f"{key}=").hex() for key in (KEY_B, KEY_A)
    ]


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "dsn"
    file.write_text("postgresql://from-a-file/db\n")

    settings = load(postgres_dsn=None, postgres_dsn_file=str(file))

    assert settings.postgres_dsn.reveal() == "postgresql://from-a-file/db"


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"x" * 70000, None])
def test_a_secret_file_that_cannot_be_used_is_a_problem(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "dsn"
    if content is not None:
        file.write_bytes(content)

    assert "cannot be read from" in problems(postgres_dsn=None, postgres_dsn_file=str(file))


def test_a_secret_given_twice_is_a_problem(tmp_path: Path) -> None:
    assert "are both set" in problems(postgres_dsn_file=str(tmp_path / "dsn"))


@pytest.mark.parametrize(
    ("setting", "text", "value"),
    [
        ("session_lifetime", "14d", 14 * 86400),
        ("session_lifetime", "1209600", 14 * 86400),
        ("session_idle_lifetime", "90m", 5400),
        ("redis_timeout", "250ms", 0.25),
        ("drain_delay", "0", 0.0),
        ("trace_sample_ratio", "0.5", 0.5),
        ("signing_algorithms", "RS256", ("RS256",)),
        ("theme_colour", "#AABBCC", "#aabbcc"),
        ("theme_name", "Acme Søvn", "Acme Søvn"),
        ("host", "::", "::"),
        ("log_format", "", "auto"),
    ],
)
def test_values_are_understood(setting: str, text: str, value: object) -> None:
    assert getattr(load(**{setting: text}), setting) == value


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("authorization_code_lifetime", "61"),
        ("access_token_lifetime", "59"),
        ("access_token_lifetime", "2h"),
        ("access_token_lifetime", "60.5"),
        ("access_token_lifetime", "61500ms"),
        ("access_token_lifetime", "-600"),
        ("access_token_lifetime", "٦٠٠"),
        ("refresh_grace", "61"),
        ("port", "65536"),
        ("port", "1e3"),
        ("redis_timeout", "0"),
        ("trace_sample_ratio", "1.1"),
        ("trace_sample_ratio", "nan"),
        ("signing_algorithms", "none"),
        ("signing_algorithms", "HS256"),
        ("signing_algorithms", "ES256,ES256"),
        ("signing_algorithms", ","),
        ("theme_colour", "red"),
        ("theme_colour", "#fff;}"),
        ("theme_name", "a\x07b"),
        ("theme_name", "x" * 61),
        ("theme_logo", "https://elsewhere.example/logo.svg"),
        ("theme_logo", "/etc/passwd"),
        ("theme_logo", "/nowhere/logo.svg"),
        ("templates_directory", "templates"),
        ("templates_directory", "/nowhere/templates"),
        ("trusted_proxies", "10.0.0.1/8"),
        ("trusted_proxies", "proxy"),
        ("host", "example.com"),
        ("otlp_endpoint", "collector:4317"),
        ("postgres_dsn", "mysql://db"),
        ("redis_url", "http://cache"),
        ("redis_url", "redis+sentinel://cache"),
        ("redis_sentinel_password", "for no sentinels"),
        ("environment", "a\nb c"),
        ("log_level", "INFO"),
        ("postgres_pool_min", "20"),
        ("session_idle_lifetime", "20d"),
        ("refresh_token_idle_lifetime", "91d"),
        ("key_active_period", "3599"),
        ("key_poll_interval", "61"),
        ("management_port", "8080"),
    ],
)
def test_values_out_of_bounds_are_problems(setting: str, text: str) -> None:
    assert f"VALETKEY_{setting.upper()} " in problems(**{setting: text})


def test_a_file_of_the_pages_is_looked_for_only_where_pages_are_served() -> None:
    settings = load("token", theme_logo="/nowhere/logo.svg")

    assert settings.theme_logo == Path("/nowhere/logo.svg")


@pytest.mark.requirement("security 51: no secret in anything that is printed")
def test_secrets_never_show_in_repr_description_or_problems() -> None:
    canary = "canary-5f2d9c"
    secret_values = {
        "postgres_dsn": f"postgresql://u:{canary}@db/v",
        "redis_url": "redis+sentinel://cache/main",
        "redis_password": canary,
        "redis_sentinel_password": canary,
        "refresh_token_keys": KEY_A,
        "cookie_keys": KEY_B,
        "key_encryption_keys": f"k:{KEY_C}",
        "sealing_keys": f"plain,{KEY_D}",
    }
    settings = load(**secret_values)
    broken = problems(**{name: f"!{value}!{canary}" for name, value in secret_values.items()})

    shown = f"{settings!r} {settings} {json.dumps(settings.describe())} {settings.postgres_dsn:>40} {broken}"

    sealing = settings.sealing_keys.reveal()
    shown += repr(sealing)
    for hidden in (canary, KEY_A, KEY_B, KEY_C, KEY_D, repr(settings.cookie_keys.reveal()), repr(sealing.keys)):
        assert hidden not in shown
    assert settings.describe()["VALETKEY_POSTGRES_DSN"] == "***"


def test_description_shows_every_setting_as_it_is_in_force() -> None:
    described = load(trusted_proxies="10.0.0.0/8,fd00::/8").describe()

    assert described["VALETKEY_TRUSTED_PROXIES"] == "10.0.0.0/8,fd00::/8"
    assert described["VALETKEY_SIGNING_ALGORITHMS"] == "ES256,RS256"
    assert described["VALETKEY_ACCESS_TOKEN_LIFETIME"] == 600
    assert described["VALETKEY_THEME_LOGO"] is None


def test_a_secret_that_was_not_needed_says_how_to_give_it_when_it_is_read() -> None:
    settings = load("migrate", cookie_keys=None)

    with pytest.raises(SecretMissingError, match="VALETKEY_COOKIE_KEYS_FILE"):
        settings.cookie_keys.reveal()


def test_secrets_are_neither_pickled_nor_copied() -> None:
    with pytest.raises(TypeError):
        Secret("value").__reduce__()


def test_secrets_compare_by_value() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
