"""Classification and the dates of a paper."""

from __future__ import annotations

from enum import IntEnum, StrEnum


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
