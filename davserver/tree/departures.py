"""Safe-save keeps identity: a document renamed away by an office program gets its name and id back (protocol.md §2).

Programs save by renaming `doc` to a temp name and a fresh temp file to `doc`, or by deleting `doc` first. Whoever takes
a name within a minute after its document left it that way continues that document: id, entries, links, versions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select

from davserver.keys import Sealer
from davserver.schema import departure as table

WINDOW = 60_000_000  # microseconds

_here = (table.c.share == bindparam("of"), table.c.name == bindparam("named"))
_left = select(table).where(*_here)
_forget = delete(table).where(*_here)


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
    ) -> Row[Any] | None:
        """The document that left this name at most a minute before `at` by the same principal; forgotten at once."""
        place = {"of": share, "named": self._key(share, parent, name)}
        row = connection.execute(_left, place).one_or_none()
        if row is None or row.principal != principal or row.at < at - WINDOW:
            return None
        connection.execute(_forget, place)
        return row
