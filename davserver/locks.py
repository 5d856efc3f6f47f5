"""Write locks (RFC 4918 §6, §7): the table and its rules, asked by the door inside its transaction.

A lock hangs on (share, node id). A deep lock covers all beneath its node; a shallow lock on a collection covers the
collection itself and its membership. Expired rows count as absent and are swept when a new lock is made.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from davserver.keys import Sealer
from davserver.schema import lock as table
from davserver.tree.seen import Lock, LockConflict, Locked, NoSuchLock, TooMany
from shareproviders.contract import NotFound
from shareproviders.paths import SharePath
from shareproviders.statements import Statement

MICROSECONDS = 1_000_000


_living = select(table).where(table.c.share == bindparam("of"), table.c.expires > bindparam("now"))
_of_share = Statement(_living)
_forget = Statement(delete(table).where(table.c.token == bindparam("of")))


class LockRow(NamedTuple):
    """A row of the table, in its order; the driver tells whether something holds as 0 or 1."""

    token: str
    share: str
    node: int
    principal: str
    owner: bytes
    exclusive: bool
    deep: bool
    seconds: int
    expires: int
    created: int


@functools.cache
def _near(depth: int) -> Statement:
    """Of those on any of so many nodes."""
    return Statement(_living.where(table.c.node.in_([bindparam(f"node{place}") for place in range(depth)])))


class Places(Protocol):
    """Where the nodes of one share are; the door hands it in."""

    def lineage(self, node: int) -> tuple[int, ...]:
        """Ids from the share's root to the node. Raises NotFound."""

    def path(self, node: int) -> SharePath:
        """In the whole tree. Raises NotFound."""

    def is_programs(self, node: int) -> bool:
        """A file that somebody's program made for itself: whoever takes its folder away need not mind its locks."""

    def may_still_write(self, principal: str, lineage: tuple[int, ...]) -> bool:
        """False once the holder of a lock has lost the right to change what it covers: his lock covers nothing."""


@dataclass(frozen=True, slots=True)
class LockLimits:
    """What one server grants (protocol.md §2)."""

    per_resource: int = 16
    per_principal: int = 1000
    shortest: int = 180
    longest: int = 3600


@dataclass(frozen=True, slots=True)
class LockWish:
    """What a LOCK request asks for."""

    principal: str
    owner: str
    exclusive: bool
    deep: bool
    seconds: int


