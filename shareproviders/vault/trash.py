"""What was deleted and can come back: where it lay, what lies beneath it, and its end.

A deleted node has no parent any more, only `trash.from_parent`; what lay beneath it stays as it was. So the way up from
anything in the trash leads over `from_parent`, through what was deleted later, to the root.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Connection, Select, and_, bindparam, delete, func, literal, select

from shareproviders.contract import Ground, Node, NotFound, Trashed, WrongKind
from shareproviders.paths import SharePath
from shareproviders.statements import Statement
from shareproviders.vault.catalog import COLUMNS, CURRENT, MAX_CLIMB, Catalog, Entry, build, subtree
from shareproviders.vault.crypto import Secrets
from shareproviders.vault.schema import COLLECTION, dead_property, node, trash, version
from shareproviders.vault.turn import Turn

NOT_THERE = "this does not lie in the trash"


class Step(NamedTuple):
    """One node on the way up: `thrown` says when and by whom, if it is what was deleted."""

    id: int
    above: int
    name_ct: bytes
    thrown: tuple[str, int] | None


class Trash:
    """The trash of one space."""

    def __init__(self, ground: Ground, secrets: Secrets, catalog: Catalog) -> None:
        self._ground, self._secrets, self._catalog = ground, secrets, catalog
        own: BindParameter[int] = bindparam("space")
        of: BindParameter[int] = bindparam("of")
        thrown = select(trash.c.from_parent, trash.c.by, trash.c.at, *COLUMNS).select_from(
            CURRENT.join(trash, trash.c.node == node.c.id)
        )
        self._thrown = Statement(thrown.where(trash.c.space == own).order_by(trash.c.at.desc(), trash.c.node.desc()))
        self._one_thrown = Statement(thrown.where(trash.c.space == own, trash.c.node == of))
        self._origins = Statement(select(trash.c.node, trash.c.from_parent).where(trash.c.space == own))
        self._members = Statement(select(*COLUMNS).select_from(CURRENT).where(node.c.space == own, node.c.parent == of))
        self._climb = Statement(_climb())
        down = subtree()
        beneath = select(down.c.id)
        of_tree = and_(version.c.space == own, version.c.node.in_(beneath))
        self._tree = Statement(beneath)
        self._versions = Statement(select(version.c.blob, version.c.size).where(of_tree))
        self._purging = (
            Statement(delete(version).where(of_tree)),
            Statement(delete(dead_property).where(dead_property.c.space == own, dead_property.c.node.in_(beneath))),
            Statement(delete(trash).where(trash.c.space == own, trash.c.node == of)),
            Statement(delete(node).where(node.c.space == own, node.c.id.in_(beneath))),
        )

    def thrown(self) -> list[Trashed]:
        """What was deleted, newest first."""
        with self._ground.begin_read() as connection:
            ways: dict[int, tuple[int, ...]] = {}
            found = []
            for parent, by, at, *rest in self._thrown.rows(connection, self._values(connection)):
                if parent not in ways:
                    ways[parent] = tuple(step.id for step in self._way(connection, parent))
                found.append(self._told(Entry._make(rest), by, at, (*ways[parent], rest[0])))
            return found

    def _told(self, entry: Entry, by: str, at: int, lineage: tuple[int, ...]) -> Trashed:
        parent = lineage[-2]
        name = self._secrets.open_name(entry.name_ct, parent)
        is_collection = entry.kind == COLLECTION
        size = entry.subtree_size if is_collection else entry.size or 0
        return Trashed(entry.id, name, is_collection, size, parent, by, at, lineage)

    def entry(self, turn: Turn, node_id: int) -> Entry:
        """The row of what was deleted. Raises NotFound, also for what lies beneath it."""
        row = self._one_thrown.row(turn.connection, {"space": turn.space, "of": node_id})
        if row is None:
            raise NotFound(NOT_THERE)
        return Entry._make(row[3:])

    def locate(self, connection: Connection, node_id: int) -> tuple[SharePath, Node, Trashed]:
        """Where this lay, its facts there, and what was deleted with it. Raises NotFound."""
        way = self._way(connection, node_id)
        lineage = tuple(step.id for step in way)
        root = next((depth for depth in range(len(way) - 1, -1, -1) if way[depth].thrown is not None), None)
        if root is None:
            raise NotFound(NOT_THERE)
        names = tuple(self._secrets.open_name(step.name_ct, step.above) for step in way[1:])
        entry = self._catalog.by_id(connection, node_id)
        deleted = entry if root == len(way) - 1 else self._catalog.by_id(connection, lineage[root])
        by, at = way[root].thrown or ("", 0)
        trashed = self._told(deleted, by, at, lineage[: root + 1])
        return SharePath(names), build(entry, names[-1], lineage), trashed

    def _way(self, connection: Connection, node_id: int) -> list[Step]:
        """From the root down to a node, as if nothing had been deleted. Raises NotFound."""
        rows = self._climb.rows(connection, self._values(connection, id=node_id))
        rows.reverse()
        if not rows or rows[0][0] != self._catalog.space(connection).root:
            raise NotFound(NOT_THERE)
        return [Step(row[0], row[1], row[2], None if row[3] is None else (row[4], row[5])) for row in rows]

    def children(self, connection: Connection, node_id: int) -> list[Node]:
        """Members of a collection in the trash, by name. Raises NotFound, WrongKind."""
        collection = self.locate(connection, node_id)[1]
        if not collection.is_collection:
            raise WrongKind("a document has no members")
        rows = self._members.rows(connection, self._values(connection, of=node_id))
        names = self._secrets.open_names([row[2] for row in rows], node_id)
        members = [build(row, name, (*collection.lineage, row[0])) for row, name in zip(rows, names, strict=True)]
        return sorted(members, key=attrgetter("name"))

    def _values(self, connection: Connection, **values: int) -> dict[str, int]:
        return {"space": self._catalog.space(connection).number, **values}

    def purge(self, turn: Turn, node_id: int) -> list[int]:
        """Destroy it, all beneath, and what was deleted out of these before; the ids that ended. Raises NotFound."""
        self.entry(turn, node_id)
        origins = self._origins.rows(turn.connection, {"space": turn.space})
        ended: list[int] = []
        blobs: list[bytes] = []
        waiting = [node_id]
        while waiting:
            of = {"space": turn.space, "of": waiting.pop()}
            tree = {row[0] for row in self._tree.rows(turn.connection, of)}
            waiting += [thrown for thrown, parent in origins if parent in tree]
            rows = self._versions.rows(turn.connection, of)
            turn.charge(-sum(size for _, size in rows))
            for statement in self._purging:
                turn.run(statement, of=of["of"])
            ended += tree
            blobs += (blob_id for blob_id, _ in rows)
        turn.shred(blobs)
        return ended


def _climb() -> Select[Any]:
    """The way up over parents and, where there is none, over what a node was deleted from."""
    own: BindParameter[int] = bindparam("space")
    above = func.coalesce(node.c.parent, trash.c.from_parent).label("above")
    rows = node.outerjoin(trash, trash.c.node == node.c.id)
    up = (
        select(node.c.id, above, literal(0).label("height"))
        .select_from(rows)
        .where(node.c.space == own, node.c.id == bindparam("id"))
        .cte("up", recursive=True)
    )
    further = up.join(node, node.c.id == up.c.above).outerjoin(trash, trash.c.node == node.c.id)
    up = up.union_all(
        select(node.c.id, above, up.c.height + 1)
        .select_from(further)
        .where(node.c.space == own, up.c.height < MAX_CLIMB)
    )
    columns = (up.c.id, up.c.above, node.c.name_ct, trash.c.from_parent, trash.c.by, trash.c.at)
    told = up.join(node, node.c.id == up.c.id).outerjoin(trash, trash.c.node == up.c.id)
    return select(*columns).select_from(told).order_by(up.c.height)
