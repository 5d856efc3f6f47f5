"""Walking down a collection along what has changed in it, as one reader meets it: what is new, what is gone.

Only collections in which something changed are looked into, and in them only what changed; the whole folder where it
holds pointers or files of programs, for the names of pointers and the owner files of others hang on those beside them.
"""

from __future__ import annotations

import zlib
from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from acl.engine import HIDDEN_ON_DAV, POINTER, Granted
from acl.privileges import Rights
from davserver.tree.names import Neighbours, bare_name, is_programs, owner_of
from davserver.tree.pointers import names_for
from davserver.tree.seen import Seen, UnknownSyncToken
from davserver.tree.sight import Sight
from davserver.tree.synctokens import STALE
from shareproviders.contract import Change, Left, Node
from shareproviders.paths import SharePath


class Gone(NamedTuple):
    """A path that the reader knew, and under which he finds nothing now."""

    path: SharePath
    is_collection: bool


class Row(NamedTuple):
    """One thing to tell, with the number of the change that it is told for."""

    change: int
    node: int
    what: Seen | Gone

    @property
    def order(self) -> tuple[int, int, int]:
        """In which rows are told; what one change made of one node differs by its path."""
        return self.change, self.node, zlib.crc32(str(self.what.path).encode())


class Departed(NamedTuple):
    """A node that left a folder, or its name there."""

    change: int
    node: int
    name: str
    """As stored."""
    is_collection: bool
    owed: frozenset[str]
    """How it was handed out there."""


class Walk:
    """From what a client knows to what is there."""

    def __init__(self, sight: Sight, since: int, *, told: int, start: int, deep: bool) -> None:
        """The client knows all until `since`, some until `told`; what left until `start` it never knew."""
        self._sight, self._since, self._told, self._start, self.is_deep = sight, since, told, start, deep
        self._tree, self._provider, self._journal = sight.tree, sight.places.provider, sight.journal
        self._then = sight.then(since)
        self._ids = sight.journal.ids_at(told)
        self._lost = sight.lost(since)
        self._pins = {(move.change, move.pin) for move in sight.moves(since) if move.lineage}
        self._pinned = {(move.change, node) for move in sight.moves(since) for node in move.lineage}

    def changed(self, folder: Seen) -> Iterator[Row]:
        """In a folder that stands where the client knows it."""
        nodes = self._journal.changed_members(folder.node, self._since)
        left = self._left(folder)
        news = max([each.change for each in left] + [each.placed for each in nodes if each.placed > self._since] + [0])
        names = [*(each.name for each in nodes), *(each.name for each in left)]
        if any(".~" in name for name in names) or ((nodes or left) and self._tree._points(folder)):
            nodes = self._provider.children(folder.node)
        members = self._met(folder, nodes)
        newest = self._newest(members)
        back = {(each.node, each.name) for each in left}
        for seen in members:
            node = seen.node
            if node.placed > self._since and not (node.is_collection and (node.id, node.name) in back):
                yield from self._new(seen, 0, newest)
            elif seen.node.is_collection:
                if newest[seen.node.id] > self._since:
                    yield Row(newest[seen.node.id], seen.node.id, seen)
                    if self.is_deep:
                        yield from self.changed(seen)
            elif seen.node.change > self._since:
                yield Row(seen.node.change, seen.node.id, seen)
            elif news and (seen.instead is not None or self.is_foreign(seen.node.name)):
                yield Row(news, seen.node.id, seen)
        yield from _Leavers(self, folder, nodes, members).rows(left, news)

    def whole(self, folder: Seen, floor: int = 0) -> Iterator[Row]:
        """Everything in a folder that the client does not know, or not here; told for `floor` at the earliest."""
        members = self._met(folder, self._provider.children(folder.node))
        newest = self._newest(members)
        for seen in members:
            yield from self._new(seen, floor, newest)

    def _new(self, seen: Seen, floor: int, newest: dict[int, int]) -> Iterator[Row]:
        node = seen.node
        if not node.is_collection:
            yield Row(max(floor, node.change), node.id, seen)
            return
        placed = max(floor, node.placed)
        yield Row(placed, node.id, seen)
        if newest[node.id] > placed:  # a truncated answer tells a folder before its members, and again for its tag
            yield Row(newest[node.id], node.id, seen)
        if self.is_deep:
            yield from self.whole(seen, placed)

    def _met(self, folder: Seen, nodes: Sequence[Node]) -> list[Seen]:
        page = self._sight.now.page(folder.node.lineage, [node.id for node in nodes], self._sight.at)
        return self._tree._shown(folder, nodes, page)

    def _newest(self, members: Sequence[Seen]) -> dict[int, int]:
        """By id of the collections among them: the newest change that the reader may learn of."""
        newest = self._sight.newest_of([seen.node for seen in members if seen.node.is_collection])
        for change, lineage in self._lost:
            for node in lineage:
                if newest.get(node, change) < change:
                    newest[node] = change
        return newest

    def _left(self, folder: Seen) -> list[Departed]:
        """What left the folder and was seen there: of each node the first time, and the first after it was told."""
        found: dict[tuple[int, bool], Departed] = {}
        for number, node, left in departures(self._journal.departures(folder.node, self._since)):
            if number <= self._start or node >= self._ids:
                continue
            granted = self._stood(folder, number, node)
            if granted.rights & Rights.DISCOVER:
                departed = Departed(number, node, left.name, left.is_collection, granted.obligations)
                found.setdefault((node, number > self._told), departed)
        return list(found.values())

    def _stood(self, folder: Seen, change: int, node: int) -> Granted:
        """What the reader could do to a node before it left the folder; what has become of it since says nothing."""
        if (change, node) in self._pins and node not in self._then.rules.regions:
            raise UnknownSyncToken(STALE)  # what was said of it is forgotten with it: nobody can judge it any more
        if (change, node) in self._pinned:
            return self._then.granted((*folder.node.lineage, node), self._sight.at)
        return self._then.inherited(folder.node.lineage, self._sight.at, beneath=True)

    def was_known(self, node: Node) -> bool:
        """Something in this collection changed, which stands where it stood when it could be discovered."""
        stood = node.placed <= self._since < node.change and node.change > self._start
        return stood and not self.is_foreign(node.name) and self._sight.may_discover(self._then, node.lineage)

    def arrived(self, nodes: Iterable[Node]) -> list[str]:
        """Names that are new among them, case folded."""
        return [node.name.casefold() for node in nodes if node.placed > self._since]

    def is_foreign(self, stored: str) -> bool:
        """A stored name of a program's file that somebody else made."""
        return bare_name(stored) != stored and not stored.endswith(self._tree._mark)


