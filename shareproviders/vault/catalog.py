"""Which nodes there are: walking paths by sealed name, listing members, finding where an id is now.

Everything here only reads. `lineage` is computed on the way and never stored.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import CTE, BindParameter, Connection, Select, and_, bindparam, literal, literal_column, or_, select

from shareproviders.contract import Damaged, Ground, Node, NotFound, ParentMissing, WrongKind
from shareproviders.media import media_type_of
from shareproviders.paths import SharePath
from shareproviders.statements import Row, Statement
from shareproviders.vault.crypto import Secrets
from shareproviders.vault.lately import Lately
from shareproviders.vault.schema import COLLECTION, NO_PARENT, node, root_of, space, version

NOTHING_THERE = "there is nothing at this path"
MAX_CLIMB = 256
"""More levels than any path can have; a longer way up is a circle in damaged rows."""


class Entry(NamedTuple):
    """One row of `node` with what its current version adds; the order of `COLUMNS`."""

    id: int
    parent: int | None
    name_ct: bytes
    kind: int
    subtree_size: int
    created: int
    modified: int
    change: int
    placed: int
    version: int | None
    size: int | None
    media_type: str | None
    blob: bytes | None


COLUMNS = (
    node.c.id,
    node.c.parent,
    node.c.name_ct,
    node.c.kind,
    node.c.subtree_size,
    node.c.created,
    node.c.modified,
    node.c.change,
    node.c.placed,
    node.c.version,
    version.c.size,
    version.c.media_type,
    version.c.blob,
)

ABSENT = (0, 0, b"", 0, 0, 0, 0, 0, 0, 0, 0, None, None)
"""A row for what is not there: looking for it takes as long as for a document that somebody may not discover."""

_ITS_VERSION = and_(version.c.id == node.c.version, version.c.node == node.c.id)
CURRENT = node.outerjoin(version, _ITS_VERSION)


class Found(NamedTuple):
    """A living node: its row, its name, the ids from the root to itself."""

    entry: Entry
    name: str
    lineage: tuple[int, ...]


class Place(NamedTuple):
    """Where something is to stand: the ids from the root to its parent, its name, and what stands there now."""

    above: tuple[int, ...]
    name: str
    entry: Entry | None


class Space(NamedTuple):
    """The number of a share's space and the id of its root; both never change."""

    number: int
    root: int


