"""One collection as a reader sees it, now and at changes of the past, in one view of the database (rights.md §4)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from acl.engine import View
from acl.privileges import Rights
from davserver.tree import parts, past
from davserver.tree.delivery import delivery
from davserver.tree.forest import SharePlaces
from davserver.tree.past import Displaced
from shareproviders.contract import Node, TracksChanges

if TYPE_CHECKING:
    from davserver.tree.looking import LookingTree


class Sight:
    """What a reader may discover in a collection, and since which change nothing of it is different."""

    def __init__(
        self, tree: LookingTree, places: SharePlaces, journal: TracksChanges, connection: Connection, node: Node
    ) -> None:
        """`node` as it stands in the view that `connection` reads."""
        self.tree, self.places, self.journal, self.node = tree, places, journal, node
        self.now: View = tree._view(places)
        self.at = tree.clock()
        self._connection = connection

    def moves(self, change: int) -> list[Displaced]:
        """Of pins, after that change."""
        return past.since(self._connection, self.places.share, change)

    def then(self, change: int) -> View:
        """By the rules of now, on the tree as it stood after that change."""
        moves = self.moves(change)
        if not moves:
            return self.now
        rules = self.tree.forest.rules.before(self.places, moves)
        return View(rules, self.now.engine, self.now.principal, self.now.channel)

    def newest(self) -> int:
        """The number of the newest change in the collection that the reader may learn of."""
        number = self.newest_of([self.node])[self.node.id]
        while known := self.departed(number, self.node.id):
            number = max(known)
        return number

    def departed(self, number: int, collection: int) -> list[int]:
        """Changes after `number` by which pins left this collection that the reader could discover in it."""
        return [change for change, lineage in self.lost(number) if collection in lineage]

    def lost(self, number: int) -> list[tuple[int, tuple[int, ...]]]:
        """Changes after `number` by which pins first left where the reader could discover them; with those places."""
        moves = self.moves(number)
        if not moves:
            return []
        then, first = self.then(number), {move.pin: move for move in reversed(moves)}
        return [(move.change, move.lineage) for move in first.values() if self.may_discover(then, move.lineage)]

    def newest_of(self, collections: Sequence[Node]) -> dict[int, int]:
        """By id: the newest change of what the reader may discover and that is still there."""
        rows = parts.of_collections(self._connection, self.places.share, [node.id for node in collections])
        return {
            node.id: max(
                (
                    part.change
                    for part in rows.get(node.id) or [parts.Part(0, node.change, 0, 0)]
                    if self._way(self.now, self._place_of(node, part.pin), beneath=True)
                ),
                default=0,
            )
            for node in collections
        }

    def _place_of(self, node: Node, pin: int) -> tuple[int, ...]:
        return self.now.rules.places.get(pin, ()) if pin else node.lineage

    def may_discover(self, view: View, lineage: tuple[int, ...]) -> bool:
        return bool(lineage) and bool(view.granted(lineage, self.at).rights & Rights.DISCOVER)

    def _way(self, view: View, lineage: tuple[int, ...], *, beneath: bool) -> int:
        return delivery(view.inherited(lineage, self.at, beneath=beneath)) if lineage else 0

    def digest(self, change: int) -> str:
        """Of how everything that was there at that change is handed out to the reader by the rules of now.

        It says where that differs from what is around. So pins without a difference to this reader, and what came
        after that change, leave it alone.
        """
        then, ids = self.then(change), self.journal.ids_at(change)
        rules, ground = then.rules, self._way(self.now, self.node.lineage, beneath=True)
        pins = sorted(pin for pin in rules.beneath.get(self.node.id, ()) if pin < ids)
        ways = {pin: self._way(then, rules.places[pin], beneath=True) for pin in pins}
        told = list(self._edges(then, pins, ways, ground))
        return hashlib.sha256(repr((ground, told)).encode()).hexdigest()[:16]

    def _edges(
        self, then: View, pins: Iterable[int], ways: dict[int, int], ground: int
    ) -> Iterable[tuple[int, int, int]]:
        rules = then.rules
        for pin in pins:
            place = rules.places[pin]
            around = ways.get(rules.region_of(place[:-1]), ground)
            itself = self._way(then, place, beneath=False)
            if (itself, ways[pin]) != (around, around):
                yield pin, itself, ways[pin]
