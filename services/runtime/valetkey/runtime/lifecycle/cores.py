"""How many cores this process may use: those it may run on, within the share that its control group grants."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUP = Path("/proc/self/cgroup")


def usable_cores(groups: Path = _GROUPS, own_group: Path = _OWN_GROUP) -> int:
    """At least 1. A share of 2.5 cores is two: a process that is throttled is late for everybody."""
    if not sys.platform.startswith("linux"):
        return os.cpu_count() or 1
    shares = [share for path in _limits(groups, own_group) if (share := _share(path)) is not None]
    return max(1, min([len(os.sched_getaffinity(0)), *map(math.floor, shares)]))


def _limits(groups: Path, own_group: Path) -> list[Path]:
    """The files that limit our group or one above it, as version 2 has them, then as version 1."""
    own = {"": "/", "cpu": "/"}
    if own_group.is_file():
        for line in own_group.read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            own |= dict.fromkeys(controllers.split(","), path)
    found = []
    for root, path, name in ((groups, own[""], "cpu.max"), (groups / "cpu", own["cpu"], "cpu.cfs_quota_us")):
        here = root / path.lstrip("/")
        found += [each / name for each in (here, *here.parents) if each.is_relative_to(root)]
    return found


def _share(limit: Path) -> float | None:
    """So many cores, None where nothing is limited."""
    try:
        quota, *period = limit.read_text(encoding="ascii").split()
        if not period:
            period = [limit.with_name("cpu.cfs_period_us").read_text(encoding="ascii").strip()]
        return int(quota) / int(period[0]) if quota not in {"max", "-1"} else None
    except OSError:
        return None