class Catalog:
    """The living nodes of one space."""

    def __init__(self, ground: Ground, secrets: Secrets) -> None:
        self._ground = ground
        self._secrets = secrets
        self._space: Space | None = None
        self._lately = Lately()
        in_space = node.c.space == bindparam("space")
        by_name = and_(in_space, node.c.parent == bindparam("parent"), node.c.name_ct == bindparam("name"))
        self._step = Statement(select(node.c.id).where(by_name))
        # One row in any case, of nothing where nothing is: that it is there shall not be known by the time it takes.
        always = select(literal(1)).subquery("always").outerjoin(node, by_name).outerjoin(version, _ITS_VERSION)
        self._member = Statement(select(*COLUMNS).select_from(always))
        self._by_id = Statement(select(*COLUMNS).select_from(CURRENT).where(in_space, node.c.id == bindparam("id")))
        members = select(*COLUMNS).select_from(CURRENT).where(in_space, node.c.parent == bindparam("parent"))
        newer, passing = node.c.change > bindparam("number"), literal_column("passing") == literal_column("1")
        self._changed = Statement(members.where(newer).union(members.where(passing)))
        self._climb = Statement(_climb())
        self._members: dict[int, Statement] = {}

    def space(self, connection: Connection) -> Space:
        """Raises NotFound before the share was prepared."""
        if self._space is None:
            of_share = select(space.c.id).where(space.c.share == self._ground.share)
            number = connection.execute(of_share).scalar_one_or_none()
            if number is None:
                raise NotFound("this drive was not prepared yet")
            self._space = Space(number, root_of(number))
        return self._space

    def walk(self, connection: Connection, path: SharePath) -> tuple[int, ...]:
        """Ids from the root to what stands at `path`, whatever its kind. Raises NotFound."""
        number, here = self.space(connection)
        lineage = [here]
        for name in path.segments:
            sealed = self._secrets.seal_name(name, here)
            row = self._step.row(connection, {"space": number, "parent": here, "name": sealed})
            if row is None:
                raise NotFound(NOTHING_THERE)
            here = row[0]
            lineage.append(here)
        return tuple(lineage)

    def node_at(self, path: SharePath) -> Node:
        """What stands at `path` now. Raises NotFound, at the end: within the bracket that would take longer."""
        with self._ground.begin_read() as connection:
            found = self._look(connection, path)
        if found is None:
            raise NotFound(NOTHING_THERE)
        return build(*found)

    def find(self, connection: Connection, path: SharePath) -> Found:
        """What stands at `path`. Raises NotFound."""
        found = self._look(connection, path)
        if found is None:
            raise NotFound(NOTHING_THERE)
        return found

    def _look(self, connection: Connection, path: SharePath) -> Found | None:
        """The same; None for what is absent in a collection that is there. Raises NotFound where that is not."""
        if path.is_root:
            root = self.space(connection).root
            return Found(self.by_id(connection, root), "", (root,))
        above = self.walk(connection, path.parent)
        entry = self.member(connection, above[-1], path.name)
        if entry is None:
            build(
                Entry._make(ABSENT), path.name, (*above, 0)
            )  # whoever may not see what is there shall not know by time
            return None
        return Found(entry, path.name, (*above, entry.id))

    def place(self, connection: Connection, path: SharePath) -> Place:
        """Where `path` would be or is. Raises ParentMissing."""
        if path.is_root:
            return Place((), "", self.find(connection, path).entry)
        try:
            above = self.walk(connection, path.parent)
        except NotFound:
            raise ParentMissing("the collection above this path does not exist") from None
        entry = self.member(connection, above[-1], path.name)
        if entry is None and self.by_id(connection, above[-1]).kind != COLLECTION:
            raise ParentMissing("what is above this path is a document")
        return Place(above, path.name, entry)

    def member(self, connection: Connection, parent: int, name: str) -> Entry | None:
        """The member of a collection with this name."""
        sealed = self._secrets.seal_name(name, parent)
        values = {"space": self.space(connection).number, "parent": parent, "name": sealed}
        row = self._member.row(connection, values)
        return None if row is None or row[0] is None else Entry._make(row)

    def by_id(self, connection: Connection, node_id: int) -> Entry:
        """The row with this id, wherever it is. Raises NotFound."""
        row = self._by_id.row(connection, {"space": self.space(connection).number, "id": node_id})
        if row is None:
            raise NotFound("there is no such document or collection")
        return Entry._make(row)

    def locate(self, connection: Connection, node_id: int) -> tuple[SharePath, Found]:
        """Where the living node with this id is. Raises NotFound, also for the trash and all beneath it."""
        number, root = self.space(connection)
        rows = self._climb.rows(connection, {"space": number, "id": node_id})
        rows.reverse()
        if not rows or rows[0][0] != root or rows[0][1] != NO_PARENT:
            raise NotFound("there is no such document or collection")
        names = tuple(self._secrets.open_name(sealed, parent) for _, parent, sealed in rows[1:])
        path = SharePath(names)
        return path, Found(self.by_id(connection, node_id), path.name, tuple(row[0] for row in rows))

    def children(self, connection: Connection, collection: Node) -> list[Node]:
        """Members by name, in one query. Raises NotFound, WrongKind."""
        lineage = collection.lineage
        members, chain = self._page(connection, lineage)
        if not _is_chain(chain, lineage):  # moved or gone since `collection` was asked for
            lineage = self.locate(connection, collection.id)[1].lineage
            members, chain = self._page(connection, lineage)
        if chain[collection.id][1] != COLLECTION:
            raise WrongKind("a document has no members")
        nodes = self._built(members, lineage)
        rows = {row[0]: row for row in members}
        self._lately.keep(lineage, {node.id: (rows[node.id], node) for node in nodes})
        return nodes

    def changed(self, connection: Connection, collection: Node, number: int) -> list[Node]:
        """Members with a newer change than `number`, and all of which no versions are kept; by name."""
        values = {"space": self.space(connection).number, "parent": collection.id, "number": number}
        return self._built(self._changed.rows(connection, values), collection.lineage)

    def _built(self, members: list[Row], lineage: tuple[int, ...]) -> list[Node]:
        lately, nodes, fresh = self._lately.page(lineage), [], []
        for row in members:
            known = lately.get(row[0])
            if known is not None and known[0] == row:
                nodes.append(known[1])
            else:
                fresh.append(row)
        names = self._secrets.open_names([row[2] for row in fresh], lineage[-1])
        nodes += [build(row, name, (*lineage, row[0])) for row, name in zip(fresh, names, strict=True)]
        nodes.sort(key=itemgetter(2))
        return nodes

    def _page(
        self, connection: Connection, lineage: tuple[int, ...]
    ) -> tuple[list[Row], dict[int, tuple[int | None, int]]]:
        """Rows of the members of lineage's last, and (parent, kind) of all in the lineage, read together."""
        depth = len(lineage)
        statement = self._members.get(depth)
        if statement is None:
            statement = self._members[depth] = Statement(_page(depth))
        values = {f"id{place}": node_id for place, node_id in enumerate(lineage)}
        here = lineage[-1]
        values |= {"space": self.space(connection).number, "parent": here}
        members, chain = [], {}
        above = set(lineage)
        for row in statement.rows(connection, values):
            if row[1] == here:
                members.append(row)
            if row[0] in above:
                chain[row[0]] = (row[1], row[3])
        return members, chain


