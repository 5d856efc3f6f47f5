"""What of a folder each reader may know has changed, and how much of it he may know is there (rights.md §4).

A collection that has pins beneath it is kept in parts: one for each pin strictly beneath (what no deeper pin claims),
and part 0 for the rest. A write touches only the part that it happened in, so a reader's entity tag, made of the parts
that he may discover, stays as it is when only hidden things change. Collections without pins beneath need no rows:
their own newest change says everything.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Container, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from acl import store
from acl.rules import ShareRules
from davserver.schema import part as table
from davserver.schema import settled
from davserver.tree.counting import counted_size
from davserver.tree.seen import Seen
from shareproviders.contract import Node, NotFound, ShareProvider, TracksChanges
from shareproviders.statements import Statement

_log = logging.getLogger(__name__)

_TOUCHING = ("in_share", "of", "at", "newest", "gain")
_touch = Statement(
    update(table)
    .where(
        table.c.share == bindparam("in_share"), table.c.collection == bindparam("of"), table.c.pin == bindparam("at")
    )
    .values(change=bindparam("newest"), size=table.c.size + bindparam("gain"))
)


_of_share = (
    select(table.c.collection, table.c.pin, table.c.change, table.c.cut, table.c.size)
    .where(table.c.share == bindparam("of"))
    .order_by(table.c.pin)
)
_of_collection = Statement(_of_share.where(table.c.collection == bindparam("wanted")))
_of_collections = _of_share.where(table.c.collection.in_(bindparam("wanted", expanding=True)))
_epoch_of = Statement(select(settled.c.epoch).where(settled.c.share == bindparam("of")))


class Journaled(ShareProvider, TracksChanges, Protocol):
    """A provider whose collections can be kept in parts."""


class Part(NamedTuple):
    """One part of a collection: `pin` 0 for what lies under no deeper pin; bytes are kept for pins only."""

    pin: int
    change: int
    cut: int
    """For which rules it last lost something to a pin of its own, or took it back."""
    size: int


def touch(connection: Connection, rules: ShareRules, lineage: tuple[int, ...], change: int, gain: int = 0) -> None:
    """Something happened to the last node of the lineage: note the change, and the bytes gained, there and above."""
    pin, rows = 0, []
    for node in reversed(lineage):
        counted = gain if pin else 0  # where a collection is not kept in parts, there is no row to touch
        rows.append((rules.share, node, pin, change, counted))
        if not pin and node in rules.regions:
            pin = node
    _touch.run_many(connection, _TOUCHING, rows)


def touch_beneath(connection: Connection, rules: ShareRules, node: int, above: Sequence[int], change: int) -> None:
    """The way to all pins beneath a node has changed: note it in the collections above for whoever knows only them."""
    pins = rules.beneath.get(node, ())
    if pins and above:
        here = (table.c.share == rules.share, table.c.collection.in_(above), table.c.pin.in_(pins))
        connection.execute(update(table).where(*here).values(change=change))


def foresee(connection: Connection, provider: ShareProvider, rules: ShareRules, lineage: tuple[int, ...]) -> None:
    """Before a pin comes to stand here as the first in a collection: what had changed there until now."""
    fresh = [node for node in lineage if node not in rules.beneath]
    have = of_collections(connection, rules.share, fresh)
    rows = [
        {"share": rules.share, "collection": node, "pin": 0, "change": provider.locate(node)[1].change, "size": 0}
        for node in fresh
        if node not in have
    ]
    if rows:
        connection.execute(insert(table), rows)


def of_collections(connection: Connection, share: str, collections: Iterable[int]) -> dict[int, list[Part]]:
    """The parts of each collection that has any."""
    wanted = list(collections)
    found: dict[int, list[Part]] = {}
    if not wanted:
        return found
    if len(wanted) == 1:  # nearly always
        rows = _of_collection.rows(connection, {"of": share, "wanted": wanted[0]})
    else:
        rows = [tuple(row) for row in connection.execute(_of_collections, {"of": share, "wanted": wanted})]
    for collection, *facts in rows:
        found.setdefault(collection, []).append(Part(*facts))
    return found


def tag(node: Node, parts: Sequence[Part], delivery: Callable[[int], int]) -> str:
    """The entity tag of a collection for a reader who gets its parts as `delivery` says: 0 hidden, 1 as they are."""
    kept = parts or [Part(0, node.change, 0, 0)]
    known = [(part[:3], way) for part in kept if (way := delivery(part.pin))]
    return f"c{node.id:x}.{_digest(known)}"


def list_tag(members: Iterable[Seen]) -> str:
    """The entity tag of a list of drives or of shared folders that shows these members."""
    return f"l.{_digest([(seen.path.name, seen.display_name, seen.node.id, seen.tag) for seen in members])}"


def _digest(known: object) -> str:
    return hashlib.sha256(repr(known).encode()).hexdigest()[:16]


def is_settled(connection: Connection, share: str, epoch: int) -> bool:
    """True if the parts were cut along the pins of these rules."""
    return _epoch_of.row(connection, {"of": share}) == (epoch,)


def own_size(connection: Connection, rules: ShareRules, node: Node) -> int:
    """Bytes at and beneath a node that no pin beneath it claims."""
    if node.id not in rules.beneath:
        return counted_size(node)
    cut = of_collections(connection, rules.share, [node.id]).get(node.id, [])
    return node.size - sum(part.size for part in cut if part.pin)


def settle(connection: Connection, provider: Journaled, rules: ShareRules, arrived: Container[int] = ()) -> None:
    """Cut the collections of a share into parts along its pins as they stand now; inside a transaction.

    `arrived`: pins that were pins already when they came to stand where they are, and so are cut from nothing. Part 0
    of a collection stays when its last pin goes: else that would show to whoever could not discover it.
    """
    cutting = _Cutting(connection, provider, rules)
    wanted = {(above, pin) for pin in rules.regions for above in rules.places.get(pin, ())[:-1]}
    wanted |= {(above, 0) for above in rules.beneath}
    rows = connection.execute(select(table.c.collection, table.c.pin).where(table.c.share == rules.share))
    have = {(row.collection, row.pin) for row in rows}
    cutting.remove({(collection, pin) for collection, pin in have - wanted if pin})
    cutting.add(wanted - have)
    epoch = store.epoch(connection, rules.share)
    cutting.measure({pin for _, pin in wanted ^ have if pin}, epoch, arrived)
    if not connection.execute(update(settled).where(settled.c.share == rules.share).values(epoch=epoch)).rowcount:
        connection.execute(insert(settled).values(share=rules.share, epoch=epoch))


class _Cutting:
    """One pass over the pins of a share; asks the provider for each node at most once."""

    def __init__(self, connection: Connection, provider: Journaled, rules: ShareRules) -> None:
        self._connection, self._provider, self._rules = connection, provider, rules
        self._told: dict[int, Node | None] = {}

    def _node(self, number: int) -> Node | None:
        if number not in self._told:
            try:
                self._told[number] = self._provider.locate(number)[1]
            except NotFound:
                self._told[number] = None
        return self._told[number]

    def remove(self, places: set[tuple[int, int]]) -> None:
        rows = [{"of": collection, "at": pin} for collection, pin in places]
        if rows:
            here = (table.c.collection == bindparam("of"), table.c.pin == bindparam("at"))
            self._connection.execute(delete(table).where(table.c.share == self._rules.share, *here), rows)

    def add(self, places: set[tuple[int, int]]) -> None:
        """Rows with the bytes that the provider tells now; to whom a pin is new, its part has just changed."""
        rows: list[dict[str, Any]] = []
        newest = self._provider.newest_change() if places else 0
        for collection, pin in places:
            node = self._node(collection)
            change = newest if pin else node.change if node else 0
            facts = {"change": change, "size": self._own_size(pin) if pin else 0}
            rows.append({"share": self._rules.share, "collection": collection, "pin": pin, **facts})
        if rows:
            self._connection.execute(insert(table), rows)

    def measure(self, changed: set[int], epoch: int, arrived: Container[int]) -> None:
        """The parts from which a pin was cut, or to which one fell back: other bytes, and news to who may see them."""
        cuts, pins, fallen = set(), set(), list[dict[str, int]]()
        for pin in changed:
            node, above = self._node(pin), 0
            for collection in reversed(node.lineage[:-1] if node else ()):
                if pin not in arrived:
                    cuts.add((collection, above))
                if node and pin not in self._rules.regions:
                    fallen.append({"of": collection, "at": above, "newest": node.change})
                above = above or (collection if collection in self._rules.regions else 0)
            pins.add(above)
        own = table.c.share == self._rules.share, table.c.pin == bindparam("at")
        if cuts:
            rows = [{"of": collection, "at": pin} for collection, pin in cuts]
            here = (*own, table.c.collection == bindparam("of"))
            self._connection.execute(update(table).where(*here).values(cut=epoch), rows)
        if fallen:  # what changed under a pin that is none any more changed in the part that has it now
            older = (*own, table.c.collection == bindparam("of"), table.c.change < bindparam("newest"))
            self._connection.execute(update(table).where(*older).values(change=bindparam("newest")), fallen)
        for pin in pins - {0} - changed:
            self._connection.execute(update(table).where(*own).values(size=self._own_size(pin)), {"at": pin})

    def _pin_above(self, pin: int) -> int:
        node = self._node(pin)
        return self._rules.region_of(node.lineage[:-1]) if node else 0

    def _own_size(self, pin: int) -> int:
        inner = (deeper for deeper in self._rules.beneath.get(pin, ()) if self._pin_above(deeper) == pin)
        return self._size(pin) - sum(self._size(deeper) for deeper in inner)

    def _size(self, number: int) -> int:
        node = self._node(number)
        return counted_size(node) if node else 0
