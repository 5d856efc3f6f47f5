"""Changing through the door: one transaction in which rights, locks and terms are asked again, then one verb."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection

from acl import store
from acl.engine import HIDDEN_ON_DAV
from acl.labels import carried
from acl.privileges import Rights
from davserver.locks import Holder
from davserver.tree.forest import SharePlaces
from davserver.tree.looking import LookingTree
from davserver.tree.names import is_programs, is_temp, maker_mark, owner_files_of
from davserver.tree.seen import AccessDenied, DoesNotFit, Seen, Terms
from shareproviders.contract import (
    Expected,
    KeepsProperties,
    KeepsTrash,
    KeepsVersions,
    MetersQuota,
    NameTaken,
    Node,
    NotFound,
    ParentMissing,
    QuotaExceeded,
    ReadOnlyShare,
    Staged,
    Writing,
    WrongKind,
)
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


class ChangingTree(LookingTree):
    """Verbs on one place; two-sided verbs and locks build on it."""

    def admit_put(self, path: SharePath, terms: Terms, length: int | None) -> None:
        """Everything that can refuse a PUT before its body is read; `length` in bytes if announced."""
        with self.forest.database.read() as connection:
            spot = self._admit_document(connection, path, terms)
            usage = spot.places.provider.usage() if isinstance(spot.places.provider, MetersQuota) else None
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
    ) -> tuple[Seen, bool]:
        """Make staged bytes the content; (the document, True if it is new)."""
        with self._changing() as connection:
            spot = self._admit_document(connection, path, terms)
            created = spot.node is None
            spot = self._continued(connection, spot, temp_arrives=False)
            expected = Expected(absent=True) if spot.node is None else Expected(entity_tag=spot.node.entity_tag)
            writing = self._writing(path.name, media_type=media_type, modified=modified)
            node, _ = spot.places.provider.put(spot.inner, staged, expected, writing)
            self._note(connection, "put", spot.places.share, node)
            return self._made(path), created

    def make_collection(self, path: SharePath, terms: Terms, properties: Mapping[str, str] | None = None) -> Seen:
        """MKCOL, with dead properties set in the same step (RFC 5689)."""
        with self._changing() as connection:
            spot = self._admit_collection(connection, path, terms)
            provider, writing = spot.places.provider, self._writing()
            node = provider.make_collection(spot.inner, writing)
            if properties:
                if not isinstance(provider, KeepsProperties):
                    raise ReadOnlyShare("this drive keeps no properties")
                provider.set_properties(node, dict(properties), writing)
            self._note(connection, "make", spot.places.share, node)
            return self._made(path)

    def delete(self, path: SharePath, terms: Terms) -> None:
        """Delete a document or a whole folder, or nothing."""
        with self._changing() as connection:
            seen = self.stat(path)
            spot = self._spot(path)
            self._demand(spot.parent, Rights.UNBIND)
            self._demand_beneath(spot.places, seen, Rights.DISCOVER)
            terms.check()
            self._delete(connection, spot, seen.node, terms)
            if not seen.node.is_collection:
                self._orphaned(spot)
                if isinstance(spot.places.provider, KeepsTrash):
                    self._departed(connection, spot, seen.node, deleted=True)

    def _delete(self, connection: Connection, spot: Spot, node: Node, terms: Terms) -> None:
        holder = self._holder(terms)
        self.forest.locks.check(connection, spot.places.share, node.lineage, holder, spot.places)
        self._unlocked_membership(connection, spot, holder)
        gone = self.forest.locks.check_beneath(connection, spot.places.share, node.id, holder, spot.places)
        spot.places.provider.delete(spot.inner, self._writing())
        self.forest.locks.remove(connection, gone)
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
            self.forest.locks.check(connection, seen.share, seen.node.lineage, self._holder(terms), places)
            node, writing = seen.node, self._writing()
            if changes:
                if not isinstance(places.provider, KeepsProperties):
                    raise ReadOnlyShare("this drive keeps no properties")
                node = places.provider.set_properties(node, changes, writing)
            if modified is not None:
                node = places.provider.set_modified(node, modified, writing)
            self._note(connection, "properties", seen.share, node)
            return self.stat(path)

    # -- what the verbs share -------------------------------------------------------------------------------------

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        with self.forest.database.transaction() as connection:
            yield connection

    def _spot(self, path: SharePath) -> Spot:
        """Raises ParentMissing for an absent or undiscoverable parent alike, DoesNotFit for a drive itself."""
        if len(path.segments) < 2:
            raise DoesNotFit("drives are made and removed by the administration only")
        try:
            parent = self.stat(path.parent)
        except NotFound:
            raise ParentMissing("the folder does not exist") from None
        if not parent.node.is_collection:
            raise ParentMissing("this is inside a document, not inside a folder")
        places, inner = self._places(path), self._inner(path)
        try:
            node = places.provider.stat(inner)
        except NotFound:
            return Spot(places, path, inner, parent, None, None)
        return Spot(places, path, inner, parent, node, self._seen(places, path, node))

    def _admit_document(self, connection: Connection, path: SharePath, terms: Terms) -> Spot:
        spot = self._spot(path)
        if spot.seen is not None:
            if spot.seen.node.is_collection:
                raise WrongKind("a folder stands under this name")
            self._demand(spot.seen, Rights.WRITE_CONTENT)
        else:
            self._demand(spot.parent, Rights.BIND)
        if spot.hidden:
            raise AccessDenied(path, Rights.BIND)
        terms.check()
        holder = self._holder(terms)
        if spot.node is not None:
            self.forest.locks.check(connection, spot.places.share, spot.node.lineage, holder, spot.places)
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

    def _unlocked_membership(self, connection: Connection, spot: Spot, holder: Holder) -> None:
        """A locked collection protects the list of its members too (RFC 4918 §7.4)."""
        lineage = spot.parent.node.lineage
        self.forest.locks.check(connection, spot.places.share, lineage, holder, spot.places)

    def _demand_beneath(self, places: SharePlaces, seen: Seen, needed: Rights) -> None:
        """A folder verb is refused as a whole if it would touch something of which the asker may not do this."""
        view = self.forest.rules.view(places, self.principal, self.channel)
        now = self.clock()
        for pin in (seen.node.id, *view.rules.beneath.get(seen.node.id, ())):
            granted = view.granted(view.rules.places.get(pin, seen.node.lineage), now)
            if needed & ~granted.rights:
                raise AccessDenied(seen.path, needed)
            only_through = Rights.VIEW & ~granted.rights  # discoverable perhaps for the sake of one member alone
            if (only_through or HIDDEN_ON_DAV in granted.obligations) and self._holds_hidden(places, pin):
                raise AccessDenied(seen.path, needed)

    def _holds_hidden(self, places: SharePlaces, pin: int) -> bool:
        """Is there anything at or beneath a node that the asker does not see on this channel?"""
        node = places.provider.locate(pin)[1]
        waiting = places.provider.children(node) if node.is_collection else [node]
        while waiting:
            node = waiting.pop()
            if self._seen(places, ROOT, node) is None:
                return True
            waiting += places.provider.children(node) if node.is_collection else []
        return False

    def _moved(self, connection: Connection, places: SharePlaces, node: Node) -> None:
        """After a node changed its place, cached lineages of what is pinned at or beneath it are stale."""
        rules = self.forest.rules.of(places)
        if node.id in rules.marks:
            self.forest.rules.stale(connection, places.share)

    def _orphaned(self, spot: Spot) -> None:
        """A document left its name for good: its owner files are their makers' own from now on."""
        provider, folder = spot.places.provider, spot.inner.parent
        for name in owner_files_of(spot.path.name):
            stored = SharePath((*folder.segments, name))
            try:
                node = provider.stat(stored)
            except NotFound:
                continue
            if node.is_collection:
                continue
            maker = provider.versions(node)[0].by if isinstance(provider, KeepsVersions) else self.principal.key
            own = SharePath((*folder.segments, name + maker_mark(maker)))
            provider.move(stored, own, self._writing(name))

    def _departed(self, connection: Connection, spot: Spot, node: Node, *, deleted: bool) -> None:
        """A document left its name; whoever takes the name next may be an office program saving it."""
        if is_programs(spot.path.name):
            return
        values = {"node": node.id, "principal": self.principal.key, "at": self.clock(), "deleted": deleted}
        self.forest.departures.remember(connection, spot.places.share, spot.parent.node.id, spot.path.name, values)

    def _continued(self, connection: Connection, spot: Spot, *, temp_arrives: bool) -> Spot:
        """At a free name that a document has just left: bring that document back, so that its identity goes on."""
        if spot.node is not None or is_programs(spot.path.name):
            return spot
        share, parent, name = spot.places.share, spot.parent.node.id, spot.path.name
        row = self.forest.departures.claim(
            connection, share, parent, name, principal=self.principal.key, at=self.started
        )
        if row is None or (row.deleted and not temp_arrives):
            return spot
        if not self._brought_back(connection, spot, row.node):
            return spot
        self.forest.rules.stale(connection, share)
        return self._spot(spot.path)

    def _brought_back(self, connection: Connection, spot: Spot, node: int) -> bool:
        provider, writing = spot.places.provider, self._writing()
        try:
            now_at, left_at = provider.locate(node)
        except NotFound:
            if not isinstance(provider, KeepsTrash):
                return False
            try:
                provider.restore(node, spot.inner, writing)
            except NotFound:
                return False
            return True
        if not is_temp(now_at.name.rpartition(".~")[0]):
            return False  # the document has taken another real name: a plain rename, its identity went there
        bound = self.forest.rules.of(spot.places).bound_at(left_at.lineage)
        provider.move(now_at, spot.inner, writing)
        left = provider.copy(spot.inner, now_at, writing, deep=False)  # the program still expects its temp file
        store.set_label(connection, spot.places.share, left.id, carried(bound, bound))
        return True

    def _made(self, path: SharePath) -> Seen:
        """What a verb made, as its maker sees it; he may be allowed to make what he may not see afterwards."""
        places = self._places(path)
        node = places.provider.stat(self._inner(path))
        seen = self._seen(places, path, node)
        if seen is not None:
            return seen
        return Seen(path, places.share, node, Rights.NONE, node.entity_tag, node.name)

    def _writing(self, name: str = "", *, media_type: str = "", modified: int | None = None) -> Writing:
        return Writing(self.principal.key, self.clock(), media_type, modified, keep_version=not is_programs(name))

    def _holder(self, terms: Terms) -> Holder:
        return Holder(self.principal.key, terms.tokens)

    def _note(self, connection: Connection, what: str, share: str, node: Node) -> None:
        self.forest.audit.note(connection, self.principal.key, what, share=share, node=node.id)
