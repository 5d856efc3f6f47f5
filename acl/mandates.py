"""Committees, dated mandates in them, and the offices that somebody holds at an instant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from acl.labels import NEVER, ON_CREATION, Bound, Classification

ROLES = (
    "clerk",
    "chair",
    "vice_chair",
    "member",
    "sub_chair",
    "sub_member",
    "minutes",
    "commissioner",
    "department",
    "guest",
    "press",
    "citizen",
    "former_member",
    "admin",
    "auditor",
)
"""All offices there are; `config/roles.toml` has a row for each."""
CHAIR, VICE_CHAIR = "chair", "vice_chair"
"""The office that is represented where it is recused, and the one that represents it."""


class CommitteeKind(StrEnum):
    PLENARY = "plenary"
    SUB = "sub"
    FACTION = "faction"
    BOARD = "board"


@dataclass(frozen=True, slots=True)
class Committee:
    """The facts of a committee that decide rights in its share."""

    share: str
    """Its id, which is its share's id."""
    name: str
    kind: CommitteeKind = CommitteeKind.PLENARY
    default_class: Classification = Classification.RESTRICTED
    """Of what has no label."""
    has_meetings: bool = True
    """False: papers are released when created; True: they are drafts until released."""
    early_access: bool = False
    """Members may look at drafts as far as the table's `early` cells say."""
    publish_with_agenda: bool = False
    """Public papers are published at their release."""

    @property
    def ground(self) -> Bound:
        """What holds at the share's root, before any label."""
        return Bound(self.default_class, NEVER if self.has_meetings else ON_CREATION)


@dataclass(frozen=True, slots=True)
class Mandate:
    """A person holds an office in a committee from `start` on, before `end`."""

    share: str
    person: str
    """Login name."""
    role: str
    start: int
    """Microseconds since the epoch."""
    end: int | None = None

    def holds_at(self, at: int) -> bool:
        return self.start <= at and (self.end is None or at < self.end)


def absence(mandates: Iterable[Mandate], share: str, at: int) -> str:
    """Why nobody's running mandate was found: `mandate:ended@ba05`, `mandate:future@ba05` or `mandate:none@ba05`."""
    own = [mandate for mandate in mandates if mandate.share == share]
    if any(mandate.start > at for mandate in own):
        return f"mandate:future@{share}"
    return f"mandate:ended@{share}" if own else f"mandate:none@{share}"
