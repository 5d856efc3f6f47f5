"""The door behind a one-time address: one document, with the rights of who asked for it, for as long as he edits it."""

from __future__ import annotations

from acl.labels import Classification
from acl.principals import Channel, Principal
from acl.privileges import Rights
from davserver.openings import OPENED, NewOpening, Opening, Openings, lowered
from davserver.tree.forest import Forest
from davserver.tree.locking import GuardedTree
from davserver.tree.names import is_programs
from davserver.tree.narrow import NarrowTree
from davserver.tree.seen import AccessDenied, DoesNotFit, Lock, Seen, Terms
from shareproviders.paths import SharePath


def open_once(
    forest: Forest,
    openings: Openings,
    principal: Principal,
    path: SharePath,
    *,
    max_class: Classification = Classification.RESTRICTED,
) -> NewOpening:
    """A one-time address of a document for somebody who may read it on a drive, as with an app password of his.

    Raises NotFound; AccessDenied, also for a credential that may do less than the address could; DoesNotFit for a
    folder, a pointer, or what a program made for itself.
    """
    if principal.ceiling.scopes or OPENED & ~principal.ceiling.rights:
        raise AccessDenied(path, OPENED)
    tree = GuardedTree(forest, lowered(principal, max_class), Channel.DAV)
    with forest.database.transaction() as connection:
        seen = tree.stat(path)
        if seen.node.is_collection or seen.instead is not None or is_programs(seen.node.name):
            raise DoesNotFit("only a document of your own can be opened by such an address")
        tree.admit_read(seen)
        return openings.make(connection, tree.principal, seen.share, seen.node)


class OpenedTree(NarrowTree):
    """What one opening shows; a lock that is taken through it is what keeps it alive."""

    def __init__(self, forest: Forest, openings: Openings, opening: Opening) -> None:
        """Raises NotFound if the document has left the tree, or the person may not discover it any more."""
        share, node, made = opening.share, opening.node, opening.created
        super().__init__(forest, opening.principal, Channel.DAV, share=share, node=node, made=made)
        self._openings, self.opening = openings, opening
        self.stat(self._opened)  # whatever is asked, and before anything of the request is judged

    @property
    def document(self) -> SharePath:
        """Where it lies now, whatever it was called when the address was made."""
        return self._opened

    def children(self, seen: Seen) -> list[Seen]:
        """Nothing is listed: whoever has the address knows the one name."""
        raise AccessDenied(seen.path, Rights.READ)

    def lock(
        self, path: SharePath, terms: Terms, *, exclusive: bool, deep: bool, owner: str, seconds: int
    ) -> tuple[Lock, Seen, bool]:
        with self.forest.database.transaction() as connection:
            made = super().lock(path, terms, exclusive=exclusive, deep=deep, owner=owner, seconds=seconds)
            self._openings.locked(connection, self.opening, made[0].token)
            return made

    def unlock(self, path: SharePath, token: str, terms: Terms) -> None:
        with self.forest.database.transaction() as connection:
            super().unlock(path, token, terms)
            self._openings.unlocked(connection, self.opening, token)
