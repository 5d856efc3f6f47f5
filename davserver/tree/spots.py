"""Places that a verb is about to change, and what all changes share: transaction, note, labels of newcomers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection

from acl import store
from acl.engine import HIDDEN_ON_DAV, POINTER
from acl.entries import Entry
from acl.labels import NEVER, ON_CREATION, Label
from acl.privileges import Rights
from acl.rules import ShareRules
from davserver.locks import Holder
from davserver.tree import parts, past
from davserver.tree.counting import counted_lineage, counted_size
from davserver.tree.forest import SharePlaces
from davserver.tree.names import is_programs
from davserver.tree.seen import AccessDenied, DoesNotFit, Seen, Terms
from davserver.tree.syncing import SyncingTree
from shareproviders.contract import KeepsTrash, Node, NotFound, ParentMissing, TracksChanges, Writing
from shareproviders.paths import ROOT, SharePath


@dataclass(frozen=True, slots=True)
class Spot:
    """A place that a verb is about to change: its collection, and what stands there, visible or not."""

    places: SharePlaces
    path: SharePath
    inner: SharePath
    """Inside the share, as stored."""
    parent: Seen
    node: Node | None
    seen: Seen | None
    """None if nothing is there, or if the asker may not discover it."""

    @property
    def hidden(self) -> bool:
        """Something is there that the asker may not discover."""
        return self.node is not None and self.seen is None


class SpottingTree(SyncingTree):
    """What the verbs of all kinds stand on."""

    _repinned: set[SharePlaces]
    """Shares in which the open transaction has changed what is pinned, or where."""
    _pinned: set[int]
    """What the open transaction has pinned as it arrived: nobody knew it without its pin."""
    _restored: set[int]
    """Pins that the open transaction has brought back: they are cut from nothing either."""

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        with self.forest.database.transaction() as connection:
            self._repinned, self._pinned, self._restored = set(), set(), set()
            yield connection
            for places in self._repinned:
                self.forest.rules.recut(connection, places, self._pinned | self._restored)

    def _spot(self, path: SharePath) -> Spot:
        """Raises ParentMissing for an absent or undiscoverable parent alike, DoesNotFit for a drive itself, and
        AccessDenied for a pointer, which is read-only.
        """
        if len(path.segments) < 2 or self._shared.is_new_line(path):
            raise DoesNotFit("drives are made and removed by the administration only")
        try:
            parent = self.stat(path.parent, tagged=False)
        except NotFound:
            raise ParentMissing("the folder does not exist") from None
        if not parent.node.is_collection:
            raise ParentMissing("this is inside a document, not inside a folder")
        places, inner = self._places(path), self._inner(path)
        try:
            node = places.provider.stat(inner)
        except NotFound:
            if self._find_pointer(path) is not None:
                raise AccessDenied(path, Rights.BIND) from None
            return Spot(places, path, inner, parent, None, None)
        if self._followed and node.lineage[:-1] != parent.node.lineage:
            parent = self._parent_now(places, inner)
        return Spot(places, path, inner, parent, node, self._seen(self._view(places), path, node))

    def _parent_now(self, places: SharePlaces, inner: SharePath) -> Seen:
        """Of a folder that was asked for by an old name: the rights of where it is now count, not of where it was."""
        path = SharePath((places.share, *inner.parent.segments))
        seen = self._seen(self._view(places), path, places.provider.stat(inner.parent))
        if seen is None:
            raise ParentMissing("the folder does not exist")
        return seen

    def _unlocked_membership(self, connection: Connection, spot: Spot, holder: Holder) -> None:
        """A locked collection protects the list of its members too (RFC 4918 §7.4)."""
        lineage = spot.parent.node.lineage
        self.forest.locks.check(connection, spot.places.share, lineage, holder, self._lock_places(spot.places))

    def _demand_beneath(self, places: SharePlaces, seen: Seen, needed: Rights) -> None:
        """What takes a node from its place is refused as a whole if anything in it forbids that: the asker may not do
        `needed` to it, or a legal hold keeps it where and as it is.
        """
        view = self._view(places)
        now = self.clock()
        if view.rules.held_within(seen.node.lineage, now):
            raise AccessDenied(seen.path, Rights.UNBIND)
        for pin in (seen.node.id, *view.rules.beneath.get(seen.node.id, ())):
            granted = view.granted(view.rules.places.get(pin, seen.node.lineage), now)
            if needed & ~granted.rights:
                raise AccessDenied(seen.path, needed)
            only_through = Rights.VIEW & ~granted.rights  # discoverable perhaps for the sake of one member alone
            kept_back = not granted.obligations.isdisjoint((HIDDEN_ON_DAV, POINTER))
            if (only_through or kept_back) and self._holds_hidden(places, pin):
                raise AccessDenied(seen.path, needed)

    def _demand_content(self, seen: Seen) -> None:
        """Ask for WRITE_CONTENT; under a hold what is still empty may be filled, for there is nothing to keep yet.

        Adding to a held folder is allowed, and many clients make or lock a name before they send its content.
        """
        if not seen.rights & Rights.WRITE_CONTENT and not seen.node.size:
            view = self._view(self._share(seen.share))
            if view.decide(Rights.WRITE_CONTENT, seen.node.lineage, self.clock()).reasons == ("hold",):
                return
        self._demand(seen, Rights.WRITE_CONTENT)

    def _holds_hidden(self, places: SharePlaces, pin: int) -> bool:
        """Is there anything at or beneath a node that the asker does not see on this channel?"""
        node, view = places.provider.locate(pin)[1], self._view(places)
        waiting = places.provider.children(node) if node.is_collection else [node]
        while waiting:
            node = waiting.pop()
            if self._seen(view, ROOT, node) is None:
                return True
            waiting += places.provider.children(node) if node.is_collection else []
        return False

    def _left(self, connection: Connection, places: SharePlaces, rules: ShareRules, node: Node, *, lost: int) -> None:
        """A node has just left its place, into the trash or to another; `rules` and `node` from before, bytes."""
        if not isinstance(places.provider, TracksChanges):
            return
        newest = places.provider.newest_change()
        parts.touch(connection, rules, counted_lineage(places.provider, rules, node), newest, -lost)
        if node.id in rules.marks:
            past.displace(connection, rules, node.lineage, newest)

    def _moved(self, connection: Connection, places: SharePlaces, node: Node) -> None:
        """After a node changed its place, cached lineages of what is pinned at or beneath it are stale."""
        rules = self.forest.rules.of(places)
        if node.id in rules.marks:
            parts.touch_beneath(connection, rules, node.id, node.lineage[:-1], node.change)
            self._repin(connection, places)

    def _repin(self, connection: Connection, places: SharePlaces) -> None:
        """What is pinned, or where, has changed in this transaction."""
        self.forest.rules.stale(connection, places.share)
        self._repinned.add(places)

    def _restore(self, connection: Connection, spot: Spot, node_id: int, *, has_pins: bool) -> Node:
        """Out of the trash to a free place; `has_pins`: something may be pinned at the node or beneath it."""
        provider = spot.places.provider
        if not isinstance(provider, KeepsTrash):
            raise NotFound("this drive has no trash")
        node = provider.restore(node_id, spot.inner, self._writing())
        if has_pins:
            self._repin(connection, spot.places)
        rules = self.forest.rules.of(spot.places)
        past.appear(connection, rules, node.id, node.change)
        self._restored.update((node.id, *rules.beneath.get(node.id, ())))
        measured_anew = node.id in rules.regions or node.id in rules.beneath  # when the parts are cut
        parts.touch(connection, rules, node.lineage, node.change, 0 if measured_anew else counted_size(node))
        return node

    def _label(self, connection: Connection, places: SharePlaces, node: Node, label: Label) -> None:
        store.set_label(connection, places.share, node.id, label)
        self._repinned.add(places)
        self._pinned.add(node.id)

    def _points_at(self, places: SharePlaces, lineage: tuple[int, ...]) -> frozenset[int]:
        """Ids of the agenda items that concern a place, by its folders and bindings."""
        rules = self.forest.rules.of(places)
        return rules.regions[rules.region_of(lineage)].items

    def _bind_node(self, connection: Connection, places: SharePlaces, node: Node, points: frozenset[int]) -> None:
        for number in sorted(points):
            store.add_binding(connection, places.share, node.id, number)
            self._repinned.add(places)
            self._pinned.add(node.id)

    def _arrived(self, connection: Connection, spot: Spot, node: Node, *, gain: int) -> None:
        """Something was written here; a newcomer to what is out already waits for its own release."""
        rules = self.forest.rules.of(spot.places)
        if spot.node is None:
            self._brought(connection, spot, node)
            if self._waits_here(rules, spot):
                self._label(connection, spot.places, node, Label(release_at=NEVER))
        self._touched(connection, rules, node, gain)

    def _waits_here(self, rules: ShareRules, spot: Spot) -> bool:
        return not is_programs(spot.path.name) and self._is_out(rules, spot)

    def _touched(self, connection: Connection, rules: ShareRules, node: Node, gain: int, *, onto: bool = False) -> None:
        """Something happened here; what came with a new pin of its own changes nothing but its own part.

        `rules` from before; `onto`: it came to what stood there already, perhaps without a pin.
        """
        if onto:
            self._pinned.discard(node.id)
        if node.id not in self._pinned or node.id in rules.regions:
            lineage = counted_lineage(self.forest.provider(rules.share), rules, node)
            parts.touch(connection, rules, lineage, node.change, gain)

    def _foreseen(self, connection: Connection, spot: Spot, *, pinned: bool = False) -> None:
        """To be called before something arrives: `pinned` with a pin of its own, or where it will get one."""
        if not isinstance(spot.places.provider, TracksChanges):
            return
        rules = self.forest.rules.of(spot.places)
        if pinned or (spot.node is None and (self._waits_here(rules, spot) or spot.parent.node.id in rules.inboxes)):
            parts.foresee(connection, spot.places.provider, rules, spot.parent.node.lineage)

    def _brought(self, connection: Connection, spot: Spot, node: Node) -> None:
        """In an inbox, who brings something keeps his own rights over it, and only he (rights.md §2, `00 Eingang`)."""
        own = self._view(spot.places).own_rights(spot.parent.node.lineage, self.clock())
        if own:
            store.add_entry(connection, spot.places.share, Entry(node.id, self.principal.key, own))
            self._repinned.add(spot.places)
            self._pinned.add(node.id)

    def _is_out(self, rules: ShareRules, spot: Spot) -> bool:
        """The folder's papers were released at an instant that has passed (rights.md §1)."""
        return ON_CREATION < rules.bound_at(spot.parent.node.lineage).release_at <= self.clock()

    def _made(self, path: SharePath, node: Node) -> Seen:
        """What a verb made, as its maker sees it; he may be allowed to make what he may not see afterwards."""
        places = self._places(path)
        view = self._view(places)
        seen = self._seen(view, path, node)
        if seen is not None:
            return self._tagged([seen], places, view)[0]
        return Seen(path, places.share, node, Rights.NONE, node.entity_tag, node.name)

    def _writing(
        self, name: str = "", *, media_type: str = "", modified: int | None = None, checksum: str = ""
    ) -> Writing:
        kept = not is_programs(name)
        return Writing(self.principal.key, self.clock(), media_type, modified, keep_version=kept, checksum=checksum)

    def _holder(self, terms: Terms) -> Holder:
        return Holder(self.principal.key, terms.tokens)

    def _note(self, connection: Connection, what: str, share: str, node: Node) -> None:
        self.forest.audit.note(connection, self.principal.key, what, share=share, node=node.id)

    def _note_about(self, connection: Connection, what: str, share: str, node: int, detail: str) -> None:
        self.forest.audit.note(connection, self.principal.key, what, share=share, node=node, detail=detail)
