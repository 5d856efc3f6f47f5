"""Moving, copying, trashing and restoring whole trees: each a handful of statements, however large the tree."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from sqlalchemy import BindParameter, Update, bindparam, delete, insert, select, update

from shareproviders.contract import Damaged, Ground, NotFound, Writing
from shareproviders.statements import Statement
from shareproviders.vault.catalog import CURRENT, Catalog, Entry, Found, Place, subtree
from shareproviders.vault.crypto import Secrets
from shareproviders.vault.history import History, counted
from shareproviders.vault.properties import Properties
from shareproviders.vault.schema import COLLECTION, dead_property, node, trash, version
from shareproviders.vault.turn import Turn


class Trees:
    """The trees of one space."""

    def __init__(
        self, ground: Ground, secrets: Secrets, catalog: Catalog, history: History, properties: Properties
    ) -> None:
        self._ground = ground
        self._secrets = secrets
        self._catalog = catalog
        self._history = history
        self._properties = properties
        own: BindParameter[int] = bindparam("space")
        of: BindParameter[int] = bindparam("of")
        down = subtree()
        self._tree = Statement(
            select(*_COPIED)
            .select_from(CURRENT.join(down, down.c.id == node.c.id))
            .where(node.c.space == own)
            .order_by(down.c.height)
        )
        held = dead_property.join(down, down.c.id == dead_property.c.node)
        self._held = Statement(
            select(dead_property.c.node, dead_property.c.name_ct, dead_property.c.value_ct)
            .select_from(held)
            .where(dead_property.c.space == own)
        )
        self._place = Statement(_placing())
        self._throw = Statement(insert(trash))
        self._take = Statement(delete(trash).where(trash.c.space == own, trash.c.node == of))
        self._remove = Statement(delete(node).where(node.c.space == own, node.c.id == of))

    def make(self, turn: Turn, place: Place, writing: Writing) -> int:
        """A new empty collection; its id."""
        node_id, parent = turn.allot(1), place.above[-1]
        seq = turn.note(node_id, parent, "make")
        turn.run(
            self._history.insert_node,
            id=node_id,
            parent=parent,
            name_ct=self._secrets.seal_name(place.name, parent),
            kind=COLLECTION,
            version=None,
            subtree_size=0,
            created=writing.at,
            modified=writing.at if writing.modified is None else writing.modified,
            change=seq,
            placed=seq,
            passing=0,
        )
        turn.touch(dict.fromkeys(place.above, 0))
        return node_id

    def move(self, turn: Turn, moving: Found, place: Place, writing: Writing) -> None:
        """Hang a node under another parent or name; nothing beneath is touched."""
        entry = moving.entry
        seq = turn.note(entry.id, place.above[-1], "move", entry)
        size = self._hang(turn, entry, place, writing, seq)
        turn.touch(_shifted(moving.lineage[:-1], entry.subtree_size, place.above, size))

    def _hang(self, turn: Turn, entry: Entry, place: Place, writing: Writing, seq: int) -> int:
        """Give a node its place; what it counts there in the sizes of the collections above."""
        parent = place.above[-1]
        size = entry.subtree_size if entry.kind == COLLECTION else counted(entry.size or 0, writing)
        turn.run(
            self._place,
            of=entry.id,
            now_parent=parent,
            now_name=self._secrets.seal_name(place.name, parent),
            now_modified=entry.modified if writing.modified is None else writing.modified,
            now_passing=int(not writing.keep_version),
            now_size=size,
            seq=seq,
        )
        return size

    def absorb(self, turn: Turn, moving: Found, place: Place, target: Entry, writing: Writing) -> None:
        """A document moved onto a document: the target takes bytes, properties and history; the source's id ends."""
        source = moving.entry
        content = self._history.content(turn, source.id, source.version)
        kept = writing.modified if writing.modified is not None else source.modified
        dated = Writing(writing.by, writing.at, writing.media_type, kept, writing.keep_version)
        gain = self._history.gain(target, content, dated) - content.size
        turn.charge(gain)
        self._history.replace(turn, place.above, target, content, dated)
        self._history.merge(turn, source, target.id)
        self._properties.replace(turn, source.id, target.id)
        self._properties.clear(turn, source.id)
        turn.note(source.id, moving.lineage[-2], "delete", source)
        turn.run(self._remove, of=source.id)
        turn.touch(dict.fromkeys(moving.lineage[:-1], -source.subtree_size))

    def copy(
        self, turn: Turn, copied: Found, place: Place, writing: Writing, *, deep: bool, without: Container[int]
    ) -> int:
        """Copy a tree to a free place; blobs by reference, names sealed anew. The id of its root."""
        rows = self._selected(turn, copied.entry.id, deep=deep, without=without)
        documents = sum(row[3] != COLLECTION for row in rows)
        sizes = _sizes(rows, writing)
        turn.charge(sum(int(row[5]) for row in rows if row[3] != COLLECTION))
        first = turn.allot(len(rows) + documents)
        ids = {row[0]: first + offset for offset, row in enumerate(rows)}
        parent = place.above[-1]
        seq = turn.note(first, parent, "make" if copied.entry.kind == COLLECTION else "put")
        self._insert(turn, rows, ids, sizes, place=place, writing=writing, seq=seq)
        held = self._held.rows(turn.connection, {"space": turn.space, "of": copied.entry.id})
        self._properties.copy(turn, held, ids)
        turn.touch(dict.fromkeys(place.above, sizes[copied.entry.id]))
        return first

    def _selected(self, turn: Turn, root: int, *, deep: bool, without: Container[int]) -> list[tuple[Any, ...]]:
        """Rows of the tree, parents first, checked; what is left out takes all beneath it along."""
        selected: list[tuple[Any, ...]] = []
        known: set[int] = set()
        check = self._secrets.check_version
        for row in self._tree.rows(turn.connection, {"space": turn.space, "of": root}):
            node_id, parent, _, kind, current, size, _, blob_id, mac, _ = row
            if node_id in without or (node_id != root and (not deep or parent not in known)):
                continue
            known.add(node_id)
            selected.append(row)
            if kind != COLLECTION:
                if mac is None:
                    raise Damaged("a document has no current version")
                check(mac, node_id, current, blob_id, size)
        if not selected:
            raise NotFound("there is nothing at this path")
        return selected

    def _insert(
        self,
        turn: Turn,
        rows: list[tuple[Any, ...]],
        ids: dict[int, int],
        sizes: dict[int, int],
        *,
        place: Place,
        writing: Writing,
        seq: int,
    ) -> None:
        nodes, versions = [], []
        next_version = ids[rows[0][0]] + len(rows)
        root, secrets = rows[0][0], self._secrets
        modified = writing.at if writing.modified is None else writing.modified
        for row in rows:
            node_id, parent, name_ct, kind, _, size, media_type, blob_id, _, passing = row
            new = ids[node_id]
            if node_id == root:
                new_parent, name, passing = place.above[-1], place.name, int(not writing.keep_version)
            else:
                new_parent, name = ids[parent], secrets.open_name(name_ct, parent)
            current = None
            if kind != COLLECTION:
                current, next_version = next_version, next_version + 1
                mac = secrets.version_mac(new, current, blob_id, size)
                versions.append((current, turn.space, new, blob_id, size, media_type, writing.by, writing.at, mac))
            sealed = secrets.seal_name(name, new_parent)
            dates = writing.at, modified, seq, seq
            nodes.append((new, turn.space, new_parent, sealed, kind, current, sizes[node_id], *dates, passing))
        turn.run_many(self._history.insert_node, _NODE, nodes)
        turn.run_many(self._history.insert_version, _VERSION, versions)

    def throw(self, turn: Turn, found: Found, writing: Writing) -> None:
        """Into the trash: the node leaves its parent, nothing beneath is touched."""
        entry, parent = found.entry, found.lineage[-2]
        seq = turn.note(entry.id, parent, "delete", entry)
        turn.run(
            self._place,
            of=entry.id,
            now_parent=None,
            now_name=entry.name_ct,
            now_modified=entry.modified,
            now_passing=0,
            now_size=entry.subtree_size,
            seq=seq,
        )
        turn.run(self._throw, node=entry.id, from_parent=parent, by=writing.by, at=writing.at)
        turn.touch(dict.fromkeys(found.lineage[:-1], -entry.subtree_size))

    def restore(self, turn: Turn, entry: Entry, place: Place, writing: Writing) -> None:
        """Out of the trash to a free place."""
        seq = turn.note(entry.id, place.above[-1], "restore")
        size = self._hang(turn, entry, place, writing, seq)
        turn.run(self._take, of=entry.id)
        turn.touch(dict.fromkeys(place.above, size))


