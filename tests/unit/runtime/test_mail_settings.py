"""Settings of mail: what they need of each other, and what each problem says."""

import pytest

from support.sound_settings import KEY_A, KEY_D, load, problems
from valetkey.runtime.settings.settings import Settings
from valetkey.storage.postgres.tables.mail_outbox import mail_sealer

MAIL = {"mail_host": "smtp.example.com", "mail_from": "no-reply@example.com", "mail_keys": KEY_D}


def test_without_a_host_no_mail_is_configured() -> None:
    assert mail_sealer(load("authorize")) is None
    assert mail_sealer(load("compact")) is None


@pytest.mark.parametrize("service", ["authorize", "mailer", "compact", "cli"])
def test_a_host_an_address_and_a_key_are_enough(service: str) -> None:
    settings = Settings.load(
        {
            "VALETKEY_POSTGRES_DSN": "postgresql://db/valetkey",
            "VALETKEY_ISSUER": "https://id.example.com",
            **{f"VALETKEY_{name.upper()}": value for name, value in MAIL.items()},
        },
        service="mailer",
    )

    assert settings.mail_tls == "starttls"
    assert mail_sealer(load(service, **MAIL)) is not None  # type: ignore[arg-type] # a service


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"mail_from": None}, "VALETKEY_MAIL_HOST needs VALETKEY_MAIL_FROM"),
        ({"mail_keys": None}, "VALETKEY_MAIL_HOST needs VALETKEY_MAIL_KEYS; what a mail says is never stored unsealed"),
        ({"mail_keys": KEY_A}, "shares a key with"),
        ({"mail_user": "app"}, "VALETKEY_MAIL_USER needs VALETKEY_MAIL_PASSWORD"),
        ({"mail_password": "secret"}, "VALETKEY_MAIL_PASSWORD needs VALETKEY_MAIL_USER"),
        ({"mail_tls": "none"}, "VALETKEY_MAIL_TLS must be starttls or tls unless VALETKEY_MAIL_HOST is this machine"),
        ({"mail_tls": "ssl"}, "must be one of starttls, tls, none"),
        ({"mail_host": "smtp://smtp.example.com"}, "must be the name or the address of a server"),
        ({"mail_host": "smtp.example.com:587"}, "must be the name or the address of a server"),
        ({"mail_from": "Valetkey <no-reply@example.com>"}, "must be an address, without a name"),
        ({"mail_from": "no-reply@example.com\r\nBcc: eve@evil.example"}, "must be an address, without a name"),
        ({"mail_window": "1d", "mail_retention": "1h"}, "VALETKEY_MAIL_WINDOW must not exceed VALETKEY_MAIL_RETENTION"),
        ({"mail_templates_directory": "/nowhere"}, "names a directory that is not there"),
    ],
)
def test_each_problem_says_what_to_do(changes: dict[str, str | None], problem: str) -> None:
    assert problem in problems("compact", **MAIL | changes)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_a_server_on_this_machine_needs_no_tls(host: str) -> None:
    assert load("mailer", **MAIL | {"mail_host": host, "mail_tls": "none"}).mail_host == host