def build(row: Row | Entry, name: str, lineage: tuple[int, ...]) -> Node:
    """The contract's Node out of a row of `COLUMNS`; raises Damaged for a document without its version."""
    node_id, _, _, kind, subtree_size, created, modified, change, placed, current, size, media_type, _ = row
    if kind == COLLECTION:
        return Node(node_id, lineage, name, True, subtree_size, "", "", created, modified, change, placed)
    if size is None:
        raise Damaged("a document has no current version")
    media_type = media_type or media_type_of(name)
    return Node(node_id, lineage, name, False, size, f"{current:x}", media_type, created, modified, change, placed)


def tag_of(version_id: int) -> str:
    """The entity tag of a version: its id, unique over all shares, in hexadecimal digits."""
    return f"{version_id:x}"


def version_of(entity_tag: str) -> int:
    """The version that a tag names. Raises NotFound for what cannot be a tag of ours."""
    try:
        return int(entity_tag, 16)
    except ValueError:
        raise NotFound("this state of the document does not exist") from None


def _is_chain(chain: dict[int, tuple[int | None, int]], lineage: tuple[int, ...]) -> bool:
    parents = (NO_PARENT, *lineage)
    return all(
        node_id in chain and chain[node_id][0] == parent for node_id, parent in zip(lineage, parents, strict=False)
    )


def _climb() -> Select[Any]:
    columns = (node.c.id, node.c.parent, node.c.name_ct)
    up = (
        select(*columns, literal(0).label("height"))
        .where(node.c.space == bindparam("space"), node.c.id == bindparam("id"))
        .cte("up", recursive=True)
    )
    up = up.union_all(
        select(*columns, up.c.height + 1).where(
            node.c.space == bindparam("space"), node.c.id == up.c.parent, up.c.height < MAX_CLIMB
        )
    )
    return select(up.c.id, up.c.parent, up.c.name_ct).order_by(up.c.height)


def subtree() -> CTE:
    """A node and all beneath it, with their heights below it."""
    own: BindParameter[int] = bindparam("space")
    down = (
        select(node.c.id, literal(0).label("height"))
        .where(node.c.space == own, node.c.id == bindparam("of"))
        .cte("down", recursive=True)
    )
    return down.union_all(
        select(node.c.id, down.c.height + 1).where(
            node.c.space == own, node.c.parent == down.c.id, down.c.height < MAX_CLIMB
        )
    )


def _page(depth: int) -> Select[Any]:
    in_space = node.c.space == bindparam("space")
    chain = [and_(in_space, node.c.id == bindparam(f"id{place}")) for place in range(depth)]
    return (
        select(*COLUMNS).select_from(CURRENT).where(or_(and_(in_space, node.c.parent == bindparam("parent")), *chain))
    )
