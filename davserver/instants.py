"""Instants as people write and read them: Europe/Berlin, a bare date is its midnight; inside, microseconds UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def instant(written: date | str) -> int:
    """Microseconds since the epoch of a date, of a date and time, or of their ISO 8601 text.

    Without offset it is Berlin time; of a time that a DST change makes twofold, the first. Raises ValueError.
    """
    if isinstance(written, str):
        try:
            written = datetime.fromisoformat(written) if len(written) > 10 else date.fromisoformat(written)
        except ValueError:
            raise ValueError(f"{written!r} is no date such as 2026-12-07 or 2026-12-07T19:00") from None
    if not isinstance(written, datetime):
        written = datetime.combine(written, time())
    if written.tzinfo is None:
        written = written.replace(tzinfo=BERLIN)
    return (written.astimezone(UTC) - EPOCH) // MICROSECOND


def shown(at: int | None) -> str:
    """Berlin time for people, minutes; a dash for None."""
    if at is None:
        return "–"
    return (EPOCH + at * MICROSECOND).astimezone(BERLIN).strftime("%Y-%m-%d %H:%M")
