"""Meetings of a committee and the items of their agendas, as declared."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
    """Given by the store; 0 before."""
