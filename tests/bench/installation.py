"""Everything that is measured: real stores, and each service in a process and on a core of its own."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from support.administration import Administration
from support.repository import ROOT
from support.stores import create_migrated
from support.system import rotate
from valetkey.demo.free_port import LOOPBACK, free_port
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.demo.stores.embedded_redis import EmbeddedRedis
from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.runtime.settings.settings import Settings

_DATABASE = "valetkey"
_START_SECONDS = 30.0
_SAMPLE_RATIO = "0.01"


@dataclass(frozen=True, slots=True)
class Server:
    """One process that is measured; the bare handler has no ``management_url``."""

    url: str
    process: psutil.Process
    management_url: str = ""


@dataclass(frozen=True, slots=True)
class Installation:
    """``servers`` by name: bare, authorize, token, token-rs256, introspection. ``stores`` are PostgreSQL and Redis."""

    settings: Settings
    postgres_dsn: str
    servers: Mapping[str, Server]
    stores: Sequence[psutil.Process] = ()

    @property
    def administration(self) -> Administration:
        """Registers clients and users."""
        return Administration(self.settings, system_clock)


@contextmanager
def installation(log: Path, **changes: str) -> Iterator[Installation]:
    """As long as the context lasts. Services append what they say to ``log``; ``changes`` are settings of theirs."""
    with ExitStack() as stack:
        service_core, other_cores = _cores()
        # Whatever is not measured, this process included, keeps off the core of what is.
        os.sched_setaffinity(0, other_cores)
        # Durable, as an installation's is: every commit waits for the disk.
        postgres = stack.enter_context(EmbeddedPostgres(is_durable=True))
        redis = stack.enter_context(EmbeddedRedis())
        create_migrated(postgres, _DATABASE)
        output = stack.enter_context(log.open("ab"))
        bare_port, sink_port = free_port(), free_port()
        environment = _environment(postgres.dsn_of(_DATABASE), redis.url, sink_port) | changes
        settings = Settings.load(environment, service="all")
        _run(rotate(settings))

        def start(name: str, core: set[int], *arguments: str, **own: str) -> Server:
            port, management = free_port(), free_port()
            variables = environment | {
                "VALETKEY_PORT": str(port),
                "VALETKEY_MANAGEMENT_PORT": str(management),
                **own,
            }
            child = subprocess.Popen(
                [*_pinned(core), sys.executable, "-m", f"valetkey.{name}", *arguments],
                env=_inherited() | variables,
                stdout=output,
                stderr=output,
            )
            stack.callback(_end, child)
            _wait(f"http://{LOOPBACK}:{management}/readyz", child)
            management_url = f"http://{LOOPBACK}:{management}"
            return Server(f"http://{LOOPBACK}:{port}", psutil.Process(child.pid), management_url)

        def start_bare(port: int, core: set[int]) -> Server:
            child = subprocess.Popen(
                [*_pinned(core), sys.executable, "-m", "bench.bare", str(port)],
                env=_inherited() | {"PYTHONPATH": str(ROOT / "tests")},
            )
            stack.callback(_end, child)
            _wait(f"http://{LOOPBACK}:{port}/", child, status=405)
            return Server(f"http://{LOOPBACK}:{port}", psutil.Process(child.pid))

        start_bare(sink_port, other_cores)
        servers = {"bare": start_bare(bare_port, service_core)}
        for name in ("authorize", "token", "introspection"):
            servers[name] = start(name, service_core)
        servers["token-rs256"] = start("token", service_core, VALETKEY_SIGNING_ALGORITHMS="RS256,ES256")
        stores = [psutil.Process(store.pid) for store in (postgres, redis)]
        yield Installation(settings, postgres.dsn_of(_DATABASE), servers, stores)


def _environment(postgres_dsn: str, redis_url: str, sink_port: int) -> dict[str, str]:
    return {
        # Browsers have passkeys for a name, and none for an address.
        "VALETKEY_ISSUER": f"http://localhost:{free_port()}",
        "VALETKEY_HOST": LOOPBACK,
        "VALETKEY_POSTGRES_DSN": postgres_dsn,
        "VALETKEY_REDIS_URL": redis_url,
        "VALETKEY_REFRESH_TOKEN_KEYS": secrets.token_urlsafe(32),
        "VALETKEY_COOKIE_KEYS": secrets.token_urlsafe(32),
        "VALETKEY_SEALING_KEYS": secrets.token_urlsafe(32),
        "VALETKEY_KEY_ENCRYPTION_KEYS": f"bench:{secrets.token_urlsafe(32)}",
        "VALETKEY_LOGIN_ATTEMPTS_PER_ADDRESS": "100000",
        # One address and one browser ask for what thousands would.
        "VALETKEY_CONNECTIONS_PER_ADDRESS": "4096",
        "VALETKEY_CODES_PER_USER_AND_CLIENT": "10000000",
        "VALETKEY_CODES_PER_SESSION": "10000000",
        "VALETKEY_CODES_PER_USER": "10000000",
        "VALETKEY_INTERACTIONS_PER_ADDRESS": "10000000",
        # What is made before the first round must be alive in the last.
        "VALETKEY_ACCESS_TOKEN_LIFETIME": "1h",
        "VALETKEY_DRAIN_DELAY": "0",
        "VALETKEY_SHUTDOWN_GRACE": "1s",
        "VALETKEY_LOG_FORMAT": "json",
        "VALETKEY_OTLP_ENDPOINT": f"http://{LOOPBACK}:{sink_port}/v1/traces",
        "VALETKEY_TRACE_SAMPLE_RATIO": _SAMPLE_RATIO,
    }


def _inherited() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("VALETKEY_")}


def _cores() -> tuple[set[int], set[int]]:
    """The core of what is measured, and the cores of everything else; the same one where there is only one."""
    first, *others = sorted(os.sched_getaffinity(0))
    return {first}, set(others) or {first}


def pinned_to_service_core() -> list[str]:
    """What to put before a command that is to run where services are measured."""
    return _pinned({min(range(os.cpu_count() or 1))})


def _pinned(cores: set[int]) -> list[str]:
    taskset = shutil.which("taskset")
    return [taskset, "--cpu-list", ",".join(map(str, sorted(cores)))] if taskset else []


def _wait(url: str, child: subprocess.Popen[bytes], status: int = 200) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise RuntimeError(f"a process ended with {child.returncode} instead of answering at {url}")
        try:
            with urllib.request.urlopen(url, timeout=1) as answer:  # noqa: S310 - an address of ours
                found = answer.status
        except urllib.error.HTTPError as error:
            found = error.code
        except OSError:
            found = 0
        if found == status:
            return
        time.sleep(0.05)
    raise RuntimeError(f"nothing answers at {url}")


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(timeout=10)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _run(work: Coroutine[object, object, None]) -> None:
    asyncio.run(work)
