"""How long what the issuer published is believed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

_MAX_AGE = re.compile(r"(?:^|[,\s])max-age=\"?(\d{1,9})", re.IGNORECASE)
_NO_REUSE = re.compile(r"(?:^|[,\s])no-(?:store|cache)\b", re.IGNORECASE)
_AGE = re.compile(r"\d{1,9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CachePolicy:
    """Bounds on what the issuer's Cache-Control may ask for."""

    default_max_age: timedelta = timedelta(minutes=5)
    """Where the issuer gives no max-age."""

    least_max_age: timedelta = timedelta(seconds=10)
    """Whatever the issuer says, it is not asked more often than this."""

    greatest_max_age: timedelta = timedelta(hours=24)
    stale_if_error: timedelta = timedelta(hours=1)
    """How long beyond its age a document still serves while the issuer cannot be reached."""

    refetch_interval: timedelta = timedelta(seconds=10)
    """Unknown key names cause at most one request in this time, and so do failures."""

    def max_age(self, headers: Mapping[str, str]) -> timedelta:
        """For how long an answer with these `headers` stays fresh. RFC 9111 §4.2, §5.2.2."""
        control = headers.get("Cache-Control", "")
        if _NO_REUSE.search(control):
            return self.least_max_age
        found = _MAX_AGE.search(control)
        if found is None:
            return self.default_max_age
        age = headers.get("Age", "0")
        spent = timedelta(seconds=int(age) if _AGE.fullmatch(age) else 0)
        lifetime = timedelta(seconds=int(found[1])) - spent
        return min(max(lifetime, self.least_max_age), self.greatest_max_age)
