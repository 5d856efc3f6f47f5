"""Meetings of a committee and the items of their agendas, as declared."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import time
from enum import StrEnum

from acl.calendar import MIDNIGHT, on_next_day

CLOSES_ITSELF = time(6)
"""Berlin time of the day after a meeting at which it is over, whether or not somebody closed it."""


class MeetingState(StrEnum):
    PLANNED = "planned"
    AGENDA_RELEASED = "agenda_released"
    RUNNING = "running"
    CLOSED = "closed"
    MINUTES_APPROVED = "minutes_approved"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Meeting:
    """One sitting; instants are microseconds since the epoch."""

    share: str
    id: str
    """Unique in the share, such as `2026-12-07`."""
    title: str
    start: int
    end: int
    state: MeetingState = MeetingState.PLANNED
    node: int | None = None
    """Its folder."""
    released_at: int | None = None
    closed_at: int | None = None
    approved_at: int | None = None
    """The instants at which the states were reached."""

    @property
    def over_at(self) -> int:
        """When it ends: when it is closed, or by itself the next morning; never at its planned time."""
        by_itself = on_next_day(self.end, CLOSES_ITSELF)
        return by_itself if self.closed_at is None else min(self.closed_at, by_itself)

    @property
    def settled_at(self) -> int | None:
        """The midnight after the approval of its minutes."""
        return None if self.approved_at is None else on_next_day(self.approved_at, MIDNIGHT)


def deciding(meetings: Iterable[Meeting]) -> Meeting | None:
    """Of several meetings the latest that is not cancelled decides a paper's phase."""
    held = [meeting for meeting in meetings if meeting.state is not MeetingState.CANCELLED]
    return max(held, key=lambda meeting: (meeting.start, meeting.id), default=None)


@dataclass(frozen=True, slots=True)
class AgendaItem:
    """One item of an agenda."""

    share: str
    meeting: str
    number: str
    """`4.2.1`; unique in the meeting."""
    title: str
    public: bool
    matter: str | None = None
    """The file number that ties items of several meetings together."""
    id: int = 0
    """Given by the store, and unique over all shares; 0 before."""
    node: int | None = None
    """Its folder."""
    matter_mark: bytes | None = None
    """Made by the store from the matter; equal for equal matters of all committees."""


Mark = Callable[[str], bytes]
"""Makes 16 bytes of a normalised matter number that tell nothing but equality (a keyed hash)."""


def normal_matter(number: str) -> str:
    """A matter's number as it is marked: upper case, one blank around `/` and after its letter: `20-26 / V 15898`."""
    parts = " / ".join(" ".join(part.split()) for part in number.upper().split("/"))
    return re.sub(r"(?<=/ [A-Z])(?=[0-9])", " ", parts)
