"""Which variables of the environment count in the demo."""

import pytest

from valetkey.demo.demo_error import DemoError
from valetkey.demo.demo_settings import demo_settings, not_taken, taken
from valetkey.demo.environment_file import operator_variables
from valetkey.demo.run_secrets import RunSecrets
from valetkey.runtime.settings.settings import Settings

ISSUER = "http://127.0.0.1:8080"
STORES = ("postgresql://demo:x@127.0.0.1:1/postgres", "redis://:x@127.0.0.1:2/0")
OWN = {
    "VALETKEY_ISSUER": "https://id.example.com",
    "VALETKEY_POSTGRES_DSN_FILE": "/run/secrets/dsn",
    "VALETKEY_COOKIE_KEYS": "x",
    "VALETKEY_PORT": "1",
}


def settings_with(**given: str) -> Settings:
    return demo_settings(ISSUER, *STORES, 2525, RunSecrets(), given)


def test_a_variable_goes_before_what_is_usual_in_the_demo() -> None:
    settings = settings_with(VALETKEY_JWKS_MAX_AGE="20s", VALETKEY_ACCESS_TOKEN_LIFETIME="3m")

    assert settings.jwks_max_age == 20
    assert settings.access_token_lifetime == 180
    assert settings_with().environment == "demo"


def test_stores_ports_and_keys_are_the_demos_own_whatever_the_environment_says() -> None:
    settings = settings_with(**OWN)

    assert not_taken({**OWN, "VALETKEY_LOG_LEVEL": "info"}) == sorted(OWN)
    assert taken(OWN) == {}
    assert (settings.issuer, settings.port) == (ISSUER, 0)
    assert settings.postgres_dsn.reveal() == STORES[0]


def test_problems_are_told_with_the_names_of_the_variables() -> None:
    with pytest.raises(DemoError) as refused:
        settings_with(VALETKEY_ACCESS_TOKEN_LIFETIME="soon", VALETKEY_UNHEARD_OF="1")

    assert {"VALETKEY_ACCESS_TOKEN_LIFETIME", "VALETKEY_UNHEARD_OF"} <= set(" ".join(refused.value.lines).split())


def test_an_operator_gets_the_same_variables_and_no_key_of_cookies_or_tokens() -> None:
    given = {"VALETKEY_PKCE_EXCEPTIONS": "false"}

    variables = operator_variables(settings_with(**given), "postgresql://operator@x/y", "demo:key", "mail-key", given)

    assert variables.keys() == {
        *("VALETKEY_PKCE_EXCEPTIONS", "VALETKEY_ISSUER", "VALETKEY_POSTGRES_DSN", "VALETKEY_REDIS_URL"),
        "VALETKEY_KEY_ENCRYPTION_KEYS",
        *(f"VALETKEY_MAIL_{name}" for name in ("HOST", "PORT", "TLS", "FROM", "KEYS")),
    }
