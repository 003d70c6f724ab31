"""The environment of this process. No other module reads it."""

import os
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from valetkey.runtime.settings.reader import variable
from valetkey.runtime.settings.settings import Service, Settings, SettingsError
from valetkey.runtime.settings.tls_files import tls_file_problems

_OF_LIBPQ = frozenset(
    f"PG{name}"
    for name in (
        *("HOST", "PORT", "USER", "PASSWORD", "PASSFILE", "DATABASE", "SERVICE", "SERVICEFILE", "TARGETSESSIONATTRS"),
        *("SSLMODE", "SSLNEGOTIATION", "SSLROOTCERT", "SSLCERT", "SSLKEY", "SSLCRL", "KRBSRVNAME", "GSSLIB"),
        *("SSLMINPROTOCOLVERSION", "SSLMAXPROTOCOLVERSION"),
    )
)


def load_settings(service: Service) -> Settings:
    """The settings of this process, with files that are there. Raises ``SettingsError``."""
    settings = Settings.load(os.environ, service=service)
    if problems := [*tls_file_problems(settings)]:
        raise SettingsError(problems)
    return settings


def describe_settings(service: Service) -> tuple[dict[str, object], list[str]]:
    """Every variable of this process with its value in force, None for one that cannot be used, and all problems."""
    settings, problems = Settings.inspect(os.environ, service=service)
    unusable = {variable(problem.setting) for problem in problems}.intersection(os.environ)
    described = {name: None if name in unusable else value for name, value in settings.describe().items()}
    return described, [*(problem.text for problem in problems), *tls_file_problems(settings)]


def given_variables() -> dict[str, str]:
    """Every ``VALETKEY_*`` variable of this process, unread, for a program that adds to them before it reads them."""
    return {name: value for name, value in os.environ.items() if name.startswith("VALETKEY_")}


def configured_issuer() -> str:
    """The issuer alone, unchecked, for programs that speak to it from outside; empty where it is not set."""
    return os.environ.get("VALETKEY_ISSUER", "").strip()


def kubernetes_api() -> str:
    """The URL of the API server, as Kubernetes tells it to every pod; empty elsewhere."""
    host, port = (os.environ.get(f"KUBERNETES_SERVICE_{name}", "").strip() for name in ("HOST", "PORT"))
    return host and f"https://{f'[{host}]' if ':' in host else host}:{port or '443'}"


def proxy_variables() -> list[str]:
    """The names of the variables that name a proxy for connections out of here."""
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    return [name for each in names for name in (each, each.lower()) if os.environ.get(name, "").strip()]


def outbound_proxy(url: str) -> str:
    """The proxy through which programs that obey those variables ask for this URL; empty where there is none."""
    parts, proxies = urlsplit(url), getproxies()
    if proxy_bypass(parts.netloc):
        return ""
    return proxies.get(parts.scheme.lower(), proxies.get("all", ""))


def driver_variables() -> list[str]:
    """The names of the variables that the driver of PostgreSQL reads by itself, as libpq does."""
    return sorted(name for name in os.environ if name in _OF_LIBPQ)
