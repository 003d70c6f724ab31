"""Moments and durations in words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from valetkey.core.message import Message

if TYPE_CHECKING:
    from valetkey.runtime.translation import Translator

_HOUR, _DAY = 60, 1440
_MONTHS = (
    Message("January"),
    Message("February"),
    Message("March"),
    Message("April"),
    Message("May"),
    Message("June"),
    Message("July"),
    Message("August"),
    Message("September"),
    Message("October"),
    Message("November"),
    Message("December"),
)
_MOMENT = Message("%(day)s %(month)s %(year)s, %(time)s UTC")


class TimeWords:
    """Filters of templates, in the language that is spoken."""

    def __init__(self, translator: Translator) -> None:
        self._translator = translator

    def moment(self, at: datetime) -> str:
        """4 May 2026, 12:30 UTC."""
        utc = at.astimezone(UTC)
        month = self._translator.gettext(_MONTHS[utc.month - 1])
        values = {"day": utc.day, "month": month, "year": utc.year, "time": f"{utc:%H:%M}"}
        return self._translator.gettext(_MOMENT) % values

    def duration(self, minutes: int) -> str:
        """The largest unit that needs no fraction; a day is 24 hours."""
        texts = self._translator
        if minutes % _DAY == 0 and minutes > _DAY:
            count = minutes // _DAY
            text = texts.ngettext("%(count)s day", "%(count)s days", count)
        elif minutes % _HOUR == 0 and minutes:
            count = minutes // _HOUR
            text = texts.ngettext("%(count)s hour", "%(count)s hours", count)
        else:
            count = minutes
            text = texts.ngettext("%(count)s minute", "%(count)s minutes", count)
        return text % {"count": count}
