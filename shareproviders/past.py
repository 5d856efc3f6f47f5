"""What a share tells of its past: versions, what lies in the trash, changes in its journal, who wrote what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Version:
    """One kept state of a document."""

    id: int
    size: int
    entity_tag: str
    media_type: str
    by: str
    at: int


@dataclass(frozen=True, slots=True)
class Trashed:
    """A deleted node that can come back; what lay beneath comes with it."""

    node_id: int
    name: str
    is_collection: bool
    size: int
    parent_id: int
    by: str
    at: int
    lineage: tuple[int, ...]
    """Ids from the share's root to itself as it lay, through what was deleted after it too."""


@dataclass(frozen=True, slots=True)
class Left:
    """The place that a node left."""

    parent_id: int
    name: str
    is_collection: bool


@dataclass(frozen=True, slots=True)
class Change:
    """One journal row: what happened to which node."""

    number: int
    node_id: int
    parent_id: int
    kind: str
    """`put`, `make`, `move`, `delete`, `restore`, `properties`."""
    left: Left | None = None
    """Of `move` and `delete`: where it was before."""


class Authored(NamedTuple):
    """Something that a principal did and that is still kept: a version, or a deletion whose thing lies in the trash."""

    node_id: int
    at: int
    size: int
    """Bytes of the version; of what was deleted 0."""
    is_deletion: bool


@runtime_checkable
class KeepsAuthors(Protocol):
    """Knows by whom versions were written and things deleted (the `by` of `Writing`)."""

    def authored(self, by: str) -> Iterator[Authored]:
        """All that is his; the versions first, each kind oldest first."""

    def rename_author(self, by: str, anew: str) -> int:
        """Put another word in his place everywhere, in the caller's transaction; how often. Changes no document."""
