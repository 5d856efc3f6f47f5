"""Letters of people without an account, written through a link; read, answered and published by the office.

Whoever writes gets a private reply link, shown once. The link that all share shows only what the office publishes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from acl.privileges import Rights
from davserver import throttle
from davserver.comments import text_place
from davserver.schema import letter
from davserver.throttle import SECOND, Bucket, net_of
from davserver.tree.commenting import checked
from davserver.tree.finding import Described, Finding
from davserver.tree.forest import Forest
from davserver.tree.linked import LinkTree
from davserver.tree.locking import GuardedTree
from davserver.tree.looking import NOTHING_HERE
from davserver.tree.seen import Seen, TooMany
from shareproviders.contract import NotFound
from shareproviders.paths import SharePath

MOST = 1000
"""Letters about one document or folder."""
MOST_FROM_A_NET, MOST_IN_AN_HOUR = 5, 100
"""Letters through one link: from one net in ten minutes, and from everywhere."""
MODERATES = Rights.UNLOCK
"""The right of whoever keeps order at a place: he breaks locks, and he reads and answers letters."""


class Letter(NamedTuple):
    """What somebody wrote, and what the office said to it."""

    id: int
    at: int
    text: str
    answer: str
    """Empty while there is none."""
    answered: int | None
    published: bool


class Waiting(NamedTuple):
    """A document or folder with letters."""

    place: Described
    unanswered: int
    letters: int


class TooManyLetters(Exception):  # noqa: N818 (the house's words, architecture.md §5)
    """From this net or through this link so many came that no more are taken for a while."""


def write(tree: LinkTree, text: str, digest: bytes, address: str) -> None:
    """Keep a letter about what the link opens; `digest` is that of its reply link.

    Raises ValueError as `checked`, AccessDenied where the link lets nobody write, TooManyLetters, TooMany, NotFound.
    """
    text = checked(text)
    with tree._changing() as connection:
        seen = opened(tree)
        tree._demand(seen, Rights.COMMENT)
        link, now = int(tree.principal.id), tree.clock()
        touched = _buckets(link, address)
        if throttle.pause_left(connection, touched, now):
            raise TooManyLetters
        throttle.count_failure(connection, touched, now)
        if connection.execute(select(func.count()).select_from(letter).where(*_at(seen))).scalar_one() >= MOST:
            raise TooMany("there are too many letters about this already")
        sealed = tree.forest.sealer(seen.share).seal(text, text_place(seen.node.id, "letter", digest.hex(), now))
        row = {"digest": digest, "share": seen.share, "node": seen.node.id, "link": link, "at": now, "text": sealed}
        connection.execute(insert(letter).values(published=False, **row))
        tree._note(connection, "letter", seen.share, seen.node)


def opened(tree: LinkTree) -> Seen:
    """The document or folder of the link itself. Raises NotFound."""
    seen = tree.stat(tree.base)
    return seen if seen.share else tree.children(seen)[0]


def _buckets(link: int, address: str) -> tuple[Bucket, Bucket]:
    """So many letters are taken in a row: through this link from that net, and through it from everywhere."""
    return (
        Bucket(f"letter {link} {net_of(address)}", MOST_FROM_A_NET, 10 * 60 * SECOND),
        Bucket(f"letter {link}", MOST_IN_AN_HOUR, 60 * 60 * SECOND),
    )


def published(tree: LinkTree) -> list[Letter]:
    """What the office shows to everybody who has this link, the oldest first."""
    with tree.forest.database.read() as connection:
        here = (*_at(opened(tree)), letter.c.link == int(tree.principal.id), letter.c.published)
        rows = connection.execute(select(letter).where(*here).order_by(letter.c.id)).all()
        return [_told(tree.forest, row) for row in rows]


def by_digest(forest: Forest, digest: bytes) -> Letter:
    """The letter of a reply link: only what its writer wrote himself, and the answer. Raises NotFound."""
    with forest.database.read() as connection:
        row = connection.execute(select(letter).where(letter.c.digest == digest)).one_or_none()
    if row is None:
        raise NotFound(NOTHING_HERE)
    return _told(forest, row)


def letters(tree: GuardedTree, path: SharePath) -> list[Letter]:
    """All about one document or folder, the newest first. Raises NotFound, AccessDenied for all but the office."""
    with tree.forest.database.read() as connection:
        seen = _moderated(tree, path)
        rows = connection.execute(select(letter).where(*_at(seen)).order_by(letter.c.id.desc())).all()
        return [_told(tree.forest, row) for row in rows]


def answer(tree: GuardedTree, path: SharePath, number: int, text: str, *, publish: bool) -> None:
    """Answer one, or anew; `publish` shows both to everybody who has the link. Raises ValueError as `checked`."""
    text = checked(text)
    with tree._changing() as connection:
        seen, row = _one(tree, connection, path, number)
        place = text_place(row.node, "answer", bytes(row.digest).hex(), row.at)
        sealed = tree.forest.sealer(row.share).seal(text, place)
        values = {"answer": sealed, "answered": tree.clock(), "published": publish}
        connection.execute(update(letter).where(letter.c.id == row.id).values(**values))
        tree._note(connection, "letter-publish" if publish else "letter-answer", seen.share, seen.node)


def remove(tree: GuardedTree, path: SharePath, number: int) -> None:
    """It is gone, and its reply link opens nothing. Raises NotFound, AccessDenied."""
    with tree._changing() as connection:
        seen, row = _one(tree, connection, path, number)
        connection.execute(delete(letter).where(letter.c.id == row.id))
        tree._note(connection, "letter-remove", seen.share, seen.node)


def waiting(tree: GuardedTree) -> list[Waiting]:
    """Everything with letters that the asker may answer; most unanswered ones first."""
    unanswered = func.sum(letter.c.answer.is_(None))
    wanted = select(letter.c.share, letter.c.node, unanswered.label("open"), func.count().label("all"))
    with tree.forest.database.read() as connection:
        rows = connection.execute(wanted.group_by(letter.c.share, letter.c.node)).all()
    finding, found = Finding(tree), list[Waiting]()
    for row in rows:
        try:
            seen = finding.at(row.share, row.node)
        except NotFound:
            continue
        if MODERATES in seen.rights:
            found.append(Waiting(finding.describe([seen])[0], int(row.open or 0), row.all))
    return sorted(found, key=lambda one: (-one.unanswered, one.place.title))


def _moderated(tree: GuardedTree, path: SharePath) -> Seen:
    seen = tree.stat(path)
    tree._demand(seen, MODERATES)
    return seen


def _one(tree: GuardedTree, connection: Connection, path: SharePath, number: int) -> tuple[Seen, Row[Any]]:
    """Raises NotFound for a number of another place, as for none."""
    seen = _moderated(tree, path)
    row = connection.execute(select(letter).where(*_at(seen), letter.c.id == number)).one_or_none()
    if row is None:
        raise NotFound("there is no such letter here")
    return seen, row


def _at(seen: Seen) -> tuple[Any, Any]:
    return letter.c.share == seen.share, letter.c.node == seen.node.id


def _told(forest: Forest, row: Row[Any]) -> Letter:
    sealer, digest = forest.sealer(row.share), bytes(row.digest).hex()
    text = sealer.open(row.text, text_place(row.node, "letter", digest, row.at))
    said = "" if row.answer is None else sealer.open(row.answer, text_place(row.node, "answer", digest, row.at))
    return Letter(row.id, row.at, text, said, row.answered, row.published)
