"""Meetings of a committee and the items of their agendas, as declared."""

from __future__ import annotations

from collections.abc import Callable
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
    node: int | None = None
    """Its folder."""
    released_at: int | None = None
    closed_at: int | None = None
    approved_at: int | None = None
    """The instants at which the states were reached."""


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
    """A matter's number as it is marked: upper case, single blanks, one around each `/`: `20-26 / V 15898`."""
    return " / ".join(" ".join(part.split()) for part in number.upper().split("/"))
