"""The index: which id stands for what on the disk; names and dead properties sealed with AES-SIV (RFC 5297)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from shareproviders.contract import Damaged, Keys, QuotaExceeded
from shareproviders.filesystem.handles import Look
from shareproviders.filesystem.schema import node, property_

MAX_PROPERTY_BYTES = 1024 * 1024
_PAGE = 500  # ids in one query; databases limit bound parameters


class Known(NamedTuple):
    """One row of the index with its name in clear."""

    id: int
    parent: int
    name: str
    collection: bool
    size: int
    inode: int
    born: int
    mtime: int
    ctime: int
    tag: str
    media_type: str
    created: int
    modified: int


class Index:
    """Rows of one share; every method works in the caller's transaction or view."""

    def __init__(self, share: str, keys: Keys) -> None:
        self._share = share
        self._names = AESSIV(keys.derive("name", 64))
        self._values = AESSIV(keys.derive("property", 64))

    # Nodes

    def root(self, connection: Connection) -> Known | None:
        row = connection.execute(_BY_PLACE, {"share": self._share, "parent": 0, "name": b""}).one_or_none()
        return None if row is None else self._known(row)

    def child(self, connection: Connection, parent: int, name: str) -> Known | None:
        place = {"share": self._share, "parent": parent, "name": self._seal_name(parent, name)}
        row = connection.execute(_BY_PLACE, place).one_or_none()
        return None if row is None else self._known(row)

    def members(self, connection: Connection, parent: int) -> dict[str, Known]:
        rows = connection.execute(_MEMBERS, {"share": self._share, "parent": parent})
        return {known.name: known for known in map(self._known, rows)}

    def by_id(self, connection: Connection, node_id: int) -> Known | None:
        row = connection.execute(_BY_ID, {"share": self._share, "id": node_id}).one_or_none()
        return None if row is None else self._known(row)

    def everything(self, connection: Connection) -> list[Row[Any]]:
        """Raw rows of all nodes, for checking."""
        return list(connection.execute(select(node).where(node.c.share == self._share).order_by(node.c.id)))

    def open_name(self, row: Row[Any]) -> str:
        """Raises Damaged if the name was altered or stood elsewhere."""
        return self._open(self._names, row.name, row.parent) if row.parent else ""

    def add(self, connection: Connection, known: Known) -> Known:
        """A new row; `known.id` is ignored and a fresh one given. Sizes above are not touched."""
        values = known._asdict()
        del values["id"]
        values |= {"share": self._share, "name": self._seal_name(known.parent, known.name)}
        key = connection.execute(insert(node), values).inserted_primary_key
        assert key is not None
        return known._replace(id=int(key[0]))

    def keep(self, connection: Connection, known: Known) -> Known:
        """Write all of a row anew, its place included."""
        values = known._asdict() | {"name": self._seal_name(known.parent, known.name)}
        connection.execute(update(node).where(node.c.id == known.id).values(values))
        return known

    def grow(self, connection: Connection, lineage: Iterable[int], by: int) -> None:
        """Add to the sizes of the collections in `lineage`."""
        if by:
            connection.execute(update(node).where(node.c.id.in_(list(lineage))).values(size=node.c.size + by))

    def remove(self, connection: Connection, known: Known) -> None:
        """The row, all beneath and their properties. Sizes above are not touched."""
        doomed = [known.id]
        if known.collection:
            beneath = select(node.c.id).where(node.c.id == known.id).cte("beneath", recursive=True)
            beneath = beneath.union_all(
                select(node.c.id).where(node.c.share == self._share, node.c.parent == beneath.c.id)
            )
            doomed = list(connection.execute(select(beneath.c.id)).scalars())
        for start in range(0, len(doomed), _PAGE):
            page = doomed[start : start + _PAGE]
            connection.execute(delete(property_).where(property_.c.node.in_(page)))
            connection.execute(delete(node).where(node.c.id.in_(page)))

    def clear(self, connection: Connection) -> None:
        """All rows of the share and their properties."""
        own = select(node.c.id).where(node.c.share == self._share)
        connection.execute(delete(property_).where(property_.c.node.in_(own)))
        connection.execute(delete(node).where(node.c.share == self._share))

    def rekey(self, connection: Connection, anew: Index) -> None:
        """Seal all names and properties as `anew` does."""
        for row in self.everything(connection):
            name = anew._seal_name(row.parent, self.open_name(row))
            connection.execute(update(node).where(node.c.id == row.id).values(name=name))
            if properties := self.properties(connection, [row.id]).get(row.id):
                anew.replace_properties(connection, row.id, properties)

    # Dead properties

    def properties(self, connection: Connection, ids: Iterable[int]) -> dict[int, dict[str, str]]:
        wanted = list(ids)
        found: dict[int, dict[str, str]] = {}
        for start in range(0, len(wanted), _PAGE):
            rows = connection.execute(select(property_).where(property_.c.node.in_(wanted[start : start + _PAGE])))
            for row in rows:
                name = self._open(self._values, row.name, row.node)
                found.setdefault(row.node, {})[name] = self._open(self._values, row.value, row.node)
        return found

    def set_properties(self, connection: Connection, node_id: int, changes: Mapping[str, str | None]) -> None:
        """Raises QuotaExceeded over 1 MiB per node, before anything is changed."""
        before = self.properties(connection, [node_id]).get(node_id, {})
        after = {name: value for name, value in {**before, **changes}.items() if value is not None}
        if sum(len(name.encode()) + len(value.encode()) for name, value in after.items()) > MAX_PROPERTY_BYTES:
            raise QuotaExceeded("the properties of one resource can have at most 1 MiB")
        self.replace_properties(connection, node_id, after)

    def replace_properties(self, connection: Connection, node_id: int, after: Mapping[str, str]) -> None:
        connection.execute(delete(property_).where(property_.c.node == node_id))
        rows = [
            {
                "node": node_id,
                "name": self._seal(self._values, name, node_id),
                "value": self._seal(self._values, value, node_id),
            }
            for name, value in after.items()
        ]
        if rows:
            connection.execute(insert(property_), rows)

    # Seals: the id of the parent or node is bound to the text, so that no row can be given another's

    def _seal_name(self, parent: int, name: str) -> bytes:
        return self._seal(self._names, name, parent) if parent else b""

    def _seal(self, cipher: AESSIV, text: str, place: int) -> bytes:
        return cipher.encrypt(text.encode() + b"\x00", [place.to_bytes(8, "big")])

    def _open(self, cipher: AESSIV, sealed: bytes, place: int) -> str:
        try:
            return cipher.decrypt(sealed, [place.to_bytes(8, "big")])[:-1].decode()
        except InvalidTag:
            raise Damaged("a sealed name or property fails its check") from None

    def _known(self, row: Row[Any]) -> Known:
        return Known._make(row)._replace(name=self.open_name(row))


def seen(known: Known, look: Look) -> Known:
    """The row after a look at the disk: all facts of the disk taken over, sizes of collections kept."""
    return known._replace(
        size=known.size if look.collection else look.size,
        inode=look.inode,
        born=look.born,
        mtime=look.mtime,
        ctime=look.ctime,
    )


_COLUMNS = [node.c[field] for field in Known._fields]
_BY_PLACE = select(*_COLUMNS).where(
    node.c.share == bindparam("share"), node.c.parent == bindparam("parent"), node.c.name == bindparam("name")
)
_MEMBERS = select(*_COLUMNS).where(node.c.share == bindparam("share"), node.c.parent == bindparam("parent"))
_BY_ID = select(*_COLUMNS).where(node.c.share == bindparam("share"), node.c.id == bindparam("id"))
