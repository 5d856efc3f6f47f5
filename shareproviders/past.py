"""What a share tells of its past: versions, what lies in the trash, changes in its journal."""

from __future__ import annotations

from dataclasses import dataclass


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
