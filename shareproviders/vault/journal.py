"""Reading the journal of one space: what happened since a change, and who left a collection (`Turn.note` writes it)."""

from __future__ import annotations

from sqlalchemy import and_, bindparam, select

from shareproviders.contract import Change, Ground, Left
from shareproviders.statements import Row, Statement
from shareproviders.vault.catalog import Catalog
from shareproviders.vault.crypto import Secrets
from shareproviders.vault.schema import COLLECTION, change, root_of, space

_COLUMNS = (
    change.c.seq,
    change.c.node,
    change.c.parent,
    change.c.kind,
    change.c.from_parent,
    change.c.from_name_ct,
    change.c.from_kind,
)


class Journal:
    """The changes of one space in their order."""

    def __init__(self, ground: Ground, secrets: Secrets, catalog: Catalog) -> None:
        self._ground = ground
        self._secrets = secrets
        self._catalog = catalog
        own = change.c.space == bindparam("space")
        later = and_(own, change.c.seq > bindparam("number"))
        self._since = Statement(select(*_COLUMNS).where(later).order_by(change.c.seq).limit(bindparam("most")))
        left = and_(later, change.c.from_parent == bindparam("of"))
        self._departures = Statement(select(*_COLUMNS).where(left).order_by(change.c.seq))
        self._ids = Statement(select(change.c.next_id).where(own, change.c.seq == bindparam("number")))
        self._newest = Statement(select(space.c.newest_change).where(space.c.id == bindparam("space")))

    def newest(self) -> int:
        with self._ground.begin_read() as connection:
            row = self._newest.row(connection, {"space": self._catalog.space(connection).number})
        return 0 if row is None else int(row[0])

    def since(self, number: int, limit: int) -> list[Change]:
        """In order, `number` excluded, at most `limit`."""
        with self._ground.begin_read() as connection:
            values = {"space": self._catalog.space(connection).number, "number": number, "most": limit}
            return [self._built(row) for row in self._since.rows(connection, values)]

    def departures(self, collection: int, number: int) -> list[Change]:
        """Those after `number` by which something left its place in the collection."""
        with self._ground.begin_read() as connection:
            values = {"space": self._catalog.space(connection).number, "number": number, "of": collection}
            return [self._built(row) for row in self._departures.rows(connection, values)]

    def ids_at(self, number: int) -> int:
        """Above all ids that had been given out; before the first change that is the root's."""
        with self._ground.begin_read() as connection:
            own = self._catalog.space(connection).number
            row = self._ids.row(connection, {"space": own, "number": number})
        return root_of(own) + 1 if row is None else int(row[0])

    def _built(self, row: Row) -> Change:
        number, node_id, parent, kind, from_parent, from_name, from_kind = row
        if from_parent is None:
            return Change(number, node_id, parent, kind)
        left = Left(from_parent, self._secrets.open_name(from_name, from_parent), from_kind == COLLECTION)
        return Change(number, node_id, parent, kind, left)
