"""Checking every stored byte, reference and sum of one space, and collecting what no row names."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Select, and_, delete, exists, func, literal, or_, select

from shareproviders.contract import Damaged, Finding, Ground, Unavailable
from shareproviders.vault.blobs import BlobStore
from shareproviders.vault.catalog import MAX_CLIMB, Catalog
from shareproviders.vault.crypto import Secrets
from shareproviders.vault.schema import (
    COLLECTION,
    DOCUMENT,
    NO_PARENT,
    OF_BLOB,
    STORED,
    blob,
    change,
    dead_property,
    node,
    small,
    space,
    trash,
    version,
)
from shareproviders.vault.turn import Turns

PAGE_ROWS = 500
COLLECT_BATCH = 200
"""Files looked at in one write transaction, so that writers wait for milliseconds only."""


class Maintenance:
    """`check` and `collect` of one space; no view or transaction is held while files are read."""

    def __init__(self, ground: Ground, secrets: Secrets, catalog: Catalog, turns: Turns, blobs: BlobStore) -> None:
        self._ground = ground
        self._secrets = secrets
        self._catalog = catalog
        self._turns = turns
        self._blobs = blobs

    def check(self) -> Iterator[Finding]:
        """Each finding names a node (0: none in particular); nothing is changed."""
        with self._ground.begin_read() as connection:
            number = self._catalog.space(connection).number
            findings = list(self._sums(connection, number))
            for problem, question in _references(number):
                findings += [Finding(row[0], problem) for row in connection.execute(question)]
        yield from findings
        yield from self._names(number)
        yield from self._old_names(number)
        yield from self._properties(number)
        yield from self._versions(number)
        yield from self._contents(number)

    def _sums(self, connection: Connection, number: int) -> Iterator[Finding]:
        root = self._catalog.space(connection).root
        row = connection.execute(select(space).where(space.c.id == number)).one()
        used = select(func.coalesce(func.sum(version.c.size), 0)).where(version.c.space == number)
        if connection.execute(used).scalar_one() != row.used:
            yield Finding(root, "the bytes in use of the drive are not the sum of its versions")
        for newest in (
            select(func.max(node.c.id)).where(node.c.space == number),
            select(func.max(version.c.id)).where(version.c.space == number),
        ):
            if (connection.execute(newest).scalar_one() or 0) >= row.next_id:
                yield Finding(root, "the next id of the drive was given out already")
        newest = select(func.max(change.c.seq)).where(change.c.space == number)
        if (connection.execute(newest).scalar_one() or 0) > row.newest_change:
            yield Finding(root, "the journal goes beyond its newest number")

    def _pages(self, page: Select[Any], key: Any, start: Any) -> Iterator[list[Any]]:
        """Rows of `page` in the order of `key`, a view per page; the key stands first in each row."""
        while True:
            with self._ground.begin_read() as connection:
                rows = list(connection.execute(page.where(key > start).order_by(key).limit(PAGE_ROWS)))
            if not rows:
                return
            yield rows
            start = rows[-1][0]

    def _names(self, number: int) -> Iterator[Finding]:
        page = (
            select(node.c.id, func.coalesce(node.c.parent, trash.c.from_parent), node.c.name_ct)
            .select_from(node.outerjoin(trash, trash.c.node == node.c.id))
            .where(node.c.space == number, or_(node.c.parent.is_(None), node.c.parent != NO_PARENT))
        )
        for rows in self._pages(page, node.c.id, 0):
            for node_id, parent, sealed in rows:
                try:
                    self._secrets.open_name(sealed, parent or 0)
                except Damaged as damage:
                    yield Finding(node_id, str(damage))

    def _old_names(self, number: int) -> Iterator[Finding]:
        page = select(change.c.seq, change.c.node, change.c.from_parent, change.c.from_name_ct).where(
            change.c.space == number, change.c.from_parent.is_not(None)
        )
        for rows in self._pages(page, change.c.seq, 0):
            for _, node_id, parent, sealed in rows:
                try:
                    self._secrets.open_name(sealed, parent)
                except Damaged:
                    yield Finding(node_id, "a name in the journal fails its check")

    def _properties(self, number: int) -> Iterator[Finding]:
        table = dead_property.c
        held = select(table.node).where(table.space == number).group_by(table.node)
        for rows in self._pages(held, table.node, 0):
            for (node_id,) in rows:
                with self._ground.begin_read() as connection:
                    sealed = list(
                        connection.execute(
                            select(table.name_ct, table.value_ct).where(table.space == number, table.node == node_id)
                        )
                    )
                try:
                    for name, value in sealed:
                        self._secrets.open_property(name, value, node_id)
                except Damaged as damage:
                    yield Finding(node_id, str(damage))

    def _versions(self, number: int) -> Iterator[Finding]:
        table = version.c
        page = select(table.id, table.node, table.blob, table.size, table.mac).where(table.space == number)
        for rows in self._pages(page, table.id, 0):
            for version_id, node_id, blob_id, size, mac in rows:
                try:
                    self._secrets.check_version(mac, node_id, version_id, blob_id, size)
                except Damaged as damage:
                    yield Finding(node_id, str(damage))

    def _contents(self, number: int) -> Iterator[Finding]:
        columns = blob.c.id, blob.c.wrapped, blob.c.size, blob.c.dedupe, small.c.message
        page = select(*columns).select_from(STORED).where(blob.c.space == number)
        for rows in self._pages(page, blob.c.id, b""):
            for blob_id, wrapped, size, dedupe, message in rows:
                try:
                    self._blobs.verify(self._secrets.open_blob(blob_id, wrapped, message), size, dedupe)
                except (Damaged, Unavailable) as damage:
                    for node_id in self._naming(number, blob_id):  # nobody, if it was destroyed meanwhile
                        yield Finding(node_id, str(damage))

    def _naming(self, number: int, blob_id: bytes) -> list[int]:
        named = select(version.c.node).distinct().where(version.c.space == number, version.c.blob == blob_id)
        with self._ground.begin_read() as connection:
            return list(connection.execute(named.order_by(version.c.node)).scalars())

    def end(self) -> None:
        """Delete every row of the space."""
        with self._ground.begin_transaction() as connection:
            number = self._catalog.space(connection).number
            for table in (dead_property, trash, version, small, blob, change, node):
                connection.execute(delete(table).where(table.c.space == number))
            connection.execute(delete(space).where(space.c.id == number))

    def collect(self, older_than: int) -> int:
        """Rows of blobs that no version names, files that no row names, drafts whose upload is gone."""
        removed = self._blobs.drop_drafts(older_than) + self._shred_unnamed()
        stored = self._blobs.stored(older_than)
        while batch := list(islice(stored, COLLECT_BATCH)):
            with self._ground.begin_read() as connection:
                suspects = set(batch) - self._named(connection, batch)
            if suspects:
                with self._turns.begin() as turn:  # no upload can gain its row while this is open
                    removed += self._blobs.unlink(suspects - self._named(turn.connection, list(suspects)))
        return removed

    def _named(self, connection: Connection, blobs: list[bytes]) -> set[bytes]:
        return set(connection.execute(select(blob.c.id).where(blob.c.id.in_(blobs))).scalars())

    def _shred_unnamed(self) -> int:
        with self._turns.begin() as turn:
            unnamed = select(blob.c.id).where(blob.c.space == turn.space, ~exists().where(version.c.blob == blob.c.id))
            turn.shred(list(turn.connection.execute(unnamed).scalars()))
            return len(turn.shredded)


def _references(number: int) -> Iterator[tuple[str, Select[Any]]]:
    """Problems, each with the question whose answers are the ids of the nodes that have it."""
    yield from _node_references(number)
    yield from _version_references(number)


def _node_references(number: int) -> Iterator[tuple[str, Select[Any]]]:
    above, member = node.alias("above"), node.alias("member")
    here = node.c.space == number
    known = and_(version.c.space == number, version.c.id == node.c.version, version.c.node == node.c.id)
    uncounted = and_(node.c.subtree_size == 0, or_(node.c.passing == 1, node.c.parent.is_(None)))
    yield (
        "the size of a collection is not the sum of its members",
        select(node.c.id)
        .select_from(node.outerjoin(member, and_(member.c.space == number, member.c.parent == node.c.id)))
        .where(here, node.c.kind == COLLECTION)
        .group_by(node.c.id, node.c.subtree_size)
        .having(node.c.subtree_size != func.coalesce(func.sum(member.c.subtree_size), 0)),
    )
    yield (
        "a document has no current version of its size",
        select(node.c.id)
        .select_from(node.outerjoin(version, known))
        .where(
            here,
            node.c.kind == DOCUMENT,
            or_(version.c.id.is_(None), and_(version.c.size != node.c.subtree_size, ~uncounted)),
        ),
    )
    yield (
        "the collection above is missing",
        select(node.c.id)
        .select_from(node.outerjoin(above, and_(above.c.space == number, above.c.id == node.c.parent)))
        .where(here, node.c.parent != NO_PARENT, or_(above.c.id.is_(None), above.c.kind != COLLECTION)),
    )
    yield (
        "a row of the trash and its node disagree",
        select(node.c.id)
        .select_from(node.outerjoin(trash, trash.c.node == node.c.id))
        .where(here, node.c.parent.is_(None) != trash.c.node.is_not(None)),
    )
    yield (
        "the collection that this was deleted from is missing",
        select(trash.c.node)
        .select_from(trash.outerjoin(above, and_(above.c.space == number, above.c.id == trash.c.from_parent)))
        .where(trash.c.space == number, or_(above.c.id.is_(None), above.c.kind != COLLECTION)),
    )
    yield "no way leads here from the root or the trash", select(node.c.id).where(here, ~_reached(number))


def _version_references(number: int) -> Iterator[tuple[str, Select[Any]]]:
    yield (
        "a version names no blob of its size",
        select(version.c.node)
        .select_from(version.outerjoin(blob, and_(blob.c.id == version.c.blob, blob.c.space == version.c.space)))
        .where(version.c.space == number, or_(blob.c.id.is_(None), blob.c.size != version.c.size)),
    )
    yield (
        "a version belongs to no document",
        select(version.c.node).where(
            version.c.space == number,
            ~exists().where(node.c.space == number, node.c.id == version.c.node, node.c.kind == DOCUMENT),
        ),
    )
    yield (
        "a blob is named by no version",
        select(literal(0)).where(exists().where(blob.c.space == number, ~exists().where(version.c.blob == blob.c.id))),
    )
    yield (
        "a stored message belongs to no blob",
        select(literal(0)).where(exists().where(small.c.space == number, ~exists().where(OF_BLOB))),
    )


def _reached(number: int) -> Any:
    """True for nodes that hang, over any number of collections, under the root or something in the trash."""
    reached = (
        select(node.c.id, literal(0).label("height"))
        .where(node.c.space == number, or_(node.c.parent.is_(None), node.c.parent == NO_PARENT))
        .cte("reached", recursive=True)
    )
    below = node.alias("below")
    reached = reached.union_all(
        select(below.c.id, reached.c.height + 1).where(
            below.c.space == number, below.c.parent == reached.c.id, reached.c.height < MAX_CLIMB
        )
    )
    return node.c.id.in_(select(reached.c.id))
