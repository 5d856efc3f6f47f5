"""A complete policy: nothing is read through the export channel between 22:00 and 06:00, Berlin time."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from acl.policies import RequestFacts
from acl.principals import Channel
from acl.privileges import Rights

BERLIN = ZoneInfo("Europe/Berlin")
EVENING, MORNING = 22, 6


class QuietHours:
    """Objects to reading and viewing at night; grants nothing."""

    name = "quiet-hours"
    per_node = False
    """All papers of a region get the same answer, so a listing asks once."""
    changes_without_notice = False
    """The answer follows from the facts alone; `until` says when the clock changes it."""

    def grants(self, facts: RequestFacts) -> Rights:
        """A policy may add rights; this one never does."""
        return Rights.NONE

    def forbids(self, facts: RequestFacts) -> Rights:
        """Rights to take away, whoever gave them."""
        hour = _local(facts.at).hour
        night = hour >= EVENING or hour < MORNING
        return Rights.READ if facts.channel is Channel.EXPORT and night else Rights.NONE

    def until(self, facts: RequestFacts) -> int | None:
        """The next 22:00 or 06:00; answers may be kept until then."""
        now = _local(facts.at)
        days = (now.date(), now.date() + timedelta(days=1))
        edges = [datetime(d.year, d.month, d.day, hour, tzinfo=BERLIN) for d in days for hour in (MORNING, EVENING)]
        return min(edge for edge in (int(e.timestamp()) * 1_000_000 for e in edges) if edge > facts.at)


def _local(at: int) -> datetime:
    return datetime.fromtimestamp(at // 1_000_000, BERLIN)