class _Leavers:
    """What a reader finds no longer in one folder."""

    def __init__(self, walk: Walk, folder: Seen, nodes: Sequence[Node], members: Sequence[Seen]) -> None:
        self._walk, self._folder, self._nodes = walk, folder, nodes
        self._members = members
        self._here = {seen.path.name: seen.node.id for seen in members}

    def rows(self, left: Sequence[Departed], news: int) -> Iterator[Row]:
        found = [*self._departed(left), *self._closed()]
        names = [row.what.path.name for row in found if isinstance(row.what, Gone)]
        yield from found
        if news:
            yield from self._owner_files(left, names, news)
            yield from self._pointers(left, news)

    def _gone(self, change: int, node: int, name: str, *, is_collection: bool = False) -> Iterator[Row]:
        here = self._here.get(name)
        if here is None:
            yield Row(change, node, Gone(SharePath((*self._folder.path.segments, name)), is_collection))
        elif is_collection and here != node and self._walk.is_deep:
            raise UnknownSyncToken(STALE)  # one path cannot be told twice: gone with all that was in it, and new

    def _departed(self, left: Sequence[Departed]) -> Iterator[Row]:
        for change, node, stored, is_collection, owed in left:
            if self._walk.is_foreign(stored):
                continue
            name = bare_name(stored)
            if is_collection or owed.isdisjoint((HIDDEN_ON_DAV, POINTER)):
                yield from self._gone(change, node, name, is_collection=is_collection)
            elif POINTER in owed and not is_programs(name):
                for pointer in self._pointer_names(name, owed):
                    yield from self._gone(change, node, pointer)

    def _closed(self) -> Iterator[Row]:
        """Folders that were discoverable for the sake of something that is not in them any more."""
        known = {seen.node.id for seen in self._members}
        for node in self._nodes:
            if node.is_collection and node.id not in known and self._walk.was_known(node):
                yield from self._gone(node.change, node.id, bare_name(node.name), is_collection=True)

    def _owner_files(self, left: Sequence[Departed], names: Sequence[str], news: int) -> Iterator[Row]:
        """Owner files of others are seen beside their documents only: they go with them, and by themselves."""
        stayed = [(node.id, node.name) for node in self._nodes]
        went = [(each.node, each.name) for each in left]
        for documents, files in ((Neighbours(names), stayed), (Neighbours([*self._here, *names]), went)):
            for node, stored in files:
                name = bare_name(stored)
                if self._walk.is_foreign(stored) and owner_of(name) and documents.has(name):
                    yield from self._gone(news, node, name)

    def _pointers(self, left: Sequence[Departed], news: int) -> Iterator[Row]:
        """A pointer gives way to a real name, and takes its place when that goes: its other names may be known."""
        papers = {node.id: node.name for node in self._nodes}
        touched = [each.name.casefold() for each in left] + self._walk.arrived(self._nodes)
        for seen in self._members:
            if seen.instead is None:
                continue
            name = papers[seen.node.id]
            stem = (name.rpartition(".")[0] or name).casefold()
            if any(each.startswith(stem) for each in touched):
                for pointer in self._pointer_names(name, seen.obligations):
                    yield from self._gone(news, seen.node.id, pointer)

    def _pointer_names(self, paper: str, owed: Container[str]) -> Iterator[str]:
        """As many as it can have had, beside all papers that are there."""
        return islice(names_for(paper, owed), 3 + sum(seen.instead is not None for seen in self._members))


def departures(changes: Iterable[Change]) -> Iterator[tuple[int, int, Left]]:
    """Number, node and old place of those changes that left one."""
    for change in changes:
        if change.left is not None:
            yield change.number, change.node_id, change.left
