"""Exclusion of a person from an agenda item or a matter for personal involvement (Art. 49 GO)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Effect(StrEnum):
    """What somebody is excluded from; only the loss of the documents concerns rights."""

    DOCUMENTS = "documents"
    DISCUSSION = "discussion"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Recusal:
    """One person, one agenda item or one matter, within `[start, end)`."""

    share: str
    """Of the agenda item; '' for a recusal by matter, which holds in every committee."""
    person: str
    """Login name."""
    agenda_item: int | None
    """Its id."""
    matter_mark: bytes | None
    start: int
    """Microseconds since the epoch, as all instants here."""
    end: int | None
    effect: Effect
    by: str
    """Principal key of who recorded it."""
    at: int
    id: int = 0
    """Given by the store; 0 before."""

    def holds_at(self, at: int) -> bool:
        return self.start <= at and (self.end is None or at < self.end)


def check_recusal(recusal: Recusal) -> None:
    """Raises ValueError, one sentence, for a recusal that names not exactly one thing or never holds."""
    if (recusal.agenda_item is None) == (recusal.matter_mark is None):
        raise ValueError("a recusal names an agenda item or a matter, one of the two")
    if (recusal.agenda_item is None) != (recusal.share == ""):
        raise ValueError("a recusal by agenda item names the item's committee, one by matter names none")
    if recusal.end is not None and recusal.end <= recusal.start:
        raise ValueError("a recusal must start before it ends")
