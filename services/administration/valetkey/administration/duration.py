"""Durations as operators write them, spelled as in the settings: ``90s``, ``15m``, ``24h``, ``14d``."""

from __future__ import annotations

from datetime import timedelta

from valetkey.runtime.settings.types import seconds


def parse_duration(text: str, longest: timedelta) -> timedelta:
    """The duration, from nothing to ``longest``; ``ValueError`` says how to write one."""
    return timedelta(seconds=seconds(0, int(longest.total_seconds())).parse(text.strip()))
