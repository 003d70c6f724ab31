"""What pods take, as the kubelet tells it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cluster.kubectl import Kubectl

_MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one pod: MiB of its own, MiB with the files that it has read lately, thousandths of a core."""

    private: float
    working_set: float
    millicores: float


def usage_of(kubectl: Kubectl, namespace: str, seconds: float) -> Mapping[str, Usage]:
    """Of every pod of a namespace, by name; CPU over so many seconds or some more."""
    before = _told(kubectl, namespace)
    time.sleep(seconds)
    after = _told(kubectl, namespace)
    while any(after[name]["cpu"]["time"] == before[name]["cpu"]["time"] for name in after):
        time.sleep(1)
        after = _told(kubectl, namespace)
    return {name: _between(before[name], after[name]) for name in after}


def _told(kubectl: Kubectl, namespace: str) -> dict[str, dict[str, Any]]:
    told = json.loads(kubectl("get", "--raw=/api/v1/nodes/node/proxy/stats/summary"))
    return {
        each["podRef"]["name"]: each
        for each in told["pods"]
        if each["podRef"]["namespace"] == namespace and each.get("containers")
    }


def _between(before: Mapping[str, Any], after: Mapping[str, Any]) -> Usage:
    nanoseconds = after["cpu"]["usageCoreNanoSeconds"] - before["cpu"]["usageCoreNanoSeconds"]
    elapsed = _seconds(after["cpu"]["time"]) - _seconds(before["cpu"]["time"])
    memory = after["memory"]
    return Usage(memory["rssBytes"] / _MEBIBYTE, memory["workingSetBytes"] / _MEBIBYTE, nanoseconds / 1e6 / elapsed)


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
