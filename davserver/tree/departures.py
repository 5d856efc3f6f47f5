"""Safe-save keeps identity: a document renamed away by an office program gets its name and id back (protocol.md §2).

Programs save by renaming `doc` to a temp name and a fresh temp file to `doc`, or by deleting `doc` first. Whoever takes
a name within a minute after its document left it that way continues that document: id, entries, links, versions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select

from davserver.keys import Sealer
from davserver.schema import departure as table
from shareproviders.statements import Statement

WINDOW = 60_000_000  # microseconds

_here = (table.c.share == bindparam("of"), table.c.name == bindparam("named"))
_left = Statement(select(table.c.node, table.c.principal, table.c.at, table.c.deleted).where(*_here))
_forget = Statement(delete(table).where(*_here))


class Departed(NamedTuple):
    """Who has left a name."""

    node: int
    principal: str
    at: int
    deleted: bool


class Departures:
    """Which documents left their names a moment ago."""

    def __init__(self, sealer: Callable[[str], Sealer]) -> None:
        self._sealer = sealer

    def _key(self, share: str, parent: int, name: str) -> bytes:
        return self._sealer(share).seal(name, f"departure {parent}")

    def remember(self, connection: Connection, share: str, parent: int, name: str, values: dict[str, Any]) -> None:
        """`values`: node, principal, at (microseconds), deleted."""
        key = self._key(share, parent, name)
        connection.execute(delete(table).where(table.c.at < values["at"] - WINDOW))
        connection.execute(delete(table).where(table.c.share == share, table.c.name == key))
        connection.execute(insert(table).values(share=share, name=key, **values))

    def claim(
        self, connection: Connection, share: str, parent: int, name: str, *, principal: str, at: int
    ) -> Departed | None:
        """The document that left this name at most a minute before `at` by the same principal; forgotten at once."""
        place = {"of": share, "named": self._key(share, parent, name)}
        found = _left.row(connection, place)
        row = None if found is None else Departed(*found)
        if row is None or row.principal != principal or row.at < at - WINDOW:
            return None
        _forget.run(connection, place)
        return row
