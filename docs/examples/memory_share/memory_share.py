"""A complete share provider in one module: everything in memory, gone when the server stops. For one process only."""

from __future__ import annotations

import itertools
import mimetypes
import secrets
import threading
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import Connection, event

from shareproviders.contract import (
    Expected,
    Ground,
    NameTaken,
    Node,
    NotFound,
    Outdated,
    ParentMissing,
    QuotaExceeded,
    Staged,
    Unavailable,
    Usage,
    Writing,
    WrongKind,
)
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
        self._shelf = getattr(self._thread, "draft", None) or self._shelf
        self._thread.draft = None

    def _forget(self, _connection: Connection) -> None:
        self._thread.draft = None

    def _seen(self) -> Shelf:
        """What this thread may see: its own open transaction, else what is committed."""
        return getattr(self._thread, "draft", None) or self._shelf

    def _node(self, shelf: Shelf, kept: Kept) -> Node:
        return Node(
            id=kept.id,
            lineage=shelf.lineage(kept),
            name=kept.name,
            is_collection=kept.body is None,
            size=shelf.size(kept),
            entity_tag=kept.tag,
            media_type=kept.media_type,
            created=kept.created,
            modified=kept.modified,
            change=0,
        )

    def _get(self, shelf: Shelf, path: SharePath) -> Kept:
        kept = shelf.find(path)
        if kept is None:
            raise NotFound(f"{path} does not exist")
        return kept

    def _parent(self, shelf: Shelf, path: SharePath) -> Kept:
        parent = shelf.find(path.parent)
        if parent is None or parent.body is not None:
            raise ParentMissing(f"the folder {path.parent} does not exist")
        return parent

    # Reading

    def prepare(self) -> None:
        """Nothing: the root is there from the start."""

    def stat(self, path: SharePath) -> Node:
        shelf = self._seen()
        return self._node(shelf, self._get(shelf, path))

    def children(self, node: Node) -> list[Node]:
        shelf = self._seen()
        kept = self._by_id(shelf, node.id)
        if kept.body is not None:
            raise WrongKind(f"{kept.name} is a document")
        return sorted((self._node(shelf, member) for member in shelf.members(kept.id)), key=lambda each: each.name)

    def locate(self, node_id: int) -> tuple[SharePath, Node]:
        shelf = self._seen()
        node = self._node(shelf, self._by_id(shelf, node_id))
        return SharePath(tuple(shelf.by_id[step].name for step in node.lineage[1:])), node

    def _by_id(self, shelf: Shelf, node_id: int) -> Kept:
        kept = shelf.by_id.get(node_id)
        if kept is None:
            raise NotFound(f"no node {node_id}")
        return kept

    def read(self, node: Node, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        kept = self._by_id(self._seen(), node.id)
        if kept.body is None:
            raise WrongKind(f"{kept.name} is a folder")
        if kept.tag != node.entity_tag:  # its bytes are gone; never answer with those of another version
            raise Unavailable(f"{kept.name} was replaced a moment ago; try again")
        body = kept.body
        end = len(body) if length is None else min(start + length, len(body))
        # A generator expression, not a generator function: what can fail must fail at the call, above.
        return (body[at : min(at + PIECE, end)] for at in range(start, end, PIECE))

    # Changing. Check everything first, then change: a refused verb must leave no half of itself behind.

    def stage(self, chunks: Iterable[bytes]) -> StagedBytes:
        return StagedBytes(b"".join(chunks))

    def put(self, path: SharePath, staged: Staged, expected: Expected, writing: Writing) -> tuple[Node, bool]:
        assert isinstance(staged, StagedBytes)  # the door hands back what our own `stage` gave
        with self._changing() as shelf:
            parent, before = self._parent(shelf, path), shelf.find(path)
            if before is not None and before.body is None:
                raise WrongKind(f"{path} is a folder")
            if (expected.absent and before) or (expected.entity_tag and expected.entity_tag != (before and before.tag)):
                raise Outdated(f"{path} was changed meanwhile")
            self._make_room(shelf, staged.size, before)
            kept = before or self._fresh(parent, path.name, writing)
            media_type = writing.media_type or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            kept = self._rewritten(kept, staged.body, media_type, writing)
            return self._node(shelf, shelf.keep(kept)), before is None

    def make_collection(self, path: SharePath, writing: Writing) -> Node:
        with self._changing() as shelf:
            self._free(shelf, path)
            return self._node(shelf, shelf.keep(self._fresh(self._parent(shelf, path), path.name, writing)))

    def delete(self, path: SharePath, writing: Writing) -> None:
        with self._changing() as shelf:
            shelf.drop(self._get(shelf, path))

    def move(self, source: SharePath, target: SharePath, writing: Writing) -> Node:
        with self._changing() as shelf:
            moved, parent, before = self._ends(shelf, source, target)
            if before is None:
                return self._node(shelf, shelf.keep(moved._replace(parent=parent.id, name=target.name)))
            shelf.drop(moved)
            return self._node(shelf, shelf.keep(self._overwritten(before, moved, writing)))

    def copy(
        self, source: SharePath, target: SharePath, writing: Writing, *, deep: bool, without: Container[int] = ()
    ) -> Node:
        with self._changing() as shelf:
            copied, parent, before = self._ends(shelf, source, target)
            if before is not None:
                self._make_room(shelf, len(copied.body or b""), before)
                return self._node(shelf, shelf.keep(self._overwritten(before, copied, writing)))
            self._make_room(shelf, shelf.size(copied), None)
            return self._node(
                shelf, self._copied(shelf, copied, parent, target.name, writing, deep=deep, without=without)
            )

    def set_modified(self, node: Node, modified: int, writing: Writing) -> Node:
        with self._changing() as shelf:
            return self._node(shelf, shelf.keep(self._by_id(shelf, node.id)._replace(modified=modified)))

    def _fresh(self, parent: Kept, name: str, writing: Writing) -> Kept:
        modified = writing.at if writing.modified is None else writing.modified
        return Kept(next(self._ids), parent.id, name, None, "", "", writing.at, modified, {})

    def _rewritten(self, kept: Kept, body: bytes, media_type: str, writing: Writing) -> Kept:
        modified = writing.at if writing.modified is None else writing.modified
        return kept._replace(body=body, tag=secrets.token_hex(12), media_type=media_type, modified=modified)

    def _overwritten(self, before: Kept, source: Kept, writing: Writing) -> Kept:
        assert source.body is not None
        return self._rewritten(before, source.body, source.media_type, writing)._replace(properties=source.properties)

    def _free(self, shelf: Shelf, path: SharePath) -> None:
        if shelf.find(path) is not None:
            raise NameTaken(f"{path} exists already")

    def _ends(self, shelf: Shelf, source: SharePath, target: SharePath) -> tuple[Kept, Kept, Kept | None]:
        """What is moved or copied, the folder that receives it, and the document that it overwrites, if any."""
        kept, before = self._get(shelf, source), shelf.find(target)
        if source in (ROOT, target) or target.is_inside(source):
            raise WrongKind(f"{source} cannot go into itself")
        parent = self._parent(shelf, target)
        if before is not None and (kept.body is None or before.body is None):
            raise NameTaken(f"{target} exists already")
        return kept, parent, before

    def _copied(
        self,
        shelf: Shelf,
        kept: Kept,
        parent: Kept,
        name: str,
        writing: Writing,
        *,
        deep: bool,
        without: Container[int],
    ) -> Kept:
        members = shelf.members(kept.id) if deep else []
        tag = secrets.token_hex(12) if kept.body is not None else ""
        result = shelf.keep(kept._replace(id=next(self._ids), parent=parent.id, name=name, tag=tag, created=writing.at))
        for member in members:
            if member.id not in without:
                self._copied(shelf, member, result, member.name, writing, deep=deep, without=without)
        return result

    def _make_room(self, shelf: Shelf, size: int, before: Kept | None) -> None:
        freed = len(before.body or b"") if before else 0
        limit = self._ground.quota
        if limit is not None and shelf.size(shelf.by_id[ROOT_ID]) + size - freed > limit:
            raise QuotaExceeded(f"this share holds at most {limit} bytes")

    # Optional abilities: a provider has one as soon as it has its methods; nothing is registered anywhere.

    def properties(self, nodes: Iterable[Node]) -> dict[int, dict[str, str]]:
        shelf = self._seen()
        return {node.id: dict(shelf.by_id[node.id].properties) for node in nodes if node.id in shelf.by_id}

    def set_properties(self, node: Node, changes: Mapping[str, str | None], writing: Writing) -> Node:
        with self._changing() as shelf:
            kept = self._by_id(shelf, node.id)
            after = {name: value for name, value in {**kept.properties, **changes}.items() if value is not None}
            if sum(len(name.encode()) + len(value.encode()) for name, value in after.items()) > MAX_PROPERTY_BYTES:
                raise QuotaExceeded("the properties of one resource can have at most 1 MiB")
            return self._node(shelf, shelf.keep(kept._replace(properties=after)))

    def usage(self) -> Usage:
        shelf, limit = self._seen(), self._ground.quota
        used = shelf.size(shelf.by_id[ROOT_ID])
        return Usage(used=used, limit=limit, available=max(0, limit - used) if limit is not None else 1 << 40)
