"""The door for whoever holds a link: one document or folder, or a drop that only takes, and nothing beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, count

from sqlalchemy import Connection

from acl import store
from acl.links import Link, LinkKind
from acl.principals import Channel, Principal, PrincipalKind
from acl.privileges import Rights
from davserver.tree.forest import Forest, SharePlaces
from davserver.tree.locking import GuardedTree
from davserver.tree.looking import NOTHING_HERE
from davserver.tree.names import numbered
from davserver.tree.seen import AccessDenied, DoesNotFit, Lock, Seen, Terms
from davserver.tree.spots import Spot
from shareproviders.contract import Node, NotFound, Staged, Usage
from shareproviders.paths import SharePath


class LinkTree(GuardedTree):
    """What one link opens. A document is shown as the only member of a collection that has nothing else to tell."""

    base: SharePath
    """The path in the whole tree that is this tree's root."""

    def __init__(self, forest: Forest, link: Link) -> None:
        """Raises NotFound if the node has left the tree."""
        super().__init__(forest, Principal(PrincipalKind.LINK, str(link.id)), Channel.LINK)
        self._link, self._used = link, False
        places = SharePlaces(link.share, forest.provider(link.share))
        stored, self._node = places.provider.locate(link.node)
        self._opened = SharePath((link.share, *stored.segments))
        self.base = self._opened if self._node.is_collection else self._opened.parent
        self._is_drop = link.kind is LinkKind.DROP

    def stat(self, path: SharePath) -> Seen:
        """As everywhere; outside of what the link opens there is nothing."""
        if path == self.base:
            return self._root()
        if path != self._opened and not path.is_inside(self._opened):
            raise NotFound(NOTHING_HERE)
        return super().stat(path)

    def _enter(self, places: SharePlaces, path: SharePath) -> None:
        """A link opens its own node, and nothing of the way down to it."""

    def _root(self) -> Seen:
        seen = super().stat(self._opened)
        if not self._node.is_collection:
            return Seen(self.base, "", _bare(self._link), Rights.READ, "", seen.display_name)
        if self._is_drop:  # what happens in it is nobody's business who may only add to it
            return seen._replace(node=seen.node._replace(size=0, modified=seen.node.created), tag="")
        return seen

    def children(self, seen: Seen) -> list[Seen]:
        if self._is_drop:
            return []
        return super().children(seen) if seen.share else [self.stat(self._opened)]

    def properties(self, page: Sequence[Seen]) -> list[Mapping[str, str]]:
        return [{} for _ in page] if self._is_drop else super().properties(page)

    def locks(self, page: Sequence[Seen]) -> list[list[Lock]]:
        """That something is locked, but not by whom: an owner is a person's name."""
        found = super().locks(page)
        return [[self._without_name(lock) for lock in held] for held in found]

    def _without_name(self, lock: Lock) -> Lock:
        return lock if lock.principal == self.principal.key else replace(lock, owner="")

    def usage(self, seen: Seen) -> Usage | None:
        """How full the committee's drive is concerns its people only."""
        del seen
        return None

    def read(self, seen: Seen, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """As everywhere; a link with limited uses gives one, once for a request. Raises NotFound if none is left."""
        self.admit_read(seen)
        if not self._used and not seen.node.is_collection:
            self._used = True
            if self._link.uses_left is not None:
                with self._changing() as connection:
                    self._use(connection, seen.node)
        return super().read(seen, start, length)

    def admit_put(self, path: SharePath, terms: Terms, length: int | None) -> None:
        with self.forest.database.read():  # one look: a name found free stays free for the checks
            super().admit_put(self._free(path), terms, length)

    def put(
        self,
        path: SharePath,
        staged: Staged,
        terms: Terms,
        *,
        media_type: str = "",
        modified: int | None = None,
        checksum: str = "",
    ) -> tuple[Seen, bool]:
        """As everywhere; in a drop always a new document, whose path tells the name that it got."""
        with self.forest.database.transaction() as connection:
            told = {"media_type": media_type, "checksum": checksum}
            seen, created = super().put(self._free(path), staged, terms, modified=modified, **told)
            if self._is_drop and self._link.uses_left is not None:
                self._use(connection, seen.node)
            return seen, created

    def make_collection(self, path: SharePath, terms: Terms, properties: Mapping[str, str] | None = None) -> Seen:
        self._demand_no_drop(path)
        return super().make_collection(path, terms, properties)

    def lock(
        self, path: SharePath, terms: Terms, *, exclusive: bool, deep: bool, owner: str, seconds: int
    ) -> tuple[Lock, Seen, bool]:
        """As everywhere; in a drop a lock would only keep the committee out."""
        self._demand_no_drop(path)
        return super().lock(path, terms, exclusive=exclusive, deep=deep, owner=owner, seconds=seconds)

    def _demand_no_drop(self, path: SharePath) -> None:
        if self._is_drop:
            raise AccessDenied(path, Rights.WRITE_CONTENT)

    def _spot(self, path: SharePath) -> Spot:
        if not path.is_inside(self.base):
            raise DoesNotFit("what a link opens cannot itself be replaced, moved or removed through it")
        return super()._spot(path)

    def _use(self, connection: Connection, node: Node) -> None:
        """Take one of the uses that are left, or refuse as if the link had ended, which it then has."""
        if not store.use_link(connection, self._link.id):
            raise NotFound(NOTHING_HERE)
        self._note(connection, "use", self._link.share, node)

    def _free(self, path: SharePath) -> SharePath:
        """In a drop: this name, or the next one like it that nothing has yet."""
        if not self._is_drop or path.parent != self.base:
            return path
        provider = self.forest.provider(self._link.share)
        taken = {node.name for node in provider.children(self._node)}
        names = chain((path.name,), (numbered(path.name, number) for number in count(2)))
        return next(each for name in names if self._inner(each := path.parent / name).name not in taken)


def _bare(link: Link) -> Node:
    """The collection around a document: it is no folder of any drive."""
    return Node(0, (0,), "", True, 0, "", "", link.at, link.at, 0)
