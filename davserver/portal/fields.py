"""Dates, times and numbers as forms send them, in Berlin time; what makes no sense is told in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

from davserver.instants import BERLIN, EPOCH, MICROSECOND, instant
from davserver.portal.ground import visit
from davserver.portal.language import N_


class Wrong(Exception):  # noqa: N818 (architecture.md §5: errors are named by what happened)
    """A field that makes no sense; the text is a sentence for people, still to be translated."""


def day_of(form: Mapping[str, str], field: str) -> date | None:
    """A date as browsers send it; None for an empty field. Raises Wrong."""
    written = form.get(field, "").strip()
    try:
        day = date.fromisoformat(written) if written else None
    except ValueError:
        raise Wrong(N_("Write a date like 2026-12-07.")) from None
    if day is not None and not 2000 <= day.year < 2200:
        raise Wrong(N_("Write a date like 2026-12-07."))
    return day


def time_of(form: Mapping[str, str], field: str) -> time | None:
    """A time of the day; None for an empty field. Raises Wrong."""
    written = form.get(field, "").strip()
    try:
        return time.fromisoformat(written).replace(tzinfo=None) if written else None
    except ValueError:
        raise Wrong(N_("Write a time like 19:00.")) from None


def window_of(form: Mapping[str, str], begin: str = "begin", end: str = "end") -> tuple[int | None, int | None]:
    """[start, end) of two dates with a time each, which may be empty: a last day without a time still counts.

    Raises Wrong, also where it ends before it begins.
    """
    first, last = day_of(form, begin), day_of(form, end)
    clock, until = time_of(form, f"{begin}_time"), time_of(form, f"{end}_time")
    start = None if first is None else instant(datetime.combine(first, clock or time()))
    finish = None
    if last is not None:
        finish = end_of(last) if until is None else instant(datetime.combine(last, until))
    if start is not None and finish is not None and finish <= start:
        raise Wrong(N_("The end lies before the beginning."))
    return start, finish


def end_of(day: date) -> int:
    """The midnight after it: the day itself still counts."""
    return instant(datetime.combine(day + timedelta(days=1), time()))


def today() -> date:
    """In Berlin, by the clock of this portal."""
    return (EPOCH + visit().ground.clock() * MICROSECOND).astimezone(BERLIN).date()


def number_of(written: str) -> int:
    """A number that a button or a field of ours holds; 0 for anything else."""
    return int(written) if written.isascii() and written.isdigit() and len(written) < 18 else 0
