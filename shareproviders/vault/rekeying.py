"""All that hangs on the key of a space, written anew under another one: names, properties, tags, MACs, keys of blobs.

The bytes of blobs stay: each has a key of its own, bound to the ids of space and blob, and these stay. Only the tag by
which equal contents are found wants them read once.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table, and_, func, select, update

from shareproviders.contract import Damaged
from shareproviders.vault.blobs import BlobStore
from shareproviders.vault.crypto import Secrets
from shareproviders.vault.schema import NO_PARENT, blob, change, dead_property, node, small, trash, version


class Rekeying:
    """One space, in one transaction, while nobody else uses it."""

    def __init__(self, connection: Connection, space: int, former: Secrets, anew: Secrets, blobs: BlobStore) -> None:
        self._connection, self._space, self._former, self._anew = connection, space, former, anew
        self._blobs = blobs

    def run(self) -> None:
        """Raises Damaged where a row or blob fails its check: `check` names it; nothing is changed then."""
        self._names()
        self._old_names()
        self._properties()
        self._versions()
        self._contents()

    def _rows(self, table: Table, *columns: Any) -> list[Any]:
        return list(self._connection.execute(select(*columns).where(table.c.space == self._space)))

    def _names(self) -> None:
        parent = func.coalesce(node.c.parent, trash.c.from_parent)
        named = select(node.c.id, parent, node.c.name_ct).select_from(node.outerjoin(trash, trash.c.node == node.c.id))
        for node_id, above, sealed in self._connection.execute(named.where(node.c.space == self._space)).all():
            if above != NO_PARENT:
                name = self._anew.seal_name(self._former.open_name(sealed, above), above)
                self._connection.execute(update(node).where(node.c.id == node_id).values(name_ct=name))

    def _old_names(self) -> None:
        for seq, above, sealed in self._rows(change, change.c.seq, change.c.from_parent, change.c.from_name_ct):
            if above is not None:
                name = self._anew.seal_name(self._former.open_name(sealed, above), above)
                row = and_(change.c.space == self._space, change.c.seq == seq)
                self._connection.execute(update(change).where(row).values(from_name_ct=name))

    def _properties(self) -> None:
        table = dead_property
        for node_id, sealed_name, sealed_value in self._rows(table, table.c.node, table.c.name_ct, table.c.value_ct):
            opened = self._former.open_property(sealed_name, sealed_value, node_id)
            name, value = self._anew.seal_property(*opened, node_id)
            row = and_(table.c.node == node_id, table.c.name_ct == sealed_name)
            self._connection.execute(update(table).where(row).values(name_ct=name, value_ct=value))

    def _versions(self) -> None:
        table = version.c
        for number, node_id, blob_id, size, mac in self._rows(
            version, table.id, table.node, table.blob, table.size, table.mac
        ):
            self._former.check_version(mac, node_id, number, blob_id, size)
            mac_anew = self._anew.version_mac(node_id, number, blob_id, size)
            self._connection.execute(update(version).where(table.id == number).values(mac=mac_anew))

    def _contents(self) -> None:
        table = blob.c
        for blob_id, wrapped, size, dedupe, checksum in self._rows(
            blob, table.id, table.wrapped, table.size, table.dedupe, table.checksum
        ):
            message = self._connection.execute(select(small.c.message).where(small.c.blob == blob_id)).scalar()
            secret, tag, tag_anew = (
                self._former.open_blob(blob_id, wrapped, message),
                self._former.content_tag(),
                self._anew.content_tag(),
            )
            for piece in self._blobs.read(secret, size, 0, size):
                tag.update(piece)
                tag_anew.update(piece)
            if tag.digest() != dedupe:
                raise Damaged("a stored document is not the one that its row describes")
            told = None if checksum is None else self._former.open_checksum(checksum, blob_id)
            values = {
                "wrapped": self._anew.wrap(secret),
                "dedupe": tag_anew.digest(),
                "checksum": None if told is None else self._anew.seal_checksum(told, blob_id),
            }
            self._connection.execute(update(blob).where(table.id == blob_id).values(values))
