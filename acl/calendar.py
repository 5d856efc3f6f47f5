"""Edges of the local calendar, Europe/Berlin, from instants in microseconds UTC; right in nights of a DST change."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")
MIDNIGHT = time()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def on_next_day(at: int, clock: time) -> int:
    """When the clock in Berlin shows this on the day after that of `at`; always later than `at`."""
    day = (_EPOCH + at * _MICROSECOND).astimezone(BERLIN).date() + timedelta(days=1)
    return (datetime.combine(day, clock, BERLIN).astimezone(UTC) - _EPOCH) // _MICROSECOND
