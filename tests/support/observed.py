"""Three services after a day in which everything went wrong that runbooks and dashboards are for."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from redis import Redis

from support.database_roles import create_roles
from support.scrape import Scrape
from support.service_processes import ServiceProcesses
from support.stores import create_migrated
from support.system import System
from support.traffic import (
    a_day_at,
    a_day_of_factors_at,
    a_day_of_mail_at,
    a_flood_of_logins_at,
    a_full_redis_at,
    a_lost_postgres_at,
    a_lost_redis_at,
    an_altered_value_at,
    an_outage_at,
    many_connections_at,
)
from valetkey.demo.free_port import LOOPBACK, free_port
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.demo.stores.embedded_redis import EmbeddedRedis
from valetkey.runtime.http.proxy_watch import LEAST_SAMPLES, WINDOW_SECONDS, ProxyWatch
from valetkey.runtime.telemetry.logging import JsonFormatter

if TYPE_CHECKING:
    from aiohttp import web

_MOST_CONNECTIONS = 64


@dataclass(frozen=True)
class Observed:
    """The services run on, without Redis. ``said`` has a file for each, with its logs and audit events."""

    system: System
    scrape: Scrape
    targets: dict[str, str]
    said: Path

    def a_trace_id(self) -> str:
        """The reference of some refusal, as a user would read it from a page."""
        lines = (self.said / "authorize").read_text(encoding="utf-8").splitlines()
        return str(next(each["trace_id"] for line in lines if "trace_id" in (each := json.loads(line))))


@pytest.fixture(scope="session")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """The day ends with Redis going away."""
    with EmbeddedPostgres() as postgres, EmbeddedRedis() as redis:
        create_roles(postgres, "postgres")
        create_migrated(postgres, "observed")
        system = ServiceProcesses(
            *(postgres.dsn_of("observed"), redis.url),
            refresh_grace="0",
            login_attempts_per_account="2",
            interactions_per_address="1000",
            trusted_proxies="127.0.0.1/32",
            key_poll_interval="1",
            mail_host=LOOPBACK,
            mail_port=str(free_port()),
            mail_tls="none",
            mail_from="no-reply@example.com",
            mail_keys=secrets.token_urlsafe(32),
            max_connections=str(_MOST_CONNECTIONS),
            connections_per_address=str(_MOST_CONNECTIONS),
        )
        said = system.said = tmp_path_factory.mktemp("said")
        with system:
            urls = {name: each[0] for name, each in system.management_urls.items()}
            at = (system.issuer, system.administration)
            system.run(a_day_at(*at))
            system.run(a_day_of_factors_at(*at))
            system.run(many_connections_at(system.urls["token"][0], _MOST_CONNECTIONS))
            with Redis.from_url(redis.url) as store:
                system.run(a_full_redis_at(*at, partial(store.config_set, "maxmemory")))
            system.run(an_altered_value_at(*at))
            system.run(a_day_of_mail_at(system.settings))
            system.run(a_flood_of_logins_at(system.urls["authorize"][0], system.administration))
            system.run(a_lost_redis_at(*at, partial(_restart, redis)))
            system.run(
                a_lost_postgres_at(*at, postgres.kill, postgres.start, partial(_has_said, said, "jwk-set failed"))
            )
            seen = Scrape.of(urls.values())
            system.run(an_outage_at(*at, redis.kill))
            seen.update(Scrape.of(urls.values()))
            _watch_a_proxy(said / "authorize")
            targets = {name: url.removeprefix("http://") for name, url in urls.items()}
            yield Observed(system, seen, targets, said)


def _restart(redis: EmbeddedRedis) -> None:
    redis.kill()
    redis.start()


def _has_said(said: Path, words: str) -> bool:
    """Whether every service that reads keys has."""
    return all(words in (said / name).read_text(encoding="utf-8") for name in ("authorize", "introspection"))


def _watch_a_proxy(file: Path) -> None:
    """The line of a proxy that is not trusted, which takes a minute and an address that no test has."""
    request = cast("web.Request", SimpleNamespace(remote="10.0.0.1", headers={"X-Forwarded-For": "192.0.2.1"}))
    logger, handler = logging.getLogger("valetkey.server"), logging.FileHandler(file)
    handler.setFormatter(JsonFormatter("authorize"))
    logger.addHandler(handler)
    try:
        watch = ProxyWatch(())
        for number in range(LEAST_SAMPLES + 1):
            watch.look(request, number * WINDOW_SECONDS / LEAST_SAMPLES)
    finally:
        logger.removeHandler(handler)
        handler.close()
