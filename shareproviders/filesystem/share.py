"""The filesystem share: a directory on disk, stable ids in our database, every verb one visible atomic step.

What others do to the directory behind our back is followed, not fought: what they put or replace gets a new id.
Neither versions nor trash nor a journal.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TypeVar

from sqlalchemy import Connection, delete

from shareproviders.contract import (
    Expected,
    Finding,
    Ground,
    Keys,
    NameTaken,
    Node,
    NotFound,
    Outdated,
    ParentMissing,
    QuotaExceeded,
    ShareError,
    Staged,
    Unavailable,
    Usage,
    Writing,
    WrongKind,
)
from shareproviders.filesystem.bodies import Bodies, StagedFile, read_pieces
from shareproviders.filesystem.copying import Copying
from shareproviders.filesystem.handles import STAGING, Disk, Look, Segments, closing, look, occupied, translated
from shareproviders.filesystem.index import Index, Known, seen
from shareproviders.filesystem.schema import step
from shareproviders.filesystem.steps import Steps
from shareproviders.filesystem.upkeep import findings
from shareproviders.filesystem.view import DisagreesError, Place, View, new_tag, row_of
from shareproviders.paths import MAX_DEPTH, BadName, SharePath

GRACE = 60_000_000  # microseconds for which replaced bytes stay for readers who asked just before

Answer = TypeVar("Answer")


class FilesystemShare:
    """Options: `path`, an existing directory on one file system; a relative one counts from the data directory."""

    def __init__(self, ground: Ground) -> None:
        unknown = set(ground.options) - {"path"}
        if unknown:
            raise ValueError(f"unknown option {', '.join(sorted(unknown))} of a filesystem share; it knows: path")
        if not ground.options.get("path"):
            raise ValueError("a filesystem share needs the option path, the directory that it shows")
        path = ground.directory / str(ground.options["path"])
        self._ground = ground
        self._disk = Disk(path, ground.keys.space_id.hex(), ground.durability)
        self._index = Index(ground.share, ground.keys)
        self._steps = Steps(ground.share, self._disk)
        self._bodies = Bodies(self._disk)

    @property
    def read_only(self) -> bool:
        """True after the disk failed to keep a change, for the life of the process."""
        return self._ground.durability.lost

    # How verbs look and change

    def _looking(self, act: Callable[[View], Answer]) -> Answer:
        """`act` on a short view; where disk and index disagree, again inside a write transaction that settles it."""
        with translated():
            try:
                with self._ground.begin_read() as connection, self._view(connection, writable=False) as view:
                    return act(view)
            except DisagreesError:
                outcome = self._settled(act)
        if isinstance(outcome, ShareError):
            raise outcome
        return outcome

    def _view(self, connection: Connection, *, writable: bool) -> View:
        return View(self._disk, self._index, connection, writable=writable)

    def _settled(self, act: Callable[[View], Answer]) -> Answer | ShareError:
        """A refusal is handed back, not raised: what was settled must be committed all the same."""
        with self._settling() as view:
            try:
                return act(view)
            except ShareError as refusal:
                return refusal

    def _changing(self) -> AbstractContextManager[View]:
        self._ground.durability.check()
        return self._settling()

    @contextmanager
    def _settling(self) -> Iterator[View]:
        """A view that may write; also on a drive that takes no changes, whose readers need undone what failed."""
        with (
            translated(),
            self._ground.begin_transaction() as connection,
            self._view(connection, writable=True) as view,
        ):
            self._steps.settle(view.connection, view.root().directory, view.trust)
            try:
                yield view
            except DisagreesError:
                raise Unavailable("somebody is changing this directory right now; try again in a moment") from None

    # Reading

    def prepare(self) -> None:
        self._disk.set_up()
        now = self._ground.clock()
        with self._ground.begin_transaction() as connection:
            if self._index.root(connection) is None:
                self._index.add(connection, Known(0, 0, "", True, 0, 0, 0, 0, 0, "", "", now, now))
        with self._changing() as view:
            self._scan(view, view.root())

    def _scan(self, view: View, place: Place) -> None:
        """Give an id to everything that lies there already, so that sizes are true from the start."""
        for member in view.members(place):
            if member.collection and len(place.segments) < MAX_DEPTH:
                with suppress(PermissionError):
                    inner = view.inside(place, member)
                    with closing(inner.directory):
                        self._scan(view, inner)

    def stat(self, path: SharePath) -> Node:
        return self._looking(lambda view: view.node(*view.find(path)))

    def children(self, node: Node) -> list[Node]:
        def act(view: View) -> list[Node]:
            path = self._path_of(view, node.id)
            place = view.enter(path)
            if place is None:
                raise WrongKind(f"{path} is a document")
            return [view.node(known, (*place.lineage, known.id)) for known in view.members(place)]

        return self._looking(act)

    def locate(self, node_id: int) -> tuple[SharePath, Node]:
        def act(view: View) -> tuple[SharePath, Node]:
            path = self._path_of(view, node_id)
            return path, view.node(*view.find(path))

        return self._looking(act)

    def _path_of(self, view: View, node_id: int) -> SharePath:
        """Where the node is now, disk and index agreeing. Raises NotFound."""
        path = view.where(node_id)
        known, _ = view.find(path)
        if known.id != node_id:
            raise NotFound(f"no node {node_id}")
        return path

    def read(self, node: Node, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Raises Unavailable besides when the document was replaced a while ago: its bytes are gone."""

        def act(view: View) -> int:
            path = self._path_of(view, node.id)
            known, _ = view.find(path)
            if known.collection:
                raise WrongKind(f"{path} is a collection")
            if known.tag != node.entity_tag:
                return self._bodies.open_replaced(view.root().directory, node.entity_tag)
            parent = view.enter(path.parent)
            assert parent is not None
            return view.open(parent, known)

        return read_pieces(self._looking(act), start, length)

    # Bodies

    def stage(self, chunks: Iterable[bytes]) -> StagedFile:
        with self._disk.root() as root:
            self._steps.sweep(root, older_than=(self._ground.clock() - GRACE) * 1000)
        return self._bodies.stage(chunks)

    def put(self, path: SharePath, staged: Staged, expected: Expected, writing: Writing) -> tuple[Node, bool]:
        assert isinstance(staged, StagedFile)  # the door hands back what our own `stage` gave
        with self._changing() as view:
            if path.is_root:
                raise WrongKind("the root is a collection")
            parent, before = self._target(view, path)
            if before is not None and before.collection:
                raise WrongKind(f"{path} is a collection")
            _hold(expected, before, path)
            self._make_room(view, staged.size - (before.size if before else 0))
            modified = writing.at if writing.modified is None else writing.modified
            staged.touch(modified)
            fresh = self._landed(view, staged.place, parent, path, before)
            known = row_of(parent.known.id, path.name, fresh, writing.media_type, created=writing.at, modified=modified)
            if before is None:
                known = self._index.add(view.connection, known)
            else:
                known = self._index.keep(view.connection, known._replace(id=before.id, created=before.created))
            self._index.grow(view.connection, parent.lineage, known.size - (before.size if before else 0))
            return view.node(known, (*parent.lineage, known.id)), before is None

    # Places

    def make_collection(self, path: SharePath, writing: Writing) -> Node:
        with self._changing() as view:
            parent, before = self._target(view, path)
            if before is not None:
                raise NameTaken(f"{path} exists already")
            place = self._bodies.make_directory(view.root().directory)
            modified = writing.at if writing.modified is None else writing.modified
            fresh = self._landed(view, place, parent, path, None)
            known = row_of(parent.known.id, path.name, fresh, created=writing.at, modified=modified)
            known = self._index.add(view.connection, known)
            return view.node(known, (*parent.lineage, known.id))

    def delete(self, path: SharePath, writing: Writing) -> None:
        with self._changing() as view:
            known, lineage = view.find(path)
            if path.is_root:
                raise WrongKind("the root stays")
            place = (*self._disk.old, new_tag())
            self._steps.rename(view.connection, view.root().directory, path.segments, place)
            self._index.remove(view.connection, known)
            self._index.grow(view.connection, lineage[:-1], -known.size)

    def move(self, source: SharePath, target: SharePath, writing: Writing) -> Node:
        with self._changing() as view:
            known, lineage, parent, before = self._ends(view, source, target)
            fresh = self._landed(view, source.segments, parent, target, before)
            if before is None:
                moved = seen(known, fresh)._replace(parent=parent.known.id, name=target.name)
                self._index.keep(view.connection, moved)
                self._index.grow(view.connection, lineage[:-1], -known.size)
                self._index.grow(view.connection, parent.lineage, known.size)
                return view.node(moved, (*parent.lineage, moved.id))
            result = self._overwrite(view, parent, before, known, fresh)
            self._index.remove(view.connection, known)
            self._index.grow(view.connection, lineage[:-1], -known.size)
            return result

    def copy(
        self, source: SharePath, target: SharePath, writing: Writing, *, deep: bool, without: Container[int] = ()
    ) -> Node:
        with self._changing() as view:
            known, _, parent, before = self._ends(view, source, target)
            origin = view.enter(source.parent)
            assert origin is not None
            copying = Copying(view, self._bodies, deep=deep, without=without)
            copied = copying.run(origin, known)
            try:
                self._make_room(view, copied.size - (before.size if before else 0))
                fresh = self._landed(view, copying.place, parent, target, before)
            except BaseException:
                copying.discard()
                raise
            if before is not None:
                return self._overwrite(view, parent, before, known, fresh)
            result = copying.record(self._index, copied._replace(look=fresh), parent, target.name, writing.at)
            self._index.grow(view.connection, parent.lineage, copied.size)
            return view.node(result, (*parent.lineage, result.id))

    def set_modified(self, node: Node, modified: int, writing: Writing) -> Node:
        """Only in the index: a changed time on the disk would look like a change behind our back until the commit."""
        with self._changing() as view:
            known, lineage = view.find(self._path_of(view, node.id))
            return view.node(self._index.keep(view.connection, known._replace(modified=modified)), lineage)

    def _target(self, view: View, path: SharePath) -> tuple[Place, Known | None]:
        """The collection that receives, and what is there under the name already."""
        if path.segments[:1] == (STAGING,):
            raise BadName(f"the name {STAGING} is reserved")
        if path.is_root:
            raise NameTaken("the root is there already")
        parent = view.enter(path.parent)
        if parent is None:
            raise ParentMissing(f"the collection {path.parent} does not exist")
        before = view.member(parent, path.name)
        if before is None and occupied(parent.directory, path.name):
            raise NameTaken(f"something that this share does not show has the name {path.name}")
        return parent, before

    def _ends(
        self, view: View, source: SharePath, target: SharePath
    ) -> tuple[Known, tuple[int, ...], Place, Known | None]:
        """What is moved or copied with its lineage, what receives it, the document that it overwrites, if any."""
        known, lineage = view.find(source)
        if source.is_root or source == target or target.is_inside(source):
            raise WrongKind(f"{source} cannot go into itself")
        parent, before = self._target(view, target)
        if before is not None and (known.collection or before.collection):
            raise NameTaken(f"{target} exists already")
        return known, lineage, parent, before

    def _landed(self, view: View, source: Segments, parent: Place, target: SharePath, before: Known | None) -> Look:
        """Rename onto the target, durably and to be undone with the transaction; what the disk then says about it."""
        kept = before.tag if before else ""
        self._steps.rename(view.connection, view.root().directory, source, target.segments, kept=kept)
        fresh = look(parent.directory, target.name)
        if fresh is None:
            raise DisagreesError
        return fresh

    def _overwrite(self, view: View, parent: Place, before: Known, source: Known, fresh: Look) -> Node:
        """The row of an overwritten document: its own id and birth, all else of what came (RFC 4918 §9.8.4, §9.9.3)."""
        after = seen(before, fresh)._replace(tag=new_tag(), media_type=source.media_type, modified=source.modified)
        self._index.keep(view.connection, after)
        self._index.grow(view.connection, parent.lineage, after.size - before.size)
        brought = self._index.properties(view.connection, [source.id]).get(source.id, {})
        self._index.replace_properties(view.connection, before.id, brought)
        return view.node(after, (*parent.lineage, after.id))

    def _make_room(self, view: View, more: int) -> None:
        limit = self._ground.quota
        if limit is not None and view.root().known.size + more > limit:
            raise QuotaExceeded(f"this share holds at most {limit} bytes")

    # Abilities

    def properties(self, nodes: Iterable[Node]) -> dict[int, dict[str, str]]:
        with self._ground.begin_read() as connection:
            return self._index.properties(connection, [node.id for node in nodes])

    def set_properties(self, node: Node, changes: Mapping[str, str | None], writing: Writing) -> Node:
        with self._changing() as view:
            known, lineage = view.find(self._path_of(view, node.id))
            self._index.set_properties(view.connection, known.id, changes)
            return view.node(known, lineage)

    def usage(self) -> Usage:
        def act(view: View) -> Usage:
            root, limit = view.root(), self._ground.quota
            disk = os.fstatvfs(root.directory)
            free = disk.f_bavail * disk.f_frsize
            used = root.known.size
            return Usage(used, limit, free if limit is None else max(0, min(free, limit - used)))

        return self._looking(act)

    def check(self) -> Iterator[Finding]:
        with self._ground.begin_read() as connection:
            found = list(findings(self._index, connection))
        return iter(found)

    def collect(self, older_than: int) -> int:
        with self._settling() as view:
            removed = self._bodies.sweep(view.root().directory, older_than=older_than * 1000)
        with self._disk.root() as root:
            return removed + self._steps.sweep(root, older_than=older_than * 1000)

    def recover(self) -> None:
        """Undo what a crash left between rename and commit, drop bodies that no living process stages."""
        with self._settling():
            pass  # undoes the steps; their records go in the next transaction, once this one stands
        self.collect(self._ground.clock() + GRACE)

    def rekey(self, keys: Keys) -> None:
        with self._ground.begin_transaction() as connection:
            self._index.rekey(connection, Index(self._ground.share, keys))

    def end(self) -> None:
        """The rows only: what lies on the disk belongs to whoever keeps that directory."""
        with self._ground.begin_transaction() as connection:
            self._index.clear(connection)
            connection.execute(delete(step).where(step.c.share == self._ground.share))


def _hold(expected: Expected, before: Known | None, path: SharePath) -> None:
    if expected.absent and before is not None:
        raise Outdated(f"{path} exists already")
    if expected.entity_tag is not None and (before is None or before.tag != expected.entity_tag):
        raise Outdated(f"{path} was changed meanwhile")