class LockTable:
    """All locks of one server, in the database, so that every process sees the same."""

    def __init__(self, clock: Callable[[], int], sealer: Callable[[str], Sealer], limits: LockLimits) -> None:
        self._clock, self._sealer, self._limits = clock, sealer, limits

    def of_share(self, connection: Connection, share: str) -> Sequence[LockRow]:
        """All living locks of a share; few, so the caller matches them to a page of members in memory."""
        rows = _of_share.rows(connection, {"of": share, "now": self._clock()})
        return [LockRow(*row) for row in rows]

    def covering(self, connection: Connection, share: str, lineage: tuple[int, ...]) -> list[LockRow]:
        """Locks on the node itself and deep locks above it."""
        near = {f"node{place}": node for place, node in enumerate(lineage)}
        rows = _near(len(lineage)).rows(connection, {"of": share, "now": self._clock(), **near})
        return covering([LockRow(*row) for row in rows], lineage) if rows else []

    def check(
        self, connection: Connection, share: str, lineage: tuple[int, ...], holder: Holder, places: Places
    ) -> None:
        """Raise Locked if a lock covers the node and the holder submitted the token of none of his own there."""
        rows = self._standing(self.covering(connection, share, lineage), places)
        if rows and not any(holder.holds(row) for row in rows):
            raise Locked(places.path(rows[0].node))

    def check_beneath(self, connection: Connection, share: str, node: int, holder: Holder, places: Places) -> list[str]:
        """Tokens of all locks rooted at or beneath the node; raise Locked unless the holder submitted each.

        Those of programs' own files beneath hinder nobody (protocol.md §2), who may not even know of them.
        """
        rows = self._beneath(connection, share, node, places)
        for row in rows:
            if not holder.holds(row) and (row.node == node or not places.is_programs(row.node)):
                raise Locked(places.path(row.node))
        return [row.token for row in rows]

    def _beneath(self, connection: Connection, share: str, node: int, places: Places) -> list[LockRow]:
        rows = []
        for row in self.of_share(connection, share):
            try:
                if node in places.lineage(row.node):
                    rows.append(row)
            except NotFound:
                continue  # rooted in the trash: covers nothing that lives
        return self._standing(rows, places)

    def _standing(self, rows: list[LockRow], places: Places) -> list[LockRow]:
        """Without the locks of those who have left, or lost their right, since they made them (rights.md §3)."""
        standing: dict[tuple[str, int], bool] = {}
        for holder in {(row.principal, row.node) for row in rows}:  # many locks of one person are one question
            standing[holder] = places.may_still_write(holder[0], places.lineage(holder[1]))
        return [row for row in rows if standing[row.principal, row.node]]

    def create(
        self, connection: Connection, share: str, lineage: tuple[int, ...], wish: LockWish, places: Places
    ) -> Lock:
        """Grant a lock on the last node of the lineage. Raises LockConflict, TooMany."""
        now = self._clock()
        connection.execute(delete(table).where(table.c.expires <= now))
        node = lineage[-1]
        around = self._standing(self.covering(connection, share, lineage), places)
        if wish.deep:
            beneath = (row for row in self._beneath(connection, share, node, places) if row.node != node)
            around += [row for row in beneath if not places.is_programs(row.node)]
        for row in around:
            if wish.exclusive or row.exclusive:
                raise LockConflict(places.path(row.node))
        if sum(row.node == node for row in around) >= self._limits.per_resource:
            raise TooMany(f"a resource can carry at most {self._limits.per_resource} locks")
        held = connection.scalar(select(func.count()).where(table.c.principal == wish.principal))
        if (held or 0) >= self._limits.per_principal:
            raise TooMany(f"one user can hold at most {self._limits.per_principal} locks")
        seconds = self._clamp(wish.seconds)
        values: dict[str, Any] = {
            "token": uuid.uuid4().urn,
            "share": share,
            "node": node,
            "principal": wish.principal,
            "exclusive": wish.exclusive,
            "deep": wish.deep,
            "seconds": seconds,
            "expires": now + seconds * MICROSECONDS,
            "created": now,
        }
        values["owner"] = self._sealer(share).seal(wish.owner, values["token"])
        connection.execute(insert(table).values(values))
        return self._told_anew(connection, values["token"], places)

    def refresh(
        self,
        connection: Connection,
        share: str,
        lineage: tuple[int, ...],
        holder: Holder,
        places: Places,
        *,
        seconds: int,
    ) -> Lock:
        """Give a held lock that covers the node a new life. Raises NoSuchLock."""
        for row in self._standing(self.covering(connection, share, lineage), places):
            if holder.holds(row):
                life = self._clamp(seconds)
                connection.execute(
                    update(table)
                    .where(table.c.token == row.token)
                    .values(seconds=life, expires=self._clock() + life * MICROSECONDS)
                )
                return self._told_anew(connection, row.token, places)
        raise NoSuchLock("the submitted token names no lock of yours here")

    def find(self, connection: Connection, share: str, lineage: tuple[int, ...], token: str) -> LockRow:
        """The living lock with this token, if it covers the node. Raises NoSuchLock."""
        for row in self.covering(connection, share, lineage):
            if row.token == token:
                return row
        raise NoSuchLock("no such lock here")

    def remove(self, connection: Connection, tokens: Iterable[str]) -> None:
        _forget.run_many(connection, ("of",), [(token,) for token in tokens])

    def _told_anew(self, connection: Connection, token: str, places: Places) -> Lock:
        return self.told(LockRow(*connection.execute(select(table).where(table.c.token == token)).one()), places)

    def told(self, row: LockRow, places: Places) -> Lock:
        """A row in the words of the door, with its owner unsealed. Raises NotFound if its root is gone."""
        return Lock(
            token=row.token,
            share=row.share,
            node=row.node,
            root=places.path(row.node),
            principal=row.principal,
            owner=self._sealer(row.share).open(row.owner, row.token),
            exclusive=bool(row.exclusive),
            deep=bool(row.deep),
            seconds=row.seconds,
            expires=row.expires,
        )

    def _clamp(self, seconds: int) -> int:
        return max(self._limits.shortest, min(seconds, self._limits.longest))


@dataclass(frozen=True, slots=True)
class Holder:
    """Who asks, and which lock tokens he submitted; a token counts only for its maker (RFC 4918 §6.4)."""

    principal: str
    tokens: frozenset[str]

    def holds(self, row: LockRow) -> bool:
        return row.token in self.tokens and row.principal == self.principal


def covering(rows: Iterable[LockRow], lineage: tuple[int, ...]) -> list[LockRow]:
    """Those of the rows that cover the last node of the lineage, direct ones first (RFC 4918 §7.4)."""
    node = lineage[-1]
    direct = [row for row in rows if row.node == node or (row.deep and row.node in lineage)]
    return sorted(direct, key=lambda row: row.node != node)


def by_node(rows: Iterable[LockRow]) -> Mapping[int, list[LockRow]]:
    """Rows of one share by the node of their root, to match a page of members."""
    found: dict[int, list[LockRow]] = {}
    for row in rows:
        found.setdefault(row.node, []).append(row)
    return found
