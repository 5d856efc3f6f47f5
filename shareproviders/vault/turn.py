"""One change of a space: its ids, its journal, what it adds to the sums above, what it lets go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, delete, exists, insert, select, update

from shareproviders.contract import Ground, QuotaExceeded
from shareproviders.statements import Row, Statement
from shareproviders.vault.catalog import Catalog, Entry
from shareproviders.vault.schema import blob, change, node, space, version


class Turn:
    """Open while one verb writes; `Turns.begin` makes it and writes the space's row at its end."""

    def __init__(self, turns: Turns, connection: Connection, quota: int | None) -> None:
        self.connection = connection
        self.space, self.root = turns.catalog.space(connection)
        self.shredded: list[bytes] = []
        """Blobs whose rows and keys this turn destroyed."""
        self._turns = turns
        self._quota = quota
        row = turns.opening.row(connection, {"of": self.space})
        assert row is not None
        self._next_id, self._newest, self._used = row

    def allot(self, count: int) -> int:
        """The first of `count` fresh ids in a row, for nodes and versions."""
        first: int = self._next_id
        self._next_id += count
        return first

    def leap(self, count: int) -> None:
        """Give out neither the next `count` ids nor as many change numbers, ever."""
        self._next_id += count
        self._newest += count

    def charge(self, size: int) -> None:
        """Count bytes that versions gain (or lose); to be called before anything is written. Raises QuotaExceeded."""
        if size > 0 and self._quota is not None and self._used + size > self._quota:
            raise QuotaExceeded("this drive is full; remove something from it or ask for more space")
        self._used += size

    def note(self, node_id: int, parent: int, kind: str, left: Entry | None = None) -> int:
        """Write a journal row, with the node as it stood if it leaves its place; its number."""
        self._newest += 1
        was = (None, None, None) if left is None else (left.parent, left.name_ct, left.kind)
        self.run(
            self._turns.journal,
            seq=self._newest,
            node=node_id,
            parent=parent,
            kind=kind,
            next_id=self._next_id,
            from_parent=was[0],
            from_name_ct=was[1],
            from_kind=was[2],
        )
        return int(self._newest)

    def touch(self, sizes: Mapping[int, int]) -> None:
        """Give collections the newest change number, and add to the sizes of what is beneath them."""
        self.run_many(
            self._turns.touching,
            ("gain", "seq", "space", "of"),
            [(size, self._newest, self.space, node_id) for node_id, size in sizes.items()],
        )

    def run(self, statement: Statement, **values: Any) -> int:
        """Execute with this turn's space among the values."""
        values["space"] = self.space
        return statement.run(self.connection, values)

    def run_many(self, statement: Statement, names: Sequence[str], rows: Sequence[Row]) -> None:
        """Execute once per row, in one call of the driver; the space stands in the rows."""
        statement.run_many(self.connection, names, rows)

    def drop_versions(self, versions: Mapping[int, bytes]) -> None:
        """Delete version rows (id → blob); shreds the keys of blobs that nothing names any more."""
        self.run_many(self._turns.dropping, ("space", "of"), [(self.space, version_id) for version_id in versions])
        self.shred(versions.values())

    def shred(self, blobs: Iterable[bytes]) -> None:
        """Destroy those of the blobs' rows, and with them the only copy of their keys, that no version names."""
        for one in set(blobs):
            if self.run(self._turns.shredding, of=one):
                self.shredded.append(one)

    def finish(self) -> None:
        self.run(self._turns.closing, next=self._next_id, newest=self._newest, now_used=self._used)


class Turns:
    """Opens turns, one at a time in each transaction."""

    def __init__(self, ground: Ground, catalog: Catalog, unlink: Callable[[Iterable[bytes]], object]) -> None:
        self.catalog = catalog
        self._ground = ground
        self._unlink = unlink
        own: BindParameter[int] = bindparam("space")
        self.opening = Statement(  # its lock keeps turns of one space apart where the database allows several writers
            select(space.c.next_id, space.c.newest_change, space.c.used)
            .where(space.c.id == bindparam("of"))
            .with_for_update()
        )
        self.journal = Statement(insert(change))
        self.touching = Statement(
            update(node)
            .where(node.c.space == own, node.c.id == bindparam("of"))
            .values(subtree_size=node.c.subtree_size + bindparam("gain"), change=bindparam("seq"))
        )
        self.dropping = Statement(delete(version).where(version.c.space == own, version.c.id == bindparam("of")))
        named = exists().where(version.c.blob == blob.c.id)
        self.shredding = Statement(delete(blob).where(blob.c.id == bindparam("of"), blob.c.space == own, ~named))
        self.closing = Statement(
            update(space)
            .where(space.c.id == own)
            .values(next_id=bindparam("next"), newest_change=bindparam("newest"), used=bindparam("now_used"))
        )

    @contextmanager
    def begin(self) -> Iterator[Turn]:
        """Joins or opens the caller's transaction. Where it ends with this turn, files of shredded blobs go at once;
        else `collect` finds them, for until the commit they may still be needed."""
        with self._ground.begin_transaction() as connection:
            turn = Turn(self, connection, self._ground.quota)
            yield turn
            turn.finish()
        if turn.shredded and not connection.in_transaction():
            self._unlink(turn.shredded)
