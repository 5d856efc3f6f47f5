"""Legal holds: what must stay as it is while a court, an auditor or the archive asks for it (rights.md §2.5)."""

from __future__ import annotations

from dataclasses import dataclass

from acl.privileges import Rights

HELD = Rights.WRITE_CONTENT | Rights.WRITE_PROPERTIES | Rights.UNBIND | Rights.CLASSIFY
"""What nobody may do under a hold; reading stays, and so does adding to a held collection."""


@dataclass(frozen=True, slots=True)
class Hold:
    """One node and all beneath it, kept as they are within `[start, end)`."""

    share: str
    node: int
    start: int
    """Microseconds since the epoch, as all instants here."""
    end: int | None
    by: str
    """Principal key of who recorded it."""
    at: int
    reason: bytes | None = None
    """Sealed by the caller."""
    id: int = 0
    """Given by the store; 0 before."""

    def holds_at(self, at: int) -> bool:
        return self.start <= at and (self.end is None or at < self.end)


def check_hold(hold: Hold) -> None:
    """Raises ValueError, one sentence, for a hold that never holds."""
    if hold.end is not None and hold.end <= hold.start:
        raise ValueError("a hold must start before it ends")
