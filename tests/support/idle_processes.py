"""Services as the chart starts them, and what the kernel says that each takes: memory and CPU. Linux only."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.database_roles import as_role
from valetkey.demo.free_port import LOOPBACK, free_port

_READY_SECONDS = 120
_TICKS = os.sysconf("SC_CLK_TCK")
_MEBIBYTE = 1024  # of the kibibytes that the kernel tells


@dataclass(frozen=True, slots=True)
class Memory:
    """In MiB. ``private`` is what no other process has and the kernel cannot drop; ``resident`` has files as well."""

    resident: float
    private: float


@dataclass(frozen=True, slots=True)
class IdleProcess:
    """One process. ``cpu_until_ready`` is in seconds of CPU from its first instruction."""

    service: str
    process: subprocess.Popen[bytes]
    url: str
    cpu_until_ready: float

    @property
    def cpu(self) -> float:
        """Seconds of CPU that it has taken."""
        return _cpu_of(self.process.pid)

    @property
    def memory(self) -> Memory:
        """What it takes now."""
        lines = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
        told = {name: int(value.split()[0]) / _MEBIBYTE for name, _, value in (line.partition(":") for line in lines)}
        return Memory(told["Rss"], told["Anonymous"])

    @property
    def peak_resident(self) -> float:
        """The most that it has had in memory at any moment, in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) / _MEBIBYTE


@dataclass(frozen=True, slots=True)
class Idling:
    """CPU of all in thousandths of a core, and the memory of each."""

    millicores: float
    memory: Sequence[Memory]

    @property
    def private(self) -> float:
        """What all of them have to themselves, in MiB."""
        return sum(each.private for each in self.memory)


@contextmanager
def idle_processes(
    services: Sequence[str],
    issuer: str,
    dsn: str,
    redis_url: str,
    keys: dict[str, str],
    bytecode: Path,
    port: int | None = None,
) -> Iterator[list[IdleProcess]]:
    """Start these, each in its own role, with default settings otherwise, and wait until all are ready.

    ``port`` is that of the first; ``bytecode`` is the folder that ``compile_services`` has filled.
    """
    with ExitStack() as stack:
        started = []
        for number, service in enumerate(services):
            public, management = port if port and not number else free_port(), free_port()
            settings = {
                "issuer": issuer,
                "port": str(public),
                "management_port": str(management),
                "postgres_dsn": as_role(dsn, service),
                "redis_url": redis_url,
                "log_format": "json",
                "drain_delay": "0",
                **keys,
            }
            process = subprocess.Popen(
                [sys.executable, "-m", f"valetkey.{service}"],
                env=_inherited(bytecode) | {f"VALETKEY_{name.upper()}": value for name, value in settings.items()},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(_end, process)
            started.append((service, process, public, management))
        yield [
            IdleProcess(service, process, f"http://{LOOPBACK}:{public}", _until_ready(process, management))
            for service, process, public, management in started
        ]


def compile_services(bytecode: Path) -> None:
    """Compile what the services load, as an image has it: they start without reading sources."""
    subprocess.run([sys.executable, "-c", "import valetkey.compact.app, uvloop"], env=_inherited(bytecode), check=True)


def new_keys() -> dict[str, str]:
    """Keys for all services of one installation, by the names of their settings."""
    keys = {name: secrets.token_urlsafe(32) for name in ("refresh_token_keys", "cookie_keys", "sealing_keys")}
    return keys | {"key_encryption_keys": f"test:{secrets.token_urlsafe(32)}"}


def idle_for(processes: Sequence[IdleProcess], seconds: float) -> Idling:
    """Let them wait for so long."""
    before, started = sum(each.cpu for each in processes), time.monotonic()
    time.sleep(seconds)
    taken = sum(each.cpu for each in processes) - before
    return Idling(1000 * taken / (time.monotonic() - started), [each.memory for each in processes])


def _inherited(bytecode: Path) -> dict[str, str]:
    """The variables of this process, without those that say something else."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("VALETKEY_")}
    return ours | {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(bytecode)}


def _until_ready(process: subprocess.Popen[bytes], management: int) -> float:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "it has ended"
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{management}/readyz", timeout=5):
                return _cpu_of(process.pid)
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(f"nothing is ready at port {management}")


def _cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
