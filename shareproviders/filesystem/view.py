"""The disk and the index side by side: each thing is looked at on the disk and must agree with its row.

Where they disagree somebody changed the directory behind our back, or another writer is between rename and commit.
A view that only reads says `DisagreesError`, so that the share looks again inside a write transaction, where no other
writer can be; there the index follows the disk.
"""

from __future__ import annotations

import os
import secrets
from contextlib import ExitStack, suppress
from typing import NamedTuple, Self

from sqlalchemy import Connection

from shareproviders.contract import Node, NotFound
from shareproviders.filesystem.handles import (
    STAGING,
    Disk,
    Look,
    Segments,
    born,
    closing,
    enter,
    look,
    looked,
    visible_names,
    walk,
)
from shareproviders.filesystem.index import Index, Known, seen
from shareproviders.media import media_type_of
from shareproviders.paths import SharePath


class DisagreesError(Exception):
    """Disk and index disagree; only a write transaction can tell why."""


class Place(NamedTuple):
    """A collection that is entered: its row, the ids above and of itself, its path, its descriptor."""

    known: Known
    lineage: tuple[int, ...]
    segments: Segments
    directory: int


class View:
    """One verb's sight of the share; a context, because it holds descriptors."""

    def __init__(self, disk: Disk, index: Index, connection: Connection, *, writable: bool) -> None:
        self._disk, self._index, self._writable = disk, index, writable
        self.connection = connection
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._directory = self._open.enter_context(self._disk.root())
        return self

    def __exit__(self, *_failure: object) -> None:
        self._open.close()

    def root(self) -> Place:
        """Raises NotFound before the share is prepared."""
        known = self._index.root(self.connection)
        if known is None:
            raise NotFound("this share is not prepared")
        return Place(known, (known.id,), (), self._directory)

    def enter(self, path: SharePath) -> Place | None:
        """The collection at `path`; None if there is none."""
        place = self.root()
        for name in path.segments:
            known = self.member(place, name)
            if known is None or not known.collection:
                return None
            place = self.inside(place, known)
            self._open.callback(os.close, place.directory)
        return place

    def inside(self, place: Place, known: Known) -> Place:
        """A member collection; the caller closes its descriptor."""
        try:
            directory = enter(place.directory, known.name)
        except FileNotFoundError:
            raise DisagreesError from None
        status = os.fstat(directory)
        if not _same_thing(known, looked(status, born(directory, "", status))):
            os.close(directory)
            raise DisagreesError
        return Place(known, (*place.lineage, known.id), (*place.segments, known.name), directory)

    def open(self, place: Place, known: Known) -> int:
        """Descriptor of a member document for reading; exactly the content that its row stands for."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(known.name, flags, dir_fd=place.directory)
        except FileNotFoundError:
            raise DisagreesError from None
        if not _unchanged(known, looked(os.fstat(descriptor), known.born)):
            os.close(descriptor)
            raise DisagreesError
        return descriptor

    def trust(self, segments: Segments) -> None:
        """After an undo the same content has a new change time on the disk; the row takes it over, the tag stays."""
        known = self._index.root(self.connection) if segments[0] != STAGING else None
        for name in segments:
            known = known and self._index.child(self.connection, known.id, name)
        if known is None:
            return
        with suppress(FileNotFoundError), closing(walk(self._directory, segments[:-1])) as directory:
            found = look(directory, segments[-1])
            if found is not None and _unchanged(known, found._replace(ctime=known.ctime)):
                self._index.keep(self.connection, seen(known, found))

    def member(self, place: Place, name: str) -> Known | None:
        """What lies under `name` in a collection, index and disk agreeing."""
        if not place.segments and name == STAGING:
            return None
        known = self._index.child(self.connection, place.known.id, name)
        return self._agreed(place, name, known, look(place.directory, name))

    def members(self, place: Place) -> list[Known]:
        """All members, sorted by name."""
        rows = self._index.members(self.connection, place.known.id)
        names = visible_names(place.directory, at_root=not place.segments)
        found = [self._agreed(place, name, rows.pop(name, None), look(place.directory, name)) for name in names]
        for name, known in rows.items():
            self._agreed(place, name, known, None)
        return sorted((known for known in found if known is not None), key=lambda known: known.name)

    def find(self, path: SharePath) -> tuple[Known, tuple[int, ...]]:
        """The row at `path` and its lineage. Raises NotFound."""
        if path.is_root:
            place = self.root()
            return place.known, place.lineage
        parent = self.enter(path.parent)
        known = None if parent is None else self.member(parent, path.name)
        if parent is None or known is None:
            raise NotFound(f"{path} does not exist")
        return known, (*parent.lineage, known.id)

    def where(self, node_id: int) -> SharePath:
        """Where the index has this id; the disk is not asked. Raises NotFound."""
        names: list[str] = []
        known = self._index.by_id(self.connection, node_id)
        while known is not None and known.parent:
            names.append(known.name)
            known = self._index.by_id(self.connection, known.parent)
        if known is None:
            raise NotFound(f"no node {node_id}")
        return SharePath(tuple(reversed(names)))

    def node(self, known: Known, lineage: tuple[int, ...]) -> Node:
        return Node(
            id=known.id,
            lineage=lineage,
            name=known.name,
            is_collection=known.collection,
            size=known.size,
            entity_tag=known.tag,
            media_type="" if known.collection else known.media_type or media_type_of(known.name),
            created=known.created,
            modified=known.modified,
            change=0,
        )

    def _agreed(self, place: Place, name: str, known: Known | None, found: Look | None) -> Known | None:
        if found is not None and known is not None and _unchanged(known, found):
            return known
        if found is None and known is None:
            return None
        if not self._writable:
            raise DisagreesError
        if found is not None and known is not None and _same_thing(known, found):
            return self._followed(place, known, found)
        if known is not None:
            self._index.remove(self.connection, known)
            self._index.grow(self.connection, place.lineage, -known.size)
        return None if found is None else self._adopted(place, name, found)

    def _followed(self, place: Place, known: Known, found: Look) -> Known:
        """A document that was written in place: same id, new entity tag."""
        self._index.grow(self.connection, place.lineage, found.size - known.size)
        fresh = seen(known, found)._replace(tag=new_tag(), modified=found.mtime // 1000)
        return self._index.keep(self.connection, fresh)

    def _adopted(self, place: Place, name: str, found: Look) -> Known:
        """Something that was put there behind our back, or in place of what was known: a new id."""
        modified = found.mtime // 1000
        created = found.born // 1000 or modified
        known = self._index.add(
            self.connection, row_of(place.known.id, name, found, created=created, modified=modified)
        )
        self._index.grow(self.connection, place.lineage, known.size)
        return known


def row_of(parent: int, name: str, found: Look, media_type: str = "", *, created: int, modified: int) -> Known:
    """A new row for what lies on the disk; the id comes with `Index.add`."""
    empty = Known(0, parent, name, found.collection, 0, 0, 0, 0, 0, "", "", created, modified)
    if not found.collection:
        empty = empty._replace(tag=new_tag(), media_type=media_type)
    return seen(empty, found)


def new_tag() -> str:
    """Random, so that no tag comes back after a roll-back, a restore or a restart."""
    return secrets.token_hex(12)


def _same_thing(known: Known, found: Look) -> bool:
    return (known.collection, known.inode, known.born) == (found.collection, found.inode, found.born)


def _unchanged(known: Known, found: Look) -> bool:
    """Nobody wrote, replaced or touched it since; a write moves the change time, which nobody can set.

    Its grain is a tick of the kernel's clock (some milliseconds): of two writes within one tick by others, into the
    same file and of equal size, the second can go unseen. Ours never do: each brings a new file and a new tag.
    """
    if not _same_thing(known, found):
        return False
    return known.collection or (known.size, known.mtime, known.ctime) == (found.size, found.mtime, found.ctime)
