"""The trash, through the door: decided as if everything still lay where it was deleted (rights.md §2).

Visible is what the asker may discover by that decision, and that he deleted himself or might remove from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from acl import store
from acl.engine import HIDDEN_ON_DAV, LOG_READ, POINTER, View
from acl.labels import NEVER, ON_CREATION, Label
from acl.privileges import Rights
from davserver import comments
from davserver.tree.damage import opened
from davserver.tree.delivery import shown
from davserver.tree.forest import SharePlaces
from davserver.tree.histories import HistoryTree
from davserver.tree.labelling import carried_label
from davserver.tree.looking import NOTHING_HERE
from davserver.tree.names import bare_name, free_name, is_programs
from davserver.tree.seen import AccessDenied, DoesNotFit, Seen, Terms, Thrown
from davserver.tree.spots import Spot
from shareproviders.contract import KeepsTrash, Node, NotFound, ParentMissing, Trashed, WrongKind
from shareproviders.paths import ROOT, SharePath

NO_TRASH = "this drive has no trash; what is deleted there is gone"
NO_TERMS = Terms()


class Bin(NamedTuple):
    """The trash of one drive as the asker may look into it, at one state of the database."""

    places: SharePlaces
    provider: KeepsTrash
    view: View
    at: int

    def rights(self, lineage: tuple[int, ...]) -> Rights:
        """What he might do at a place if nothing had been deleted."""
        return self.view.granted(lineage, self.at).rights

    def shows(self, node: Node) -> bool:
        """May he discover it? What programs made for themselves lies here for nobody."""
        return shown(node, self.view.granted(node.lineage, self.at)) and not is_programs(bare_name(node.name))

    def opens(self, trashed: Trashed) -> bool:
        """Did he delete it himself, or might he have?"""
        return trashed.by == self.view.principal.key or bool(self.rights(trashed.lineage[:-1]) & Rights.UNBIND)

    def is_uniform(self, node: Node) -> bool:
        """Is all beneath it seen by him as it is itself?"""
        kept_back = not self.view.granted(node.lineage, self.at).obligations.isdisjoint((HIDDEN_ON_DAV, POINTER))
        return not kept_back and node.id not in self.view.rules.beneath

    def beneath(self, node: Node) -> Iterator[Node]:
        """All that was deleted with it."""
        waiting = [node]
        while waiting:
            node = waiting.pop()
            if node.is_collection:
                members = self.provider.trashed_children(node)
                yield from members
                waiting += members


class KeepingTree(HistoryTree):
    """Verbs on what was deleted, by (share, node id)."""

    def trashed(self, path: SharePath = ROOT) -> list[Thrown]:
        """What was deleted beneath a folder, a drive, or (ROOT) anywhere, and he may see; newest first.

        Raises NotFound as `stat`, DoesNotFit for a drive without a trash.
        """
        seen = self.stat(path)
        if seen.share:
            return self._thrown_in(self._share(seen.share), seen.node.id)
        found: list[Thrown] = []
        for share in sorted(self.forest.shares()) if path.is_root else ():
            if isinstance(self.forest.provider(share), KeepsTrash) and self.may_know(SharePath((share,))):
                found += self._thrown_in(self._share(share), 0)
        return sorted(found, key=lambda each: -each.at)

    def stat_trashed(self, share: str, node: int) -> Thrown:
        """One of them, or what lies beneath one. Raises NotFound for all that he may not see there."""
        with self.forest.database.read():
            return self._thrown_at(share, node)[1]

    def trashed_children(self, thrown: Thrown) -> list[Thrown]:
        """Members that he may discover of a folder in the trash, by name. Raises NotFound, WrongKind."""
        with self.forest.database.read():
            found, folder = self._thrown_at(thrown.share, thrown.node.id)
            if not folder.node.is_collection:
                raise WrongKind("a document has no members")
            members = [node for node in found.provider.trashed_children(folder.node) if found.shows(node)]
            return [
                self._told(found, node, folder.place and folder.place / node.name, (folder.root, folder.by, folder.at))
                for node in members
            ]

    def read_trashed(self, thrown: Thrown, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Bytes of a document in the trash. Raises AccessDenied without READ, NotFound, WrongKind, Damaged."""
        with self.forest.database.read():
            found, document = self._thrown_at(thrown.share, thrown.node.id)
            if document.node.is_collection:
                raise WrongKind("a folder has no content of its own")
            self._demand_thrown(document, Rights.READ)
            read = partial(found.provider.read_trashed, document.node, start, length)
            pieces = opened(self.forest, document.share, document.node, read)
        if LOG_READ in document.obligations:
            self.forest.reads.note(self.principal.key, document.share, document.node.id, document.node.entity_tag)
        return self._watched(named(document), pieces, lambda: self._may_read_thrown(document))

    def restore(self, share: str, node: int, target: SharePath | None = None, terms: Terms = NO_TERMS) -> Seen:
        """Bring it back to where it lay, or to `target` in the same drive; under a free name like it if that is taken.

        It keeps id, label, entries, links, versions; elsewhere it takes along what held where it lay, as MOVE does.
        What was released while it lay here waits for a release of its own. Raises NotFound, ParentMissing where its
        folder is gone, AccessDenied without BIND there (elsewhere also READ of it and UNBIND where it lay), DoesNotFit,
        Locked.
        """
        with self._changing() as connection:
            found, thrown = self._root_at(share, node)
            spot = self._free_spot(found, thrown, target)
            self._demand(spot.parent, Rights.BIND)
            stays = spot.parent.node.id == thrown.node.lineage[-2]
            if not stays:
                self._demand_thrown(thrown, Rights.READ)
                self._demand_removable(found, thrown)
            terms.check()
            self._unlocked_membership(connection, spot, self._holder(terms))
            label = self._restored_label(connection, found, thrown, spot, stays=stays)
            rules = found.view.rules
            back = self._restore(connection, spot, node, has_pins=node in rules.marks)
            if label is not None:
                self._label(connection, spot.places, back, label)
            if not stays:
                points = rules.regions[rules.region_of(thrown.node.lineage[:-1])].items
                self._bind(connection, spot, spot.parent.node, [((), points)])
                self._brought(connection, spot, back)
            self._note(connection, "restore", share, back)
            return self._made(spot.path, back)

    def foresee_purge(self, share: str, node: int) -> tuple[Thrown, int]:
        """(what would be destroyed, how many documents). Raises as `purge`."""
        with self.forest.database.read():
            found, thrown = self._root_at(share, node)
            self._demand_removable(found, thrown)
            return thrown, sum(not each.is_collection for each in (thrown.node, *found.beneath(thrown.node)))

    def purge(self, share: str, node: int) -> None:
        """Destroy it for good, with all beneath. Raises NotFound, DoesNotFit, AccessDenied without UNBIND where it lay.

        As a whole or not at all: AccessDenied if anything beneath is hidden from him.
        """
        with self._changing() as connection:
            found, thrown = self._root_at(share, node)
            self._demand_removable(found, thrown)
            self._note(connection, "purge", share, thrown.node)
            ended = found.provider.purge(node)
            comments.forget(connection, share, ended)
            if store.forget_nodes(connection, share, ended):
                self._repinned.add(found.places)

    def empty_trash(self, path: SharePath = ROOT) -> tuple[int, int]:
        """Purge all of `trashed(path)` that he may, each in a transaction of its own; (how many went, how many stay).

        Raises as `trashed`.
        """
        gone = stays = 0
        for thrown in self.trashed(path):
            try:
                self.purge(thrown.share, thrown.node.id)
                gone += 1
            except AccessDenied:
                stays += 1
            except NotFound:
                continue  # it went with another, or somebody else took it
        return gone, stays

    # -- looking --------------------------------------------------------------------------------------------------

    def _bin(self, places: SharePlaces) -> Bin:
        """To be called inside a view or transaction."""
        if not isinstance(places.provider, KeepsTrash):
            raise DoesNotFit(NO_TRASH)
        view = self.forest.rules.trash_view(places, self.principal, self.channel)
        return Bin(places, places.provider, view, self.clock())

    def _thrown_in(self, places: SharePlaces, folder: int) -> list[Thrown]:
        """Beneath one folder of a drive, or (0) in all of it."""
        with self.forest.database.read():
            found = self._bin(places)
            visible = [
                trashed.node_id
                for trashed in found.provider.trashed()
                if (not folder or folder in trashed.lineage[:-1])
                and found.rights(trashed.lineage) & Rights.DISCOVER
                and found.opens(trashed)
            ]
            located = [found.provider.locate_trashed(node) for node in visible]
            return [self._found(found, *each) for each in located if found.shows(each[1])]

    def _thrown_at(self, share: str, node_id: int) -> tuple[Bin, Thrown]:
        """Raises NotFound for all that the asker may not see in the trash, as for what does not lie there."""
        places = self._share(share)
        self._enter(places, SharePath((share,)))
        found = self._bin(places)
        path, node, trashed = found.provider.locate_trashed(node_id)
        if not found.opens(trashed) or not found.rights(trashed.lineage) & Rights.DISCOVER or not found.shows(node):
            raise NotFound(NOTHING_HERE)
        return found, self._found(found, path, node, trashed)

    def _root_at(self, share: str, node: int) -> tuple[Bin, Thrown]:
        found, thrown = self._thrown_at(share, node)
        if thrown.root != node:
            raise DoesNotFit("this was deleted together with its folder; restore or purge that")
        return found, thrown

    def _found(self, found: Bin, path: SharePath, node: Node, trashed: Trashed) -> Thrown:
        place = None
        if self._may_know_way(found, node.lineage, trashed):
            place = SharePath((found.places.share, *(bare_name(name) for name in path.segments)))
        return self._told(found, node, place, (trashed.node_id, trashed.by, trashed.at))

    def _may_know_way(self, found: Bin, lineage: tuple[int, ...], trashed: Trashed) -> bool:
        """May the asker know every folder above? What lives, by how it stands now; what was deleted, as it lay."""
        for depth in range(len(lineage) - 1, 0, -1):
            above = lineage[:depth]
            if trashed.node_id in above:
                rights = found.rights(above)
            else:
                try:
                    living = found.places.lineage(above[-1])
                except NotFound:  # deleted later; seen for its own sake, not for what was deleted out of it before
                    rights = found.view.inherited(above, found.at).rights
                else:
                    return Rights.DISCOVER in self._view(found.places).granted(living, found.at).rights
            if Rights.DISCOVER not in rights:
                return False
        return False

    def _told(self, found: Bin, node: Node, place: SharePath | None, deleted: tuple[int, str, int]) -> Thrown:
        granted = found.view.granted(node.lineage, found.at)
        if node.is_collection and not found.is_uniform(node):
            sizes = (each.size for each in found.beneath(node) if not each.is_collection and found.shows(each))
            node = node._replace(size=sum(sizes))
        held = found.view.rules.held_within(node.lineage, found.at)
        removable = not held and Rights.UNBIND in found.rights(node.lineage[:-1])
        return Thrown(found.places.share, node, granted.rights, place, *deleted, granted.obligations, removable)

    def _may_read_thrown(self, thrown: Thrown) -> bool:
        try:
            return Rights.READ in self.stat_trashed(thrown.share, thrown.node.id).rights
        except NotFound:
            return False

    def _demand_thrown(self, thrown: Thrown, needed: Rights) -> None:
        if needed & ~thrown.rights:
            raise AccessDenied(named(thrown), needed)

    # -- changing -------------------------------------------------------------------------------------------------

    def _demand_removable(self, found: Bin, thrown: Thrown) -> None:
        """As DELETE and MOVE ask where it lay: UNBIND there, nothing beneath hidden from him, nothing under a hold."""
        node, rules = thrown.node, found.view.rules
        pins = (rules.places[pin] for pin in rules.beneath.get(node.id, ()))
        whole = all(Rights.DISCOVER in found.rights(pin) for pin in pins)
        if whole and not found.is_uniform(node):
            whole = all(shown(each, found.view.granted(each.lineage, found.at)) for each in found.beneath(node))
        held = rules.held_within(node.lineage, found.at)
        if held or not whole or Rights.UNBIND not in found.rights(node.lineage[:-1]):
            raise AccessDenied(named(thrown), Rights.UNBIND)

    def _free_spot(self, found: Bin, thrown: Thrown, target: SharePath | None) -> Spot:
        """Where it is to come back: a name that nothing has."""
        if target is None:
            try:
                folder = self._lock_places(found.places).path(thrown.node.lineage[-2])
            except NotFound:
                raise ParentMissing("the folder that it lay in is gone; name another place") from None
            target = folder / thrown.node.name
        target = self._shared.end(target)
        if target.segments[:1] != (thrown.share,):
            raise DoesNotFit("what was deleted comes back into its own drive; move it from there")
        folder = target.parent
        return self._spot(folder / free_name(target.name, lambda name: self._spot(folder / name).node is not None))

    def _restored_label(
        self, connection: Connection, found: Bin, thrown: Thrown, spot: Spot, *, stays: bool
    ) -> Label | None:
        """The own label that it must get; None to leave it as it is."""
        rules, node = found.view.rules, thrown.node
        source = rules.bound_at(node.lineage)
        waits = thrown.at < source.release_at <= found.at  # the others were released while it lay here
        if stays:
            own = store.labels(connection, thrown.share).get(node.id, Label())
            return own._replace(release_at=NEVER) if waits else None
        there = self.forest.rules.of(spot.places)
        waits = waits or (source.release_at == ON_CREATION and self._is_out(there, spot))
        base = there.bound_at(spot.parent.node.lineage)
        return carried_label(source, base, waits=waits, has_own=node.id in rules.regions)


def named(thrown: Thrown) -> SharePath:
    """What a refusal may call it."""
    return thrown.place or SharePath((thrown.share,))
