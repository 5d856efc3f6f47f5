"""Classification and the dates of a paper: inheritance, phases by the clock, and what a paper carries when it moves."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, StrEnum
from typing import NamedTuple


class Classification(IntEnum):
    """How secret a paper is; higher is stricter (rights.md §1)."""

    PUBLIC = 0
    RESTRICTED = 1
    NON_PUBLIC = 2
    PERSONAL = 3
    OFFICE = 4
    FACTION = 5

    @property
    def word(self) -> str:
        """As written in files and commands: `non_public`."""
        return self.name.lower()

    @classmethod
    def parse(cls, word: str) -> Classification:
        """Raises ValueError that names the possible words."""
        try:
            return cls[word.upper()]
        except KeyError:
            raise ValueError(f"unknown class {word!r}; one of: {', '.join(c.word for c in cls)}") from None


class Phase(StrEnum):
    """Where a paper stands in time (rights.md §1)."""

    DRAFT = "draft"
    RELEASED = "released"
    CONCLUDED = "concluded"
    CLOSED = "closed"
    PUBLISHED = "published"


ON_CREATION = 0
"""As `release_at`: released as soon as it exists, the rule of a work folder and of a committee without meetings."""
NEVER = (1 << 63) - 1
"""As any date of a label: not by the clock. As `release_at` a draft, whatever the folder above says."""


class Label(NamedTuple):
    """What is written at one node; each part that is None comes from the nearest ancestor that has it."""

    classification: Classification | None = None
    release_at: int | None = None
    """Microseconds since the epoch, as all dates here; `ON_CREATION` and `NEVER` are possible."""
    close_at: int | None = None
    review_at: int | None = None
    publish_at: int | None = None
    matter: bytes | None = None
    """Marks of the matters that it concerns, 16 bytes each, joined; those of ancestors hold besides."""


class Bound(NamedTuple):
    """The label that holds at a node, after inheritance, with what its meeting adds."""

    classification: Classification
    release_at: int
    close_at: int = NEVER
    review_at: int = NEVER
    publish_at: int = NEVER
    concluded_at: int = NEVER
    """The end of its meeting."""
    ended_at: int = NEVER
    """The midnight after the approval of the minutes: closes it, but takes back no publication."""
    matters: frozenset[bytes] = frozenset()
    """Marks of the matters that it concerns."""

    def under(self, label: Label) -> Bound:
        """What holds one level deeper, where `label` is written."""
        return Bound(
            self.classification if label.classification is None else label.classification,
            self.release_at if label.release_at is None else label.release_at,
            self.close_at if label.close_at is None else label.close_at,
            self.review_at if label.review_at is None else label.review_at,
            self.publish_at if label.publish_at is None else label.publish_at,
            self.concluded_at,
            self.ended_at,
            self.matters if label.matter is None else self.matters | marks(label.matter),
        )

    def phase_at(self, at: int) -> Phase:
        """Released comes first; of closing and publishing the later one that has passed holds, closing on a tie."""
        if at < self.release_at:
            return Phase.DRAFT
        closed = self.close_at <= at
        if self.publish_at <= at and not (closed and self.close_at >= self.publish_at):
            return Phase.PUBLISHED
        if closed or self.ended_at <= at:
            return Phase.CLOSED
        return Phase.CONCLUDED if self.concluded_at <= at else Phase.RELEASED

    def next_edge(self, at: int) -> int | None:
        """The next instant at which the phase may change."""
        return next_edge(at, (self.release_at, self.close_at, self.publish_at, self.concluded_at, self.ended_at))


MARK_BYTES = 16


def marks(joined: bytes) -> frozenset[bytes]:
    """The marks of a label's `matter`."""
    return frozenset(joined[begin : begin + MARK_BYTES] for begin in range(0, len(joined), MARK_BYTES))


def next_edge(at: int, instants: Iterable[int | None]) -> int | None:
    """The earliest of the instants that lies after `at`; None if there is none."""
    return min((instant for instant in instants if instant is not None and at < instant < NEVER), default=None)


def earlier(one: int | None, other: int | None) -> int | None:
    """The earlier of two edges, where None means never."""
    if one is None:
        return other
    return one if other is None or one < other else other


def carried(source: Bound, target: Bound) -> Label:
    """The label that a paper takes along from `source` into a folder where `target` holds (rights.md §2.7).

    The higher class, the later release, the earlier closing and review, the matters of both; never a publication.
    Agenda items go along as bindings, which are the door's to write.
    """
    return Label(
        max(source.classification, target.classification),
        max(source.release_at, target.release_at),
        min(source.close_at, source.ended_at, target.close_at, target.ended_at),
        min(source.review_at, target.review_at),
        None,
        b"".join(sorted(source.matters | target.matters)) or None,
    )
