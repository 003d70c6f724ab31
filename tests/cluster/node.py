"""A machine inside this one, as far as the kernel goes: processes, mounts, network and name are its own.

What is started in it ends with it, and its mounts, addresses and firewall rules are gone then.
"""

from __future__ import annotations

import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

OUTSIDE, INSIDE = "10.97.0.1", "10.97.0.2"
_LINK = "valetkey-node"
_NAMESPACES = ("--mount", "--pid", "--net", "--uts", "--ipc")
# Where programs keep what is theirs alone.
_EMPTY = ("/run", "/var/lib", "/var/log")
_CGROUPS = Path("/sys/fs/cgroup")
_SECONDS_TO_APPEAR = 10
# All pods together count as four other processes where the machine is busy with something else.
_WEIGHTS = {"cpu.shares": "4096", "cpu.weight": "400"}


class Node:
    """``directory`` holds what is too large for memory. The group of its processes is ``cgroup``."""

    cgroup = "valetkey-node"

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._first: subprocess.Popen[bytes] | None = None
        self._pid = 0
        self._started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        # It ends with this process, in whatever way that ends, and everything inside with it.
        bound = ("setpriv", "--pdeathsig=KILL", "unshare", "--fork", "--kill-child", "--mount-proc")
        self._first = subprocess.Popen([*bound, "--propagation=private", *_NAMESPACES, "sleep", "infinity"])
        try:
            self._pid = _child_of(self._first.pid)
            self._connect()
            for place in _EMPTY:
                self.run("mount", "-t", "tmpfs", "tmpfs", place)
            self.run("mount", "--make-rshared", "/")
            self.run("hostname", "node")
            for group in _groups(self.cgroup):
                group.mkdir(exist_ok=True)
                for file, weight in _WEIGHTS.items():
                    if (group / file).exists():
                        (group / file).write_text(weight, encoding="ascii")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._first is not None:
            self._first.kill()
            self._first.wait()
            for each in self._started:
                each.wait()
            subprocess.run(["ip", "link", "delete", _LINK], check=False, capture_output=True)
        # The kernel takes the last processes out of their groups a moment later.
        deadline = time.monotonic() + _SECONDS_TO_APPEAR
        while any(_remove(group) for group in _groups(self.cgroup)) and time.monotonic() < deadline:
            time.sleep(0.2)

    def command(self, *words: str | Path) -> list[str]:
        """What runs a command inside."""
        return ["nsenter", "--target", str(self._pid), *_NAMESPACES, "--", *map(str, words)]

    def run(self, *words: str | Path) -> str:
        """What a command prints inside; an ``AssertionError`` tells what it said when it failed."""
        done = subprocess.run(self.command(*words), check=False, capture_output=True, text=True)
        assert done.returncode == 0, f"{words}: {done.stderr[-2000:]}"
        return done.stdout

    def start(self, log: Path, *words: str | Path) -> subprocess.Popen[bytes]:
        """Start a program inside that stays, until the node ends."""
        with log.open("wb") as file:
            started = subprocess.Popen(self.command(*words), stdout=file, stderr=file, stdin=subprocess.DEVNULL)
        self._started.append(started)
        return started

    def _connect(self) -> None:
        """One cable between this machine and the one inside."""
        _ip("link", "add", _LINK, "type", "veth", "peer", "name", "eth0", "netns", str(self._pid))
        _ip("address", "add", f"{OUTSIDE}/30", "dev", _LINK)
        _ip("link", "set", _LINK, "up")
        self.run("ip", "address", "add", f"{INSIDE}/30", "dev", "eth0")
        for link in ("lo", "eth0"):
            self.run("ip", "link", "set", link, "up")
        self.run("ip", "route", "add", "default", "via", OUTSIDE)
        self.run("sysctl", "--quiet", "--write", "net.ipv4.ip_forward=1")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def _child_of(pid: int) -> int:
    deadline = time.monotonic() + _SECONDS_TO_APPEAR
    while time.monotonic() < deadline:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        if children and Path(f"/proc/{children[0]}/comm").read_text(encoding="ascii").strip() == "sleep":
            return int(children[0])
        time.sleep(0.02)
    raise AssertionError("unshare has started nothing")


def _groups(name: str) -> Iterator[Path]:
    """The group in each hierarchy of cgroup v1, or in the only one of v2."""
    if (_CGROUPS / "cgroup.controllers").exists():
        yield _CGROUPS / name
    else:
        yield from (each / name for each in _CGROUPS.iterdir() if each.is_dir() and not each.is_symlink())


def _remove(group: Path) -> bool:
    """Whether something is left of it."""
    for each in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
        with suppress(OSError):
            each.rmdir()
    with suppress(OSError):
        group.rmdir()
    return group.exists()
