"""Old paths go on resolving, unlisted, after what stood there was renamed: office programs save where they opened."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, bindparam, delete, insert, select

from davserver.keys import Sealer
from davserver.schema import alias as table
from davserver.schema import lock

KEPT = 7 * 24 * 3600 * 1_000_000
"""How long an old path resolves at least; microseconds."""

_any = select(table.c.node).where(table.c.share == bindparam("of")).limit(1)  # asked whenever a path leads nowhere

_formerly = select(table.c.node, table.c.until).where(
    table.c.share == bindparam("of"), table.c.parent == bindparam("under"), table.c.name == bindparam("named")
)


def alias_place(parent: int) -> str:
    """Where the former name of a member of this collection is sealed for."""
    return f"alias {parent}"


class Aliases:
    """The names that folders had a while ago."""

    def __init__(self, sealer: Callable[[str], Sealer]) -> None:
        self._sealer = sealer

    def _key(self, share: str, parent: int, name: str) -> bytes:
        return self._sealer(share).seal(name, alias_place(parent))

    def remember(  # noqa: PLR0917 (a row has that many columns)
        self, connection: Connection, share: str, parent: int, name: str, node: int, until: int
    ) -> None:
        """The node was a member `name` of `parent`; whoever asks for it there finds it until that instant."""
        key = self._key(share, parent, name)
        connection.execute(delete(table).where(table.c.share == share, table.c.until < until - 2 * KEPT))
        connection.execute(delete(table).where(table.c.share == share, table.c.parent == parent, table.c.name == key))
        connection.execute(insert(table).values(share=share, parent=parent, name=key, node=node, until=until))

    def any_in(self, connection: Connection, share: str) -> bool:
        """Was any folder of the share renamed and is remembered?"""
        return connection.execute(_any, {"of": share}).first() is not None

    def find(self, connection: Connection, share: str, parent: int, name: str, now: int) -> int | None:
        """The node that had this name; to be asked only where no member has it now.

        A lock that was made while the old path held, and that lives, keeps it: its holder may know no other.
        """
        place = {"of": share, "under": parent, "named": self._key(share, parent, name)}
        row = connection.execute(_formerly, place).one_or_none()
        if row is None:
            return None
        if row.until <= now:
            living = select(lock.c.token).where(lock.c.share == share, lock.c.expires > now, lock.c.created < row.until)
            if connection.execute(living.limit(1)).first() is None:
                return None
        return int(row.node)
