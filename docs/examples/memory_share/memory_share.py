"""A complete share provider in one module: everything in memory, gone when the server stops. For one process only."""

from __future__ import annotations

import itertools
import secrets
import threading
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import Connection, event

from shareproviders import contract
from shareproviders.contract import Expected, Ground, Node, Staged, Writing
from shareproviders.media import media_type_of
from shareproviders.paths import ROOT, SharePath

ROOT_ID = 1
PIECE = 128 * 1024
MAX_PROPERTY_BYTES = 1024 * 1024


class Kept(NamedTuple):
    """One node as the share keeps it; never altered in place, so a reader's view stays whole."""

    id: int
    parent: int
    name: str
    body: bytes | None
    tag: str
    media_type: str
    created: int
    modified: int
    properties: Mapping[str, str]


class Shelf:
    """All nodes at one instant, by id and by place. Changed only while it is a transaction's own copy."""

    def __init__(self, by_id: dict[int, Kept], by_place: dict[int, dict[str, int]]) -> None:
        self.by_id, self.by_place = by_id, by_place

    def copy(self) -> Shelf:
        return Shelf(dict(self.by_id), {parent: dict(names) for parent, names in self.by_place.items()})

    def keep(self, kept: Kept) -> Kept:
        before = self.by_id.get(kept.id)
        if before is not None:
            del self.by_place[before.parent][before.name]
        self.by_id[kept.id] = kept
        self.by_place.setdefault(kept.parent, {})[kept.name] = kept.id
        return kept

    def drop(self, kept: Kept) -> None:
        for member in self.members(kept.id):
            self.drop(member)
        del self.by_id[kept.id], self.by_place[kept.parent][kept.name]

    def members(self, parent: int) -> list[Kept]:
        return [self.by_id[each] for each in self.by_place.get(parent, {}).values()]

    def find(self, path: SharePath) -> Kept | None:
        current = ROOT_ID
        for segment in path.segments:
            current = self.by_place.get(current, {}).get(segment, 0)
        return self.by_id.get(current)

    def lineage(self, kept: Kept) -> tuple[int, ...]:
        above = () if kept.id == ROOT_ID else self.lineage(self.by_id[kept.parent])
        return (*above, kept.id)

    def size(self, kept: Kept) -> int:
        return sum(map(self.size, self.members(kept.id))) if kept.body is None else len(kept.body)

    def get(self, path: SharePath) -> Kept:
        kept = self.find(path)
        if kept is None:
            raise contract.NotFound(f"{path} does not exist")
        return kept

    def with_id(self, node_id: int) -> Kept:
        if node_id not in self.by_id:
            raise contract.NotFound(f"no node {node_id}")
        return self.by_id[node_id]

    def parent_of(self, path: SharePath) -> Kept:
        parent = self.find(path.parent)
        if parent is None or parent.body is not None:
            raise contract.ParentMissing(f"the folder {path.parent} does not exist")
        return parent

    def node(self, kept: Kept) -> Node:
        folder = kept.body is None
        media_type = "" if folder else kept.media_type or media_type_of(kept.name)
        facts = (kept.name, folder, self.size(kept), kept.tag, media_type, kept.created, kept.modified, 0)
        return Node(kept.id, self.lineage(kept), *facts)


class StagedBytes:
    """A whole body that no name leads to yet."""

    def __init__(self, body: bytes) -> None:
        self.body, self.size = body, len(body)

    def discard(self) -> None:
        self.body = b""


