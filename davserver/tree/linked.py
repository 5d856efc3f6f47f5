"""The door for whoever holds a link: one document or folder, or a drop that only takes, and nothing beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from acl import store
from acl.links import Link, LinkKind
from acl.principals import Channel, Principal, PrincipalKind
from acl.privileges import Rights
from davserver.tree.forest import Forest
from davserver.tree.looking import NOTHING_HERE
from davserver.tree.names import free_name
from davserver.tree.narrow import NarrowTree
from davserver.tree.seen import AccessDenied, Lock, Seen, Terms
from shareproviders.contract import Node, NotFound, Staged
from shareproviders.paths import SharePath


class LinkTree(NarrowTree):
    """What one link opens."""

    def __init__(self, forest: Forest, link: Link) -> None:
        """Raises NotFound if the node has left the tree."""
        principal = Principal(PrincipalKind.LINK, str(link.id))
        super().__init__(forest, principal, Channel.LINK, share=link.share, node=link.node, made=link.at)
        self._link, self._used = link, False
        self._is_drop = link.kind is LinkKind.DROP

    @property
    def committee(self) -> str:
        """The name of the committee that opens it."""
        return self.forest.rules.of(self._share(self._link.share)).committee.name

    def _root(self) -> Seen:
        seen = super()._root()
        if self._is_drop:  # what happens in it is nobody's business who may only add to it
            return seen._replace(node=seen.node._replace(size=0, modified=seen.node.created), tag="")
        return seen

    def children(self, seen: Seen) -> list[Seen]:
        return [] if self._is_drop else super().children(seen)

    def can_sync(self, seen: Seen) -> bool:
        return not self._is_drop and super().can_sync(seen)

    def properties(self, page: Sequence[Seen]) -> list[Mapping[str, str]]:
        return [{} for _ in page] if self._is_drop else super().properties(page)

    def locks(self, page: Sequence[Seen]) -> list[list[Lock]]:
        """That something is locked, but not by whom: an owner is a person's name."""
        found = super().locks(page)
        return [[self._without_name(lock) for lock in held] for held in found]

    def _without_name(self, lock: Lock) -> Lock:
        return lock if lock.principal == self.principal.key else replace(lock, owner="")

    def admit_view(self, seen: Seen) -> None:
        """As everywhere; of a link that only lets people look, its maker is told how often that was done."""
        super().admit_view(seen)
        if not self._link.gives_bytes:
            self.forest.reads.note(self.principal.key, seen.share, seen.node.id, seen.tag)

    def read(self, seen: Seen, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """As everywhere; a link with limited uses gives one, once for a request. Raises NotFound if none is left."""
        self.admit_read(seen)
        if not self._used and not seen.node.is_collection:
            self._used = True
            if self._link.uses_left is None:  # its maker is told how often, as often as a reader is noted
                self.forest.reads.note(self.principal.key, seen.share, seen.node.id, seen.tag)
            else:
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
        return path.parent / free_name(path.name, lambda name: self._inner(path.parent / name).name in taken)
