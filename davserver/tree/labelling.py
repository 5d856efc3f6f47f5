"""The label that a paper brings along: no verb ever lowers a classification (law 5, rights.md §2.7)."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection

from acl.labels import NEVER, ON_CREATION, Bound, Classification, Label, carried
from acl.privileges import Rights
from davserver.tree.changing import ChangingTree
from davserver.tree.forest import SharePlaces
from davserver.tree.names import is_programs
from davserver.tree.seen import DoesNotFit, Seen
from davserver.tree.spots import Spot
from shareproviders.contract import NotFound, TracksChanges
from shareproviders.paths import SharePath


class Tied(NamedTuple):
    """What a member of a copied folder takes along as its own."""

    below: tuple[str, ...]
    """The stored names that lead to it."""
    label: Label
    items: frozenset[int]


class LabellingTree(ChangingTree):
    """What COPY and MOVE know about labels."""

    def _arriving_label(self, start: Spot, seen: Seen, end: Spot, *, moving: bool) -> Label | None:
        """The label that the result must carry as its own; None if what holds there says the same."""
        rules, there = self.forest.rules.of(start.places), self.forest.rules.of(end.places)
        source = rules.bound_at(seen.node.lineage)
        self._keepable(end.places, source.classification)
        onto = end.node is not None and not end.node.is_collection and not seen.node.is_collection
        base = there.bound_at(end.node.lineage if onto and end.node is not None else end.parent.node.lineage)
        label = carried(source, base)
        if not onto and self._waits(start, seen, end, moving=moving):
            label = label._replace(release_at=NEVER)
        brings_own = moving and not onto and seen.node.id in rules.regions
        return label if brings_own or base.under(label) != base else None

    def _ground(self, end: Spot) -> Bound:
        """What holds in the folder that something arrives in."""
        return self.forest.rules.of(end.places).bound_at(end.parent.node.lineage)

    def _arriving_points(self, start: Spot, seen: Seen, end: Spot) -> frozenset[int]:
        """The agenda items that the result must carry as its own, so that no recusal is escaped."""
        onto = end.node is not None and not end.node.is_collection and not seen.node.is_collection
        base = end.node if onto and end.node is not None else end.parent.node
        return self._points_at(start.places, seen.node) - self._points_at(end.places, base)

    def _waits(self, start: Spot, seen: Seen, end: Spot, *, moving: bool) -> bool:
        """A newcomer to papers that are out already is a draft: each copy, and what was no paper before."""
        if is_programs(end.path.name) or not self._is_out(self.forest.rules.of(end.places), end):
            return False
        source = self.forest.rules.of(start.places).bound_at(seen.node.lineage)
        return not moving or is_programs(start.path.name) or source.release_at == ON_CREATION

    def _keepable(self, places: SharePlaces, classification: Classification) -> None:
        """A share that tracks no changes holds classes up to restricted only (storage.md §6)."""
        if classification > Classification.RESTRICTED and not isinstance(places.provider, TracksChanges):
            raise DoesNotFit("this drive may hold public and restricted papers only")

    def _labels_beneath(self, start: Spot, seen: Seen, end: Spot) -> list[Tied]:
        """What is pinned inside a folder that is copied."""
        rules, base = self.forest.rules.of(start.places), self._ground(end)
        if self._waits(start, seen, end, moving=False):
            base = base._replace(release_at=NEVER)
        depth = len(start.inner.segments)
        found = []
        for pin in rules.beneath.get(seen.node.id, ()):
            segments = start.places.provider.locate(pin)[0].segments
            bound = rules.bound_at(rules.places[pin])
            items = rules.regions[pin].items - self._points_at(start.places, seen.node)
            found.append(Tied(segments[depth:], carried(bound, base), items))
        return found

    def _label_members(self, connection: Connection, end: Spot, inside: list[Tied]) -> None:
        for below, label, items in inside:
            try:
                node = end.places.provider.stat(SharePath((*end.inner.segments, *below)))
            except NotFound:
                continue  # it was left out, because the asker may not read it
            self._label(connection, end.places, node, label)
            self._bind(connection, end.places, node, items)

    def _unreadable_beneath(self, places: SharePlaces, seen: Seen) -> frozenset[int]:
        view = self._view(places)
        now = self.clock()
        return frozenset(
            pin
            for pin in view.rules.beneath.get(seen.node.id, ())
            if Rights.READ & ~view.granted(view.rules.places[pin], now).rights
        )
