"""Where somebody stopped reading a document: a page number for each reader, which nobody else sees."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from davserver.schema import bookmark
from davserver.tree.locking import GuardedTree
from davserver.tree.seen import Seen

LIFE = 365 * 24 * 3600 * 1_000_000
"""Microseconds for which a bookmark lies in a document that its reader does not open any more."""


class Bookmarks:
    """Those of whoever asks through a tree."""

    def __init__(self, tree: GuardedTree) -> None:
        self._tree = tree

    def page(self, seen: Seen) -> int:
        """The page (from 1) at which he stopped; 1 for what he has not read yet."""
        wanted = select(bookmark.c.page).where(*self._here(seen))
        with self._tree.forest.database.read() as connection:
            return connection.execute(wanted).scalar_one_or_none() or 1

    def put(self, seen: Seen, page: int) -> None:
        """He is at this page now. Raises AccessDenied for who may not look at it, Unavailable."""
        self._tree.admit_view(seen)
        if self.page(seen) == page:
            return
        row = {"user": self._tree.principal.id, "share": seen.share, "node": seen.node.id}
        with self._tree.forest.database.transaction() as connection:
            connection.execute(delete(bookmark).where(*self._here(seen)))
            connection.execute(insert(bookmark).values(**row, page=page, at=self._tree.clock()))

    def _here(self, seen: Seen) -> tuple[ColumnElement[bool], ...]:
        columns = bookmark.c
        return (columns.user == self._tree.principal.id, columns.share == seen.share, columns.node == seen.node.id)


def sweep(connection: Connection, at: int) -> None:
    """Forget those that nobody has moved for a year."""
    connection.execute(delete(bookmark).where(bookmark.c.at < at - LIFE))
