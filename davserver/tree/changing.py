"""Changing through the door: one transaction in which rights, locks and terms are asked again, then one verb."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from acl.labels import carried
from acl.privileges import Rights
from davserver.tree import parts
from davserver.tree.counting import counted_lineage, counted_size
from davserver.tree.names import bare_name, is_programs, is_temp
from davserver.tree.seen import AccessDenied, DoesNotFit, Seen, Terms
from davserver.tree.spots import Spot, SpottingTree
from shareproviders.contract import (
    Expected,
    KeepsProperties,
    KeepsTrash,
    MetersQuota,
    NameTaken,
    Node,
    NotFound,
    QuotaExceeded,
    ReadOnlyShare,
    Staged,
    WrongKind,
)
from shareproviders.paths import SharePath


class ChangingTree(SpottingTree):
    """Verbs on one place; two-sided verbs and locks build on it."""

    def admit_put(self, path: SharePath, terms: Terms, length: int | None) -> None:
        """Everything that can refuse a PUT before its body is read; `length` in bytes if announced."""
        with self.forest.database.read() as connection:
            spot = self._admit_document(connection, path, terms)
            provider = spot.places.provider
            usage = provider.usage() if length and isinstance(provider, MetersQuota) else None
        if usage is not None and length is not None and length > usage.available:
            raise QuotaExceeded(f"this drive has {usage.available} bytes left; the document needs {length}")

    def stage(self, path: SharePath, chunks: Iterable[bytes]) -> Staged:
        """Take a body, outside any transaction; an exception out of `chunks` leaves no trace."""
        return self._places(path).provider.stage(chunks)

    def put(
        self,
        path: SharePath,
        staged: Staged,
        terms: Terms,
        *,
        media_type: str = "",
        modified: int | None = None,
        checksum: str = "",
    ) -> tuple[Seen, bool]:
        """Make staged bytes the content; (the document, True if it is new). `checksum` has been verified."""
        with self._changing() as connection:
            spot = self._admit_document(connection, path, terms)
            created = spot.node is None
            spot = self._continued(connection, spot, temp_arrives=False)
            self._foreseen(connection, spot)
            expected = Expected(absent=True) if spot.node is None else Expected(entity_tag=spot.node.entity_tag)
            writing = self._writing(path.name, media_type=media_type, modified=modified, checksum=checksum)
            node, _ = spot.places.provider.put(spot.inner, staged, expected, writing)
            self._arrived(
                connection, spot, node, gain=counted_size(node) - (counted_size(spot.node) if spot.node else 0)
            )
            self._note(connection, "put", spot.places.share, node)
            return self._made(path, node), created

    def make_collection(self, path: SharePath, terms: Terms, properties: Mapping[str, str] | None = None) -> Seen:
        """MKCOL, with dead properties set in the same step (RFC 5689)."""
        with self._changing() as connection:
            spot = self._admit_collection(connection, path, terms)
            provider, writing = spot.places.provider, self._writing()
            self._foreseen(connection, spot)
            node = provider.make_collection(spot.inner, writing)
            if properties:
                if not isinstance(provider, KeepsProperties):
                    raise ReadOnlyShare("this drive keeps no properties")
                node = provider.set_properties(node, dict(properties), writing)
            self._arrived(connection, spot, node, gain=0)
            self._note(connection, "make", spot.places.share, node)
            return self._made(path, node)

    def delete(self, path: SharePath, terms: Terms) -> None:
        """Delete a document or a whole folder, or nothing."""
        with self._changing() as connection:
            seen = self.stat(path, tagged=False)
            spot = self._spot(path)
            self._demand(spot.parent, Rights.UNBIND)
            self._demand_beneath(spot.places, seen, Rights.DISCOVER)
            terms.check()
            self._delete(connection, spot, seen.node, terms)
            if not seen.node.is_collection and isinstance(spot.places.provider, KeepsTrash):
                self._departed(connection, spot, seen.node, deleted=True)

    def _delete(self, connection: Connection, spot: Spot, node: Node, terms: Terms) -> None:
        holder = self._holder(terms)
        self.forest.locks.check(connection, spot.places.share, node.lineage, holder, self._lock_places(spot.places))
        self._unlocked_membership(connection, spot, holder)
        gone = self.forest.locks.check_beneath(
            connection, spot.places.share, node.id, holder, self._lock_places(spot.places)
        )
        rules = self.forest.rules.of(spot.places)
        lost = parts.own_size(connection, rules, node)
        spot.places.provider.delete(spot.inner, self._writing())
        self.forest.locks.remove(connection, gone)
        self._left(connection, spot.places, rules, node, lost=lost)
        self._moved(connection, spot.places, node)
        self._note(connection, "delete", spot.places.share, node)

    def set_properties(
        self, path: SharePath, changes: Mapping[str, str | None], terms: Terms, *, modified: int | None = None
    ) -> Seen:
        """Set and remove dead properties, and the modification time if given, all together."""
        with self._changing() as connection:
            seen = self.stat(path)
            if not seen.share:
                raise DoesNotFit("the collection of drives has no properties of its own")
            self._demand(seen, Rights.WRITE_PROPERTIES)
            terms.check()
            places = self._places(path)
            self.forest.locks.check(
                connection, seen.share, seen.node.lineage, self._holder(terms), self._lock_places(places)
            )
            node, writing = seen.node, self._writing()
            if changes:
                if not isinstance(places.provider, KeepsProperties):
                    raise ReadOnlyShare("this drive keeps no properties")
                node = places.provider.set_properties(node, changes, writing)
            if modified is not None:
                node = places.provider.set_modified(node, modified, writing)
            rules = self.forest.rules.of(places)
            parts.touch(connection, rules, counted_lineage(places.provider, rules, node), node.change)
            self._note(connection, "properties", seen.share, node)
            return self.stat(path)

    # -- what the verbs share -------------------------------------------------------------------------------------

    def _admit_document(self, connection: Connection, path: SharePath, terms: Terms) -> Spot:
        spot = self._spot(path)
        if spot.seen is not None:
            if spot.seen.node.is_collection:
                raise WrongKind("a folder stands under this name")
            self._demand_content(spot.seen)
        else:
            self._demand(spot.parent, Rights.BIND)
        if spot.hidden:
            raise AccessDenied(path, Rights.BIND)
        terms.check()
        holder = self._holder(terms)
        if spot.node is not None:
            self.forest.locks.check(
                connection, spot.places.share, spot.node.lineage, holder, self._lock_places(spot.places)
            )
        else:
            self._unlocked_membership(connection, spot, holder)
        return spot

    def _admit_collection(self, connection: Connection, path: SharePath, terms: Terms) -> Spot:
        try:
            spot = self._spot(path)
        except DoesNotFit:
            self.stat(path)  # an unknown drive answers like anything else that is not there
            raise NameTaken("a drive stands under this name") from None
        if spot.seen is not None:
            raise NameTaken("something stands under this name already")
        self._demand(spot.parent, Rights.BIND)
        if spot.hidden:
            raise AccessDenied(path, Rights.BIND)
        terms.check()
        self._unlocked_membership(connection, spot, self._holder(terms))
        return spot

    def _departed(self, connection: Connection, spot: Spot, node: Node, *, deleted: bool) -> None:
        """A document left its name; whoever takes the name next may be an office program saving it."""
        if is_programs(spot.path.name):
            return
        values = {"node": node.id, "principal": self.principal.key, "at": self.clock(), "deleted": deleted}
        self.forest.departures.remember(connection, spot.places.share, spot.parent.node.id, spot.path.name, values)

    def _continued(
        self, connection: Connection, spot: Spot, *, temp_arrives: bool, arriving: Node | None = None
    ) -> Spot:
        """At a free name that a document has just left: bring that document back, so that its identity goes on.

        Unless it is that very document that arrives: it comes back by itself.
        """
        if spot.node is not None or is_programs(spot.path.name):
            return spot
        share, parent, name = spot.places.share, spot.parent.node.id, spot.path.name
        row = self.forest.departures.claim(
            connection, share, parent, name, principal=self.principal.key, at=self.started
        )
        if row is None or (row.deleted and not temp_arrives) or (arriving is not None and row.node == arriving.id):
            return spot
        return self._spot(spot.path) if self._brought_back(connection, spot, row.node) else spot

    def _brought_back(self, connection: Connection, spot: Spot, node: int) -> bool:
        """False if it cannot go on; AccessDenied if a legal hold keeps it where and as it is."""
        provider, writing = spot.places.provider, self._writing()
        rules, now = self.forest.rules.of(spot.places), self.clock()
        try:
            now_at, left_at = provider.locate(node)
        except NotFound:
            if rules.held_at((node,), now):
                raise AccessDenied(spot.path, Rights.WRITE_CONTENT) from None
            if not isinstance(provider, KeepsTrash) or rules.held_at(spot.parent.node.lineage, now):
                return False  # in a held folder it would be held at once: what comes is a document of its own
            try:
                self._restore(connection, spot, node, has_pins=True)
            except NotFound:
                return False
            return True
        if not is_temp(now_at.name.rpartition(".~")[0]):
            return False  # the document has taken another real name: a plain rename, its identity went there
        if rules.held_at(left_at.lineage, now):
            raise AccessDenied(spot.path, Rights.WRITE_CONTENT)
        bound, ground = rules.bound_at(left_at.lineage), rules.bound_at(spot.parent.node.lineage)
        points = self._points_at(spot.places, left_at.lineage)
        back = provider.move(now_at, spot.inner, writing)
        self._left(connection, spot.places, rules, left_at, lost=counted_size(left_at))
        passing = self._writing(bare_name(now_at.name))
        left = provider.copy(spot.inner, now_at, passing, deep=False)  # the program still expects its temp file
        if node in rules.regions:
            self._label(connection, spot.places, left, carried(bound, bound))
            self._bind_node(connection, spot.places, left, points)
        if left_at.lineage[:-1] != spot.parent.node.lineage:  # whatever class it met elsewhere stays with its versions
            self._label(connection, spot.places, left_at, carried(bound, ground))
            self._bind_node(connection, spot.places, left_at, points)
        self._touched(connection, rules, left, counted_size(left))
        self._touched(connection, rules, back, counted_size(back))
        self._repin(connection, spot.places)
        return True
