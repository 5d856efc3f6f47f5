"""A copy, made whole in the staging directory before one rename shows it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Container
from typing import NamedTuple

from shareproviders.filesystem.bodies import Bodies
from shareproviders.filesystem.handles import Look, closing, copy_document, enter, look, remove
from shareproviders.filesystem.index import Index, Known
from shareproviders.filesystem.view import DisagreesError, Place, View, row_of


class Copied(NamedTuple):
    """One node of the copy: what it was made from, what the disk says about it, its members."""

    source: Known
    look: Look
    size: int
    members: tuple[Copied, ...]


class Copying:
    """One COPY: `run` makes the bytes, `record` the rows once the copy has its place."""

    def __init__(self, view: View, bodies: Bodies, *, deep: bool, without: Container[int]) -> None:
        self._view, self._bodies = view, bodies
        self._deep, self._without = deep, without
        self._name = secrets.token_hex(16)
        self.place = bodies.place(self._name)

    def run(self, origin: Place, known: Known) -> Copied:
        """Copies `known`, a member of `origin`; leaves nothing behind if it fails."""
        with closing(self._bodies.directory(self._view.root().directory)) as new:
            try:
                return self._copy(origin, known, new, self._name)
            except BaseException:
                remove(new, self._name)
                raise

    def discard(self) -> None:
        with closing(self._bodies.directory(self._view.root().directory)) as new:
            remove(new, self._name)

    def _copy(self, origin: Place, known: Known, target: int, name: str) -> Copied:
        members: tuple[Copied, ...] = ()
        if known.collection:
            os.mkdir(name, 0o770, dir_fd=target)
            if self._deep:
                members = self._copy_members(origin, known, target, name)
        else:
            copy_document(origin.directory, known.name, target, name, self._bodies.durability)
        found = look(target, name)
        if found is None:
            raise DisagreesError
        size = sum(member.size for member in members) if known.collection else found.size
        return Copied(known, found, size, members)

    def _copy_members(self, origin: Place, known: Known, target: int, name: str) -> tuple[Copied, ...]:
        place = self._view.inside(origin, known)
        with closing(place.directory), closing(enter(target, name)) as copy:
            wanted = [member for member in self._view.members(place) if member.id not in self._without]
            members = tuple(self._copy(place, member, copy, member.name) for member in wanted)
            self._bodies.durability.sync(copy)
        return members

    def record(self, index: Index, copied: Copied, parent: Place, name: str, at: int) -> Known:
        """Rows and dead properties of the copy under `parent`; sizes above are left to the caller."""
        return self._record(index, copied, parent.known.id, name, at)

    def _record(self, index: Index, copied: Copied, parent: int, name: str, at: int) -> Known:
        connection, source = self._view.connection, copied.source
        row = row_of(parent, name, copied.look, source.media_type, created=at, modified=source.modified)
        known = index.add(connection, row._replace(size=copied.size))
        brought = index.properties(connection, [source.id]).get(source.id)
        if brought:
            index.replace_properties(connection, known.id, brought)
        for member in copied.members:
            self._record(index, member, known.id, member.source.name, at)
        return known