_COPIED = (
    node.c.id,
    node.c.parent,
    node.c.name_ct,
    node.c.kind,
    node.c.version,
    version.c.size,
    version.c.media_type,
    version.c.blob,
    version.c.mac,
    node.c.passing,
)
_NODE = tuple(column.name for column in node.columns)
_VERSION = tuple(column.name for column in version.columns)


def _placing() -> Update:
    own: BindParameter[int] = bindparam("space")
    return (
        update(node)
        .where(node.c.space == own, node.c.id == bindparam("of"))
        .values(
            parent=bindparam("now_parent"),
            name_ct=bindparam("now_name"),
            modified=bindparam("now_modified"),
            change=bindparam("seq"),
            placed=bindparam("seq"),
            passing=bindparam("now_passing"),
            subtree_size=bindparam("now_size"),
        )
    )


def _sizes(rows: list[tuple[Any, ...]], writing: Writing) -> dict[int, int]:
    """What each selected node counts: its own bytes and those of what was selected beneath it, but for files of
    programs; `writing` says whether the first is one at its new place.
    """
    sizes = {row[0]: 0 if row[3] == COLLECTION or row[9] else int(row[5]) for row in rows}
    if rows[0][3] != COLLECTION:
        sizes[rows[0][0]] = counted(int(rows[0][5]), writing)
    for row in reversed(rows):
        if row is not rows[0]:
            sizes[row[1]] += sizes[row[0]]
    return sizes


def _shifted(old: tuple[int, ...], lost: int, new: tuple[int, ...], gained: int) -> dict[int, int]:
    """What the collections above an old and a new place gain."""
    gains = dict.fromkeys(old, -lost)
    for node_id in new:
        gains[node_id] = gains.get(node_id, 0) + gained
    return gains
