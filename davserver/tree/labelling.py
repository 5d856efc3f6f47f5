"""The label that a paper brings along: no verb ever lowers a classification (law 5, rights.md §2.7)."""

from __future__ import annotations

from typing import TypeAlias

from sqlalchemy import Connection

from acl import store
from acl.labels import NEVER, ON_CREATION, Bound, Classification, Label, carried
from acl.privileges import Rights
from davserver.tree.changing import ChangingTree
from davserver.tree.forest import SharePlaces
from davserver.tree.names import is_programs
from davserver.tree.seen import DoesNotFit, Seen
from davserver.tree.spots import Spot
from shareproviders.contract import Node, NotFound, TracksChanges
from shareproviders.paths import SharePath

Brought: TypeAlias = "list[tuple[tuple[str, ...], frozenset[int]]]"
"""Ids of agenda items, by the stored names under the source of a verb."""


class LabellingTree(ChangingTree):
    """What COPY and MOVE know about labels."""

    def _arriving_label(self, start: Spot, seen: Seen, end: Spot, *, moving: bool) -> Label | None:
        """The label that the result must carry as its own; None if what holds there says the same."""
        rules, there = self.forest.rules.of(start.places), self.forest.rules.of(end.places)
        source = rules.bound_at(seen.node.lineage)
        self._keepable(end.places, source.classification)
        onto = end.node is not None and not end.node.is_collection and not seen.node.is_collection
        base = there.bound_at(end.node.lineage if onto and end.node is not None else end.parent.node.lineage)
        waits = not onto and self._waits(start, seen, end, moving=moving)
        return carried_label(source, base, waits=waits, has_own=moving and not onto and seen.node.id in rules.regions)

    def _ground(self, end: Spot) -> Bound:
        """What holds in the folder that something arrives in."""
        return self.forest.rules.of(end.places).bound_at(end.parent.node.lineage)

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

    def _labels_beneath(self, start: Spot, seen: Seen, end: Spot) -> list[tuple[tuple[str, ...], Label]]:
        """Own labels inside a folder that is copied, by the stored names that lead to them."""
        rules, base = self.forest.rules.of(start.places), self._ground(end)
        if self._waits(start, seen, end, moving=False):
            base = base._replace(release_at=NEVER)
        depth = len(start.inner.segments)
        found = []
        for pin in rules.beneath.get(seen.node.id, ()):
            segments = start.places.provider.locate(pin)[0].segments
            bound = rules.bound_at(rules.places[pin])
            found.append((segments[depth:], carried(bound, base)))
        return found

    def _raised_beneath(self, connection: Connection, start: Spot, seen: Seen, end: Spot) -> list[tuple[int, Label]]:
        """Own labels inside a folder that moves to where stricter ones hold; what has none follows the folder itself.

        Under another name in the same folder everything holds as before.
        """
        rules, ground = self.forest.rules.of(start.places), self._ground(end)
        pins = rules.beneath.get(seen.node.id, ())
        if not pins or start.parent.node.id == end.parent.node.id:
            return []
        is_out, own = self._is_out(rules, end), store.labels(connection, start.places.share)
        found = []
        for pin in own.keys() & set(pins):
            bound = rules.bound_at(rules.places[pin])
            label = carried(bound, ground)
            if is_out and bound.release_at == ON_CREATION:
                label = label._replace(release_at=NEVER)
            if bound.under(label) != bound:
                found.append((pin, label))
        return found

    def _label_members(self, connection: Connection, end: Spot, inside: list[tuple[tuple[str, ...], Label]]) -> None:
        for below, label in inside:
            try:
                node = end.places.provider.stat(SharePath((*end.inner.segments, *below)))
            except NotFound:
                continue  # it was left out, because the asker may not read it
            self._label(connection, end.places, node, label)

    def _brought_points(self, start: Spot, seen: Seen, *, moving: bool) -> Brought:
        """Agenda items that a source takes along, by the stored names under it; what has its id brings its own anyway.

        Else a recusal from an item would end where a paper leaves its folder.
        """
        if moving:
            return [((), self._points_at(start.places, start.parent.node.lineage))]
        rules, depth = self.forest.rules.of(start.places), len(start.inner.segments)
        found: Brought = [((), self._points_at(start.places, seen.node.lineage))]
        for pin in rules.beneath.get(seen.node.id, ()) if seen.node.is_collection else ():
            names = start.places.provider.locate(pin)[0].segments[depth:]
            found.append((names, self._points_at(start.places, rules.places[pin])))
        return found

    def _bind(self, connection: Connection, end: Spot, base: Node, brought: Brought) -> None:
        known = self._points_at(end.places, base.lineage)
        for names, points in brought:
            if points <= known:
                continue
            try:
                node = end.places.provider.stat(SharePath((*end.inner.segments, *names)))
            except NotFound:
                continue  # it was left out, because the asker may not read it
            self._bind_node(connection, end.places, node, points - known)

    def _unreadable_beneath(self, places: SharePlaces, seen: Seen) -> frozenset[int]:
        view = self._view(places)
        now = self.clock()
        return frozenset(
            pin
            for pin in view.rules.beneath.get(seen.node.id, ())
            if Rights.READ & ~view.granted(view.rules.places[pin], now).rights
        )


def carried_label(source: Bound, base: Bound, *, waits: bool, has_own: bool) -> Label | None:
    """The label to write where `base` holds onto what comes from where `source` holds; None if base says the same.

    `waits`: as a draft, for a release of its own; `has_own`: it brings a label that must be replaced in any case.
    """
    label = carried(source, base)
    if waits:
        label = label._replace(release_at=NEVER)
    return label if has_own or base.under(label) != base else None