class MemoryShare:
    """Keeps documents and dead properties; no versions, no trash, no journal."""

    read_only = False

    def __init__(self, ground: Ground) -> None:
        if ground.options:
            raise ValueError(f"a memory share has no options, but got: {', '.join(sorted(ground.options))}")
        self._ground = ground
        now = ground.clock()
        # Rights and locks hang on ids, so an id must never come back, not even after a restart: count from the
        # clock. The root alone is the same in every life of the share.
        self._ids = itertools.count(now)
        self._shelf = Shelf({}, {})
        self._shelf.keep(Kept(ROOT_ID, 0, "", None, "", "", now, now, {}))
        self._thread = threading.local()

    # Transactions. A verb must vanish when the caller's transaction is rolled back. A share that keeps its state in
    # the server's database gets that from `begin_transaction`; this one works on a copy and listens to the connection.

    @contextmanager
    def _changing(self) -> Iterator[Shelf]:
        with self._ground.begin_transaction() as connection:
            if getattr(self._thread, "draft", None) is None:
                self._thread.draft = self._shelf.copy()
                if not event.contains(connection, "commit", self._publish):
                    event.listen(connection, "commit", self._publish)
                    event.listen(connection, "rollback", self._forget)
            yield self._thread.draft

    def _publish(self, _connection: Connection) -> None:
        self._shelf = self._seen()
        self._thread.draft = None

    def _forget(self, _connection: Connection) -> None:
        self._thread.draft = None

    def _seen(self) -> Shelf:
        """What this thread may see: its own open transaction, else what is committed."""
        return getattr(self._thread, "draft", None) or self._shelf

    # Reading. What can fail must fail at the call, not when the first piece is taken.

    def prepare(self) -> None:
        """Nothing: the root is there from the start."""

    def stat(self, path: SharePath) -> Node:
        shelf = self._seen()
        return shelf.node(shelf.get(path))

    def children(self, node: Node) -> list[Node]:
        shelf = self._seen()
        kept = shelf.with_id(node.id)
        if kept.body is not None:
            raise contract.WrongKind(f"{kept.name} is a document")
        return sorted(map(shelf.node, shelf.members(kept.id)), key=lambda member: member.name)

    def locate(self, node_id: int) -> tuple[SharePath, Node]:
        shelf = self._seen()
        node = shelf.node(shelf.with_id(node_id))
        return SharePath(tuple(shelf.by_id[step].name for step in node.lineage[1:])), node

    def read(self, node: Node, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        kept = self._seen().with_id(node.id)
        if kept.body is None:
            raise contract.WrongKind(f"{kept.name} is a folder")
        if kept.tag != node.entity_tag:  # its bytes are gone; never answer with those of another version
            raise contract.Unavailable(f"{kept.name} was replaced a moment ago; try again")
        body = kept.body
        end = len(body) if length is None else min(start + length, len(body))
        return (body[at : min(at + PIECE, end)] for at in range(start, end, PIECE))

    # Changing. Check everything first, then change: a refused verb must leave no half of itself behind.

    def stage(self, chunks: Iterable[bytes]) -> StagedBytes:
        return StagedBytes(b"".join(chunks))

    def put(self, path: SharePath, staged: Staged, expected: Expected, writing: Writing) -> tuple[Node, bool]:
        assert isinstance(staged, StagedBytes)  # the door hands back what our own `stage` gave
        with self._changing() as shelf:
            parent, before = shelf.parent_of(path), shelf.find(path)
            if before is not None and before.body is None:
                raise contract.WrongKind(f"{path} is a folder")
            if (expected.absent and before) or (expected.entity_tag and expected.entity_tag != (before and before.tag)):
                raise contract.Outdated(f"{path} was changed meanwhile")
            self._make_room(shelf, staged.size, before)
            kept = before or self._fresh(parent, path.name, writing)
            modified = writing.at if writing.modified is None else writing.modified
            kept = kept._replace(body=staged.body, tag=fresh_tag(), media_type=writing.media_type, modified=modified)
            return shelf.node(shelf.keep(kept)), before is None

    def make_collection(self, path: SharePath, writing: Writing) -> Node:
        with self._changing() as shelf:
            if shelf.find(path) is not None:
                raise contract.NameTaken(f"{path} exists already")
            return shelf.node(shelf.keep(self._fresh(shelf.parent_of(path), path.name, writing)))

    def delete(self, path: SharePath, writing: Writing) -> None:
        with self._changing() as shelf:
            shelf.drop(shelf.get(path))

    def move(self, source: SharePath, target: SharePath, writing: Writing) -> Node:
        with self._changing() as shelf:
            moved, parent, before = ends(shelf, source, target)
            if before is None:
                return shelf.node(shelf.keep(moved._replace(parent=parent.id, name=target.name)))
            shelf.drop(moved)
            return shelf.node(shelf.keep(overwritten(before, moved)))

    def copy(
        self, source: SharePath, target: SharePath, writing: Writing, *, deep: bool, without: Container[int] = ()
    ) -> Node:
        with self._changing() as shelf:
            copied, parent, before = ends(shelf, source, target)
            self._make_room(shelf, shelf.size(copied), before)
            if before is not None:
                return shelf.node(shelf.keep(overwritten(before, copied)))
            place = copied._replace(parent=parent.id, name=target.name, created=writing.at)
            return shelf.node(self._copied(shelf, copied.id, place, without if deep else None))

    def set_modified(self, node: Node, modified: int, writing: Writing) -> Node:
        with self._changing() as shelf:
            return shelf.node(shelf.keep(shelf.with_id(node.id)._replace(modified=modified)))

    def _fresh(self, parent: Kept, name: str, writing: Writing) -> Kept:
        return Kept(next(self._ids), parent.id, name, None, "", "", writing.at, writing.modified or writing.at, {})

    def _copied(self, shelf: Shelf, source: int, place: Kept, without: Container[int] | None) -> Kept:
        """Keep a copy of the node `source` as `place` says; of its members too, unless `without` is None."""
        members = shelf.members(source) if without is not None else []
        result = shelf.keep(place._replace(id=next(self._ids), tag=fresh_tag() if place.body is not None else ""))
        for member in members:
            if without is not None and member.id not in without:
                self._copied(shelf, member.id, member._replace(parent=result.id, created=place.created), without)
        return result

    def _make_room(self, shelf: Shelf, size: int, before: Kept | None) -> None:
        freed = len(before.body or b"") if before else 0
        limit = self._ground.quota
        if limit is not None and shelf.size(shelf.by_id[ROOT_ID]) + size - freed > limit:
            raise contract.QuotaExceeded(f"this share holds at most {limit} bytes")

    # Optional abilities: a provider has one as soon as it has its methods; nothing is registered anywhere.

    def properties(self, nodes: Iterable[Node]) -> dict[int, dict[str, str]]:
        by_id = self._seen().by_id
        return {node.id: dict(by_id[node.id].properties) for node in nodes if node.id in by_id}

    def set_properties(self, node: Node, changes: Mapping[str, str | None], writing: Writing) -> Node:
        with self._changing() as shelf:
            kept = shelf.with_id(node.id)
            after = {name: value for name, value in {**kept.properties, **changes}.items() if value is not None}
            if sum(len(name.encode()) + len(value.encode()) for name, value in after.items()) > MAX_PROPERTY_BYTES:
                raise contract.QuotaExceeded("the properties of one resource can have at most 1 MiB")
            return shelf.node(shelf.keep(kept._replace(properties=after)))

    def usage(self) -> contract.Usage:
        shelf, limit = self._seen(), self._ground.quota
        used = shelf.size(shelf.by_id[ROOT_ID])
        return contract.Usage(used, limit, available=1 << 40 if limit is None else max(0, limit - used))


def ends(shelf: Shelf, source: SharePath, target: SharePath) -> tuple[Kept, Kept, Kept | None]:
    """What is moved or copied, the folder that receives it, and the document that it overwrites, if any."""
    kept, before = shelf.get(source), shelf.find(target)
    if source in (ROOT, target) or target.is_inside(source):
        raise contract.WrongKind(f"{source} cannot go into itself")
    parent = shelf.parent_of(target)
    if before is not None and (kept.body is None or before.body is None):
        raise contract.NameTaken(f"{target} exists already")
    return kept, parent, before


def overwritten(before: Kept, source: Kept) -> Kept:
    """A document onto a document (RFC 4918 §9.9): place, id and birth stay, all else is the source's."""
    return source._replace(
        id=before.id, parent=before.parent, name=before.name, created=before.created, tag=fresh_tag()
    )


def fresh_tag() -> str:
    """Random, so that no tag comes back, be it after a restart or a roll-back."""
    return secrets.token_hex(12)
