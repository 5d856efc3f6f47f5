"""COPY and MOVE: two places, asked at both, in one transaction. No verb ever lowers a classification (law 5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection

from acl import store
from acl.labels import NEVER, carried
from acl.privileges import Rights
from davserver import comments
from davserver.tree import parts, past
from davserver.tree.counting import counted_size
from davserver.tree.forest import SharePlaces
from davserver.tree.labelling import LabellingTree
from davserver.tree.names import bare_name, is_programs, is_temp
from davserver.tree.seen import AccessDenied, DoesNotFit, PreconditionFailed, Seen, Terms
from davserver.tree.spots import Spot
from shareproviders.contract import (
    Expected,
    KeepsProperties,
    Node,
    Outdated,
    Staged,
    Writing,
)
from shareproviders.paths import SharePath


@dataclass(frozen=True, slots=True)
class Carried:
    """One resource on its way into another share, its bytes staged there already."""

    seen: Seen
    below: tuple[str, ...]
    """Stored names under the source of the whole verb."""
    staged: Staged | None


class TwoSidedTree(LabellingTree):
    """The verbs with a Destination."""

    def move(self, source: SharePath, target: SharePath, terms: Terms, *, overwrite: bool) -> tuple[Seen, bool]:
        """Rename or re-parent, also into another drive; (the result, True if nothing stood there before)."""
        source, target = self._shared.end(source), self._shared.end(target)
        check_ends(source, target)
        if source.segments[:1] != target.segments[:1]:
            return self._across(source, target, terms, overwrite=overwrite, moving=True)
        with self._changing() as connection:
            seen, start = self._leaving(source)
            end = self._arriving(target, overwrite=overwrite)
            terms.check()
            self._unlocked_ends(connection, start, seen.node, end, terms, moving=True)
            created = end.node is None
            end = self._continued(connection, end, temp_arrives=is_temp(source.name), arriving=seen.node)
            label = self._arriving_label(start, seen, end, moving=True)
            takes_over = end.node is not None and not end.node.is_collection and not seen.node.is_collection
            brought = self._brought_points(start, seen, moving=not takes_over)
            raised = self._raised_beneath(connection, start, seen, end)
            onto = self._cleared(connection, seen.node, end, terms)
            gone = self.forest.locks.check_beneath(
                connection, start.places.share, seen.node.id, self._holder(terms), self._lock_places(start.places)
            )
            rules = self.forest.rules.of(start.places)
            pinned = label is not None or seen.node.id in rules.marks or any(points for _, points in brought)
            self._foreseen(connection, end, pinned=pinned)
            size = parts.own_size(connection, rules, seen.node)
            node = start.places.provider.move(start.inner, end.inner, self._writing(target.name))
            self.forest.locks.remove(connection, gone)  # RFC 4918 §7.5: a lock does not move with its resource
            self._left(connection, start.places, rules, seen.node, lost=size)
            if label is not None:
                self._label(connection, end.places, node, label)
            for pin, stricter in raised:
                self._label(connection, end.places, end.places.provider.locate(pin)[1], stricter)
            self._bind(connection, end, end.node if onto and end.node is not None else end.parent.node, brought)
            if onto:
                self._inherit_pins(connection, start.places, seen.node, node)
            else:
                self._brought(connection, end, node)
            gain = size if node.is_collection else counted_size(node)
            self._touched(
                connection, rules, node, gain - (counted_size(end.node) if onto and end.node else 0), onto=onto
            )
            if node.id in self._pinned and node.id not in rules.regions:
                past.pinned(connection, end.places.share, node.id, node.change)
            self._moved(connection, end.places, node)
            if not node.is_collection and is_temp(target.name):
                self._departed(connection, start, seen.node, deleted=False)
            self._note(connection, "move", end.places.share, node)
            return self._made(target, node), created

    def copy(
        self, source: SharePath, target: SharePath, terms: Terms, *, overwrite: bool, deep: bool
    ) -> tuple[Seen, bool]:
        """Copy what the asker may read; (the result, True if nothing stood there before)."""
        source, target = self._shared.end(source, stays=True), self._shared.end(target)
        check_ends(source, target)
        if source.segments[:1] != target.segments[:1]:
            return self._across(source, target, terms, overwrite=overwrite, moving=False, deep=deep)
        with self._changing() as connection:
            seen = self._taken(source)
            start = self._spot(source)
            end = self._arriving(target, overwrite=overwrite)
            terms.check()
            self._unlocked_ends(connection, start, seen.node, end, terms, moving=False)
            label = self._arriving_label(start, seen, end, moving=False)
            inside = self._labels_beneath(start, seen, end) if deep else []
            brought = self._brought_points(start, seen, moving=False)[: None if deep else 1]
            left_out = self._unreadable_beneath(start.places, seen)
            self._cleared(connection, seen.node, end, terms)
            rules = self.forest.rules.of(end.places)
            pinned = label is not None or bool(inside) or any(points for _, points in brought)
            self._foreseen(connection, end, pinned=pinned)
            writing = self._writing(target.name)
            node = start.places.provider.copy(start.inner, end.inner, writing, deep=deep, without=left_out)
            onto = end.node is not None and not end.node.is_collection and not node.is_collection
            if label is not None:
                self._label(connection, end.places, node, label)
            self._label_members(connection, end, inside)
            self._bind(connection, end, end.node if onto and end.node is not None else end.parent.node, brought)
            if not onto:
                self._brought(connection, end, node)
            gain = counted_size(node) - (counted_size(end.node) if onto and end.node else 0)
            self._touched(connection, rules, node, gain, onto=onto)
            self._note(connection, "copy", end.places.share, node)
            return self._made(target, node), end.node is None

    # -- one share ------------------------------------------------------------------------------------------------

    def _taken(self, source: SharePath) -> Seen:
        """What is to be copied or moved. A pointer only stands for a paper."""
        seen = self.stat(source, tagged=False)
        self._demand(seen, Rights.READ)
        if seen.instead is not None:
            raise AccessDenied(source, Rights.READ)
        return seen

    def _leaving(self, source: SharePath) -> tuple[Seen, Spot]:
        seen = self._taken(source)
        start = self._spot(source)
        self._demand(start.parent, Rights.UNBIND)
        self._demand_beneath(start.places, seen, Rights.DISCOVER)
        return seen, start

    def _arriving(self, target: SharePath, *, overwrite: bool) -> Spot:
        end = self._spot(target)
        self._demand(end.parent, Rights.BIND)
        if end.hidden:
            raise AccessDenied(target, Rights.BIND)
        if end.seen is not None:
            if not overwrite:
                raise PreconditionFailed("something stands under this name already, and Overwrite is F")
            self._demand(end.parent, Rights.UNBIND)
            self._demand_beneath(end.places, end.seen, Rights.DISCOVER)
        return end

    def _unlocked_ends(
        self, connection: Connection, start: Spot, node: Node, end: Spot, terms: Terms, *, moving: bool
    ) -> None:
        locks, holder = self.forest.locks, self._holder(terms)
        if moving:
            locks.check(connection, start.places.share, node.lineage, holder, self._lock_places(start.places))
            self._unlocked_membership(connection, start, holder)
        if end.node is not None:
            locks.check(connection, end.places.share, end.node.lineage, holder, self._lock_places(end.places))
        self._unlocked_membership(connection, end, holder)

    def _cleared(self, connection: Connection, node: Node, end: Spot, terms: Terms) -> bool:
        """Make room at the target unless a document takes over a document's identity; True in that case."""
        if end.node is None:
            return False
        if not node.is_collection and not end.node.is_collection:
            return True
        self._delete(connection, end, end.node, terms)
        return False

    def _inherit_pins(self, connection: Connection, places: SharePlaces, source: Node, target: Node) -> None:
        """The source's id has ended: its own label was counted in, its entries end with it; a hold to come goes on."""
        store.follow_holds(connection, places.share, source.id, target.id)
        comments.forget(connection, places.share, [source.id])
        if store.forget_nodes(connection, places.share, [source.id]):
            self._repinned.add(places)
        self._note(connection, "replace", places.share, target)

    # -- two shares -----------------------------------------------------------------------------------------------

    def _across(
        self, source: SharePath, target: SharePath, terms: Terms, *, overwrite: bool, moving: bool, deep: bool = True
    ) -> tuple[Seen, bool]:
        """Stage every byte in the other share first, then one transaction for all rows of both."""
        seen = self._leaving_whole(source)[0] if moving else self._taken(source)
        self._arriving(target, overwrite=overwrite)
        baggage: list[Carried] = []
        try:
            for one in self._readable(seen, (), deep=deep):
                document = not one[0].node.is_collection
                staged = self.stage(target, self.read(one[0])) if document else None
                baggage.append(Carried(*one, staged))
            with self._changing() as connection:
                return self._land(connection, baggage, (source, target), terms, overwrite=overwrite, moving=moving)
        finally:
            for arrival in baggage:
                if arrival.staged is not None:
                    arrival.staged.discard()

    def _leaving_whole(self, source: SharePath) -> tuple[Seen, Spot]:
        """For another drive every byte has to be read: what could not come along would be lost here."""
        seen, start = self._leaving(source)
        self._demand_beneath(start.places, seen, Rights.READ)
        return seen, start

    def _readable(self, seen: Seen, below: tuple[str, ...], *, deep: bool) -> Iterator[tuple[Seen, tuple[str, ...]]]:
        yield seen, below
        if deep and seen.node.is_collection:
            for member in self.children(seen):
                if Rights.READ in member.rights and member.instead is None:
                    yield from self._readable(member, (*below, member.node.name), deep=True)

    def _land(
        self,
        connection: Connection,
        baggage: list[Carried],
        ends: tuple[SharePath, SharePath],
        terms: Terms,
        *,
        overwrite: bool,
        moving: bool,
    ) -> tuple[Seen, bool]:
        source, target = ends
        seen, start = self._leaving_whole(source) if moving else (self._taken(source), self._spot(source))
        end = self._arriving(target, overwrite=overwrite)
        terms.check()
        self._unlocked_ends(connection, start, seen.node, end, terms, moving=moving)
        onto = end.node is not None and not end.node.is_collection and not seen.node.is_collection
        if end.node is not None and not onto:
            self._delete(connection, end, end.node, terms)
        rules = self.forest.rules.of(start.places)
        base = end.node if onto and end.node is not None else end.parent.node
        rules_there = self.forest.rules.of(end.places)
        there = rules_there.bound_at(base.lineage)
        self._foreseen(connection, end, pinned=True)
        brought = self._brought_points(start, seen, moving=False)
        if not onto and self._waits(start, seen, end, moving=moving):
            there = there._replace(release_at=NEVER)
        for arrival in baggage:
            now = self.stat(arrival.seen.path)
            if now.node.id != arrival.seen.node.id or now.node.entity_tag != arrival.seen.node.entity_tag:
                raise Outdated("the source was changed while it was being copied; nothing was copied")
            node = self._set_down(end, arrival)
            bound = rules.bound_at(now.node.lineage)
            self._keepable(end.places, bound.classification)
            if not arrival.below or now.node.id in rules.regions:
                self._label(connection, end.places, node, carried(bound, there))
        self._bind(connection, end, base, brought)
        if not onto:
            self._brought(connection, end, end.places.provider.stat(end.inner))
        if moving:
            if {one.node.id for one, _ in self._readable(seen, (), deep=True)} != {one.seen.node.id for one in baggage}:
                raise Outdated("the source was changed while it was being moved; nothing was moved")
            self._delete(connection, start, seen.node, terms)
        made = self._made(target, end.places.provider.stat(end.inner))
        old_size = counted_size(end.node) if end.node is not None and not end.node.is_collection else 0
        gain = counted_size(made.node) - (old_size if not made.node.is_collection else 0)
        self._touched(connection, rules_there, made.node, gain, onto=onto)
        self._note(connection, "move" if moving else "copy", end.places.share, made.node)
        return made, end.node is None

    def _set_down(self, end: Spot, arrival: Carried) -> Node:
        provider = end.places.provider
        path = SharePath((*end.inner.segments, *arrival.below))
        old = arrival.seen.node
        kept = not is_programs(bare_name(path.name))
        writing = Writing(self.principal.key, self.clock(), old.media_type, old.modified, keep_version=kept)
        if arrival.staged is None:
            node = provider.make_collection(path, writing)
        else:
            node, _ = provider.put(path, arrival.staged, Expected(), writing)
        properties = self.properties([arrival.seen])[0]
        if properties and isinstance(provider, KeepsProperties):
            node = provider.set_properties(node, dict(properties), writing)
        return node


def check_ends(source: SharePath, target: SharePath) -> None:
    """Refuse what RFC 4918 §9.8.5, §9.9.4 forbid: onto itself, into itself, onto what contains it, and whole drives."""
    if len(source.segments) < 2 or len(target.segments) < 2:
        raise DoesNotFit("drives are made, moved and removed by the administration only")
    if source == target:
        raise DoesNotFit("source and destination are the same")
    if target.is_inside(source):
        raise DoesNotFit("a folder cannot be put inside itself")
    if source.is_inside(target):
        raise DoesNotFit("the destination contains the source; it would be destroyed")
