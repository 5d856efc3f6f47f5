"""Comments on documents, through the door: whoever may not comment there now sees none, whoever wrote them."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from acl.principals import PrincipalKind
from acl.privileges import Rights
from davserver.comments import text_place
from davserver.schema import comment
from davserver.tree.seen import AccessDenied, Seen, TooMany
from davserver.tree.sharing import SharingTree
from shareproviders.contract import NotFound, WrongKind
from shareproviders.paths import SharePath

MAX_LETTERS, MOST = 4000, 1000
"""Of one comment, and comments on one document."""


class Comment(NamedTuple):
    """What somebody wrote about a document."""

    id: int
    author: str
    """Key of a principal."""
    at: int
    changed: int | None
    text: str | None
    """None where the office has taken it away."""
    own: bool


def checked(text: str) -> str:
    """As it is kept. Raises ValueError, one sentence, for one that is empty or too long."""
    text = "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").strip().split("\n"))
    if not text:
        raise ValueError("a comment without text says nothing")
    if len(text) > MAX_LETTERS:
        raise ValueError(f"a comment has at most {MAX_LETTERS} letters")
    return text


class CommentingTree(SharingTree):
    """Reading, writing, changing and removing comments; each asks for the rights over the document at that moment."""

    def comments(self, seen: Seen) -> list[Comment]:
        """All on a document, the oldest first. Raises NotFound, WrongKind, AccessDenied without COMMENT."""
        with self.forest.database.read() as connection:
            seen = self._commented(seen.path)
            here = (comment.c.share == seen.share, comment.c.node == seen.node.id)
            rows = connection.execute(select(comment).where(*here).order_by(comment.c.id)).all()
            return [self._comment(row) for row in rows]

    def add_comment(self, path: SharePath, text: str) -> int:
        """Its number. Raises NotFound, WrongKind, AccessDenied, TooMany, ValueError as `checked`."""
        text = checked(text)
        with self._changing() as connection:
            seen = self._commented(path)
            here = (comment.c.share == seen.share, comment.c.node == seen.node.id)
            if connection.execute(select(func.count()).select_from(comment).where(*here)).scalar_one() >= MOST:
                raise TooMany(f"a document can have {MOST} comments")
            at, author = self.clock(), self.principal.key
            sealed = self._seal(seen.share, seen.node.id, author, at, text)
            row = {"share": seen.share, "node": seen.node.id, "author": author, "at": at, "text": sealed}
            number = connection.execute(insert(comment).values(**row)).inserted_primary_key
            self._note(connection, "comment", seen.share, seen.node)
            return int(number[0]) if number else 0

    def change_comment(self, path: SharePath, number: int, text: str) -> None:
        """Write one's own anew. Raises as `add_comment`; NotFound for one that is not his, or was taken away."""
        text = checked(text)
        with self._changing() as connection:
            seen = self._commented(path)
            row = self._row(connection, seen, number)
            if row.author != self.principal.key or row.text is None:
                raise NotFound("there is no such comment of yours here")
            sealed = self._seal(row.share, row.node, row.author, row.at, text)
            change = update(comment).where(comment.c.id == row.id)
            connection.execute(change.values(text=sealed, changed=self.clock()))
            self._note(connection, "comment-change", seen.share, seen.node)

    def remove_comment(self, path: SharePath, number: int) -> None:
        """One's own goes; that of somebody else, with UNLOCK there, loses its text. Raises as `change_comment`."""
        with self._changing() as connection:
            seen = self._commented(path)
            row = self._row(connection, seen, number)
            here = comment.c.id == row.id
            if row.author == self.principal.key:
                connection.execute(delete(comment).where(here))
            else:
                self._demand(seen, Rights.UNLOCK)
                connection.execute(update(comment).where(here).values(text=None))
            self._note(connection, "comment-remove", seen.share, seen.node)

    def _commented(self, path: SharePath) -> Seen:
        seen = self.stat(path)
        if seen.node.is_collection:
            raise WrongKind("comments stand on documents")
        if self.principal.kind is not PrincipalKind.USER:  # through links people write letters (letters.py)
            raise AccessDenied(path, Rights.COMMENT)
        self._demand(seen, Rights.COMMENT)
        return seen

    @staticmethod
    def _row(connection: Connection, seen: Seen, number: int) -> Row[Any]:
        """Raises NotFound for a number that stands on another document, as for none."""
        here = (comment.c.share == seen.share, comment.c.node == seen.node.id, comment.c.id == number)
        row = connection.execute(select(comment).where(*here)).one_or_none()
        if row is None:
            raise NotFound("there is no such comment here")
        return row

    def _comment(self, row: Row[Any]) -> Comment:
        text = None
        if row.text is not None:
            text = self.forest.sealer(row.share).open(row.text, text_place(row.node, "comment", row.author, row.at))
        return Comment(row.id, row.author, row.at, row.changed, text, row.author == self.principal.key)

    def _seal(self, share: str, node: int, author: str, at: int, text: str) -> bytes:
        return self.forest.sealer(share).seal(text, text_place(node, "comment", author, at))
