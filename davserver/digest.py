"""Once a day a mail to everybody for whom there is something new: how much, in which committee, and no title.

What counts is decided for each reader when it is sent. One of all workers sends (as in upkeep.py): whoever notes first
how far the journals have come. A mail that the server refuses is not sent again; the portal shows the news anyway.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, func, insert, select

from acl.principals import Channel, Principal, PrincipalKind
from acl.privileges import Rights
from davserver.house import House
from davserver.mailing import MailRefused
from davserver.schema import account, comment, person, setting
from davserver.tree.finding import Finding
from davserver.tree.forest import Forest
from davserver.tree.locking import GuardedTree
from davserver.tree.news import changed_in, enters
from shareproviders.contract import NotFound, TracksChanges

DAY = 24 * 3600 * 1_000_000
MARKS = "digest-marks"
SUBJECT = "Gremium: Neues in Ihren Gremien / News in your committees"

_log = logging.getLogger(__name__)


class Marks(NamedTuple):
    """How far everything had come when the digest was sent last."""

    at: int
    changes: Mapping[str, int]
    """Share → newest change."""
    comment: int


class Count(NamedTuple):
    """What is new in one committee."""

    committee: str
    documents: int
    comments: int


class Digests:
    """The daily digest of one house; `send(receiver, subject, text)` raises MailRefused."""

    def __init__(self, house: House, forest: Forest, send: Callable[[str, str, str], None]) -> None:
        self._house, self._forest, self._send = house, forest, send

    def run(self, stopped: Callable[[], bool]) -> int:
        """Send what is due, if this process is the one that sends it; the number of mails. Raises Unavailable."""
        since = self._claim()
        if since is None:
            return 0
        with self._house.database.read() as connection:
            wanted = select(person.c.user, person.c.name, person.c.email).join(account, account.c.user == person.c.user)
            rows = connection.execute(wanted.where(account.c.active, person.c.email.is_not(None))).all()
        sent = 0
        for row in rows:
            if stopped():
                break
            counts = self.counts(row.user, since)
            if counts and row.email:
                try:
                    self._send(row.email, SUBJECT, self._text(row.name, counts))
                    sent += 1
                except MailRefused as refused:
                    _log.warning("digest: %s", refused)
        return sent

    def counts(self, user: str, since: Marks) -> list[Count]:
        """What is new to one reader, as far as he may know it now, by committee."""
        tree = GuardedTree(self._forest, Principal(PrincipalKind.USER, user), Channel.PORTAL)
        found: list[Count] = []
        for share, provider in sorted(self._forest.shares().items()):
            if share in since.changes and isinstance(provider, TracksChanges) and enters(tree, share):
                newest = changed_in(tree, share, provider, since.changes[share], since.at)
                documents = len({seen.node.id for seen, _, _ in newest})
                comments = sum(1 for _ in self._comments(tree, share, since.comment))
                if documents or comments:
                    name = tree._view(tree._share(share)).rules.committee.name
                    found.append(Count(name, documents, comments))
        return found

    def _comments(self, tree: GuardedTree, share: str, after: int) -> Iterator[Row[Any]]:
        """New ones of others that he may read."""
        here = (comment.c.share == share, comment.c.id > after, comment.c.author != tree.principal.key)
        with self._house.database.read() as connection:
            rows = connection.execute(select(comment.c.node).where(*here, comment.c.text.is_not(None))).all()
        for row in rows:
            try:
                seen = Finding(tree).at(share, row.node)
            except NotFound:
                continue
            if Rights.COMMENT in seen.rights:
                yield row

    def _text(self, name: str, counts: list[Count]) -> str:
        address = f"{self._house.settings.public_url.rstrip('/')}/"
        german = [f"{one.committee}: {one.documents} Unterlagen, {one.comments} Anmerkungen" for one in counts]
        english = [f"{one.committee}: {one.documents} papers, {one.comments} comments" for one in counts]
        return "\n".join(
            (
                *(f"Guten Tag, {name},", "", "neu oder geändert seit der letzten Nachricht:", "", *german, "", address),
                *("", "--", f"Good day, {name},", "", "new or changed since the last message:", "", *english),
                "",
            )
        )

    def _claim(self) -> Marks | None:
        """The marks of the last time, if a day has passed since and nobody else was faster; None at the first look."""
        if not self._is_due(self._last()):
            return None
        with self._house.database.transaction() as connection:
            last = self._last()
            if not self._is_due(last):
                return None
            changes = {
                share: provider.newest_change()
                for share, provider in self._forest.shares().items()
                if isinstance(provider, TracksChanges)
            }
            newest = connection.execute(select(func.max(comment.c.id))).scalar_one() or 0
            self._keep(connection, Marks(self._house.clock(), changes, newest))
        return last

    def _is_due(self, last: Marks | None) -> bool:
        return last is None or last.at <= self._house.clock() - DAY

    def _last(self) -> Marks | None:
        with self._house.database.read() as connection:
            kept = connection.execute(select(setting.c.value).where(setting.c.name == MARKS)).scalar_one_or_none()
        return None if kept is None else Marks(**json.loads(kept))

    @staticmethod
    def _keep(connection: Connection, marks: Marks) -> None:
        connection.execute(delete(setting).where(setting.c.name == MARKS))
        connection.execute(insert(setting).values(name=MARKS, value=json.dumps(marks._asdict()).encode()))
