"""Looking through the door: locate, ask, act. What may not be discovered is not there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from operator import attrgetter

from acl.engine import LOG_READ, POINTER, RENDITION, Granted, View
from acl.labels import earlier
from acl.principals import Channel, Principal
from acl.privileges import Rights
from davserver.locks import by_node, covering
from davserver.tree import parts
from davserver.tree.damage import opened
from davserver.tree.delivery import HIDDEN, delivery, is_pointed, shown, shown_kinds, with_owner_files
from davserver.tree.forest import Forest, SharePlaces
from davserver.tree.locating import LocatingTree
from davserver.tree.names import Neighbours, bare_name, is_programs, owner_of
from davserver.tree.seen import AccessDenied, Lock, Seen, StandIn
from davserver.tree.shared import SharedWithMe, is_listing
from shareproviders.contract import (
    BadName,
    KeepsProperties,
    MetersQuota,
    Node,
    NotFound,
    TracksChanges,
    Unavailable,
    Usage,
    WrongKind,
)
from shareproviders.paths import ROOT, SharePath

NOTHING_HERE = "there is nothing here"
DRIVES = Node(0, (0,), "", True, 0, "", "", 0, 0, 0)  # the collection of all drives has no storage of its own
NOBODY = DRIVES._replace(is_collection=False)
"""Stands for what is absent, so that rights are asked for it as for what is hidden."""
WITHOUT_TAG = "seen without its tag"
WITHDRAWN_AFTER = 2_000_000  # microseconds of streaming after which the right to read is asked anew


class LookingTree(LocatingTree):
    """The reading half of the guarded tree."""

    def __init__(self, forest: Forest, principal: Principal, channel: Channel) -> None:
        super().__init__(forest, principal, channel)
        self._shared = SharedWithMe(self)

    def stat(self, path: SharePath, *, tagged: bool = True) -> Seen:
        """Raises NotFound for what is absent and for what may not be discovered, alike.

        Not `tagged`, a collection may come without its entity tag, for which its parts are looked up.
        """
        if path.is_root:
            return self._drives()
        if is_listing(path):
            return self._shared.listing(path)
        database, about = self.forest.database, Seen if tagged else WITHOUT_TAG
        if self.channel is not Channel.DAV or (database.in_view and not database.stands_as_known):
            return self._met(path, tagged)
        if isinstance(kept := self._recalled(path, about), Seen):
            return kept
        committed = self.committed()
        seen = self._met(path, tagged)
        if seen.instead is None and not database.in_view:  # a stand-in holds on to the request that met it
            self.remember(path, about, seen, committed)
        return seen

    def _met(self, path: SharePath, tagged: bool) -> Seen:
        places = self._places(path)
        self._enter(places, path)
        seen = self._stood(places, path, tagged)
        if seen is None and self._follow(places, path):
            seen = self._stood(places, path, tagged)
        seen = seen or self._find_pointer(path)
        if seen is None:
            raise NotFound(NOTHING_HERE)
        return seen

    def may_know(self, path: SharePath) -> bool:
        """May the asker learn that something is there? For what a refusal would name."""
        try:
            self.stat(path)
        except (NotFound, BadName, Unavailable):
            return False
        return True

    def _stood(self, places: SharePlaces, path: SharePath, tagged: bool) -> Seen | None:
        """What stands there, None for what is absent and for what may not be discovered; both take the same time."""
        view, node = self._look(places, lambda: self._node_at(places, path))
        seen = self._seen(view, path, node)
        if seen is None or not node.id:
            return None
        return self._tagged([seen], places, view)[0] if tagged else seen

    def _node_at(self, places: SharePlaces, path: SharePath) -> Node:
        try:
            return places.provider.stat(self._inner(path))
        except NotFound:
            return NOBODY._replace(name=path.name)  # made anew, as what is hidden is: that, too, takes its time

    def _find_pointer(self, path: SharePath) -> Seen | None:
        """What stands for a paper that may not be copied, if the path names that."""
        if self.channel is Channel.DAV and path.name.endswith(".pdf") and len(path.segments) > 1:
            folder = self.stat(path.parent)
            if folder.share and folder.node.is_collection and self._points(folder):
                for member in self.children(folder):
                    if member.instead is not None and member.display_name == path.name:
                        return member
        return None

    def _points(self, folder: Seen) -> bool:
        """May anything in this folder be shown by a pointer? Spares most probes a whole listing."""
        view, now = self._view(self._share(folder.share)), self.clock()
        pins = (view.rules.places[pin] for pin in view.rules.beneath.get(folder.node.id, ()))
        near = [folder.node.lineage, *(place for place in pins if len(place) == len(folder.node.lineage) + 1)]
        return any(POINTER in view.inherited(place, now).obligations for place in near)

    def _enter(self, places: SharePlaces, path: SharePath) -> None:
        """Whoever sees nothing of a drive is sent away before anything is looked up: absent takes as long as hidden."""
        granted = self._view(places).granted(self.forest.rules.root(places), self.clock())
        self._edge = earlier(self._edge, granted.until)
        if not granted.rights & Rights.DISCOVER:
            self._inner(path)
            raise NotFound(NOTHING_HERE)

    def children(self, seen: Seen) -> list[Seen]:
        """Members that may be discovered, sorted by name. Raises WrongKind for a document."""
        if not seen.node.is_collection:
            raise WrongKind("a document has no members")
        if not seen.share:
            return self._all_drives() if seen.path.is_root else self._shared.members(seen.path)
        places = self._share(seen.share)
        view, nodes = self._look(places, lambda: places.provider.children(seen.node))
        page = view.page(seen.node.lineage, [node.id for node in nodes], self.clock())
        return self._tagged(self._shown(seen, nodes, page), places, view)

    def _shown(self, folder: Seen, nodes: Sequence[Node], page: Sequence[Granted]) -> list[Seen]:
        """Those of a folder's members that the asker meets in it, as he meets them; without tags of collections."""
        for until in {granted.until for granted in page}:
            self._edge = earlier(self._edge, until)
        segments, share = folder.path.segments, folder.share
        members: list[Seen] = []
        foreign: list[Seen] = []
        pointed: list[Seen] = []
        kept_back: list[str] = []
        asked, kinds = None, (False, False)
        for node, granted in zip(nodes, page, strict=True):
            if granted is not asked:  # members without marks of their own share one answer
                asked, kinds = granted, shown_kinds(granted)
            if not kinds[not node.is_collection]:
                if granted.rights & Rights.DISCOVER:
                    kept_back.append(node.name)
                if is_pointed(node, granted):
                    path = SharePath((*segments, node.name))
                    tag, owed = node.entity_tag, granted.obligations
                    pointed.append(Seen(path, share, node, granted.rights, tag, node.name, owed))
                continue
            name, kind = node.name, members
            if ".~" in name:
                name = bare_name(name)
                if name != node.name and not node.name.endswith(self._mark):
                    if owner_of(name) is None:
                        continue
                    kind = foreign
            path = SharePath((*segments, name))
            kind.append(Seen(path, share, node, granted.rights, node.entity_tag, name, granted.obligations))
        if foreign:
            members = with_owner_files(members, foreign)
        if pointed:
            pointers = self.forest.pointers.beside([*(seen.display_name for seen in members), *kept_back], pointed)
            pointers = [self.forest.renditions.opened(pointer, self.principal) for pointer in pointers]
            members = sorted([*members, *pointers], key=attrgetter("display_name"))
        return members

    def admit_read(self, seen: Seen) -> None:
        """Ask for READ and open nothing: HEAD, 304 and 416 are refused where GET would be. Raises AccessDenied."""
        self._demand(seen, Rights.READ)

    def admit_view(self, seen: Seen) -> None:
        """Ask for VIEW, and note that pages of it are looked at. Raises AccessDenied, WrongKind."""
        if seen.node.is_collection:
            raise WrongKind("a collection has no pages")
        self._demand(seen, Rights.VIEW)
        self.note_read(seen)

    def note_read(self, seen: Seen) -> None:
        """Let the audit know that it was read, where that is owed."""
        if LOG_READ in seen.obligations:
            self.forest.reads.note(self.principal.key, seen.share, seen.node.id, seen.tag)

    def source(self, seen: Seen) -> Iterator[bytes]:
        """The bytes of a document from which pages are made; nothing that an asker may get. Raises as `read`."""
        self.admit_view(seen)
        return opened(self.forest, seen.share, seen.node, partial(self.forest.provider(seen.share).read, seen.node))

    def read(self, seen: Seen, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Bytes of a document; opened and verified at the call. Raises AccessDenied, WrongKind, NotFound, Damaged."""
        if seen.node.is_collection:
            raise WrongKind("a collection has no content of its own")
        self.admit_read(seen)
        if seen.instead is not None:
            return self._instead(seen, seen.instead, start, length)
        read = partial(self.forest.provider(seen.share).read, seen.node, start, length)
        pieces = opened(self.forest, seen.share, seen.node, read)
        self.note_read(seen)
        return self._watched(seen.path, pieces, partial(self._may_still, Rights.READ, seen))

    def _instead(self, seen: Seen, stands: StandIn, start: int, length: int | None) -> Iterator[bytes]:
        """Of a reading copy, which is as good as a look at the paper, or of a pointer, which tells nothing of it."""
        if stands.is_copy:
            self.admit_view(stands.paper)
            may_still = partial(self._may_still, Rights.VIEW, stands.paper)
            return self._watched(seen.path, stands.read(start, length), may_still)
        page = stands.read(start, length)
        return self._and_a_copy(page, stands.paper) if RENDITION in seen.obligations else page

    def _and_a_copy(self, page: Iterator[bytes], paper: Seen) -> Iterator[bytes]:
        """A pointer, and once that is sent, the copy that takes its place from then on."""
        yield from page
        self.forest.renditions.make(self.forest.showing(self), paper, self.principal)

    def properties(self, page: Sequence[Seen]) -> list[Mapping[str, str]]:
        """Dead properties of each, in order; one query per share."""
        found: dict[tuple[str, int], Mapping[str, str]] = {}
        for share in {seen.share for seen in page if seen.share}:
            provider = self.forest.provider(share)
            if isinstance(provider, KeepsProperties):
                nodes = [seen.node for seen in page if seen.share == share]
                found |= {(share, node): values for node, values in provider.properties(nodes).items()}
        return [found.get((seen.share, seen.node.id), {}) for seen in page]

    def locks(self, page: Sequence[Seen]) -> list[list[Lock]]:
        """All locks that cover each, direct and indirect (RFC 4918 §15.8), in order; one query per share."""
        found: dict[tuple[str, int], list[Lock]] = {}
        for share in {seen.share for seen in page if seen.share}:
            places = self._lock_places(self._share(share))
            with self.forest.database.read() as connection:
                rows = by_node(self.forest.locks.of_share(connection, share))
                if not rows:
                    continue
                for seen in page:
                    near = [row for node in seen.node.lineage for row in rows.get(node, ())]
                    if seen.share == share and near:
                        told = [self.forest.locks.told(row, places) for row in covering(near, seen.node.lineage)]
                        found[share, seen.node.id] = told
        return [found.get((seen.share, seen.node.id), []) for seen in page]

    def _watched(self, path: SharePath, pieces: Iterator[bytes], may_read: Callable[[], bool]) -> Iterator[bytes]:
        """A long download ends when its reader loses the right to it: withdrawn, recused, resigned."""
        asked = self.clock()
        for piece in pieces:
            yield piece
            if self.clock() - asked > WITHDRAWN_AFTER:
                if not may_read():
                    raise AccessDenied(path, Rights.READ)
                asked = self.clock()

    def _may_still(self, needed: Rights, seen: Seen) -> bool:
        """May what was found a while ago still be read, or looked at?"""
        places = self._share(seen.share)
        try:
            lineage = places.lineage(seen.node.id)
        except NotFound:  # deleted meanwhile: what was begun may end, under the rights that held here
            lineage = seen.node.lineage
        return needed in self._view(places).granted(lineage, self.clock()).rights

    def usage(self, seen: Seen) -> Usage | None:
        """Numbers for RFC 4331, None where nothing is metered; what the asker may not discover counts nowhere."""
        if not seen.share:
            return None
        places = self._share(seen.share)
        if not isinstance(places.provider, MetersQuota):
            return None
        whole = places.provider.usage()
        if not isinstance(places.provider, TracksChanges):
            return whole
        view, (root, cut) = self._look(places, lambda: self._cut(places, lambda: places.provider.stat(ROOT)))
        used = self._visible_size(view, root, cut)
        return Usage(used, whole.limit, whole.available if whole.limit is None else max(0, whole.limit - used))

    def _cut(self, places: SharePlaces, find: Callable[[], Node]) -> tuple[Node, list[parts.Part]]:
        """A collection and its parts in one view: sizes of two moments would tell of a hidden change between them."""
        with self.forest.database.read() as connection:
            collection = find()
            return collection, parts.of_collections(connection, places.share, [collection.id]).get(collection.id, [])

    def _visible_size(self, view: View, collection: Node, cut: Iterable[parts.Part]) -> int:
        """Bytes at and beneath a collection, of what the asker may discover; `cut` are its parts."""
        sizes = {part.pin: part.size for part in cut if part.pin}
        sizes[0] = collection.size - sum(sizes.values())
        return sum(size for pin, size in sizes.items() if self._delivery(view, collection.lineage, pin))

    def _demand(self, seen: Seen, needed: Rights) -> None:
        if int(needed) & ~int(seen.rights):  # as integers: the operators of flags are ten times as slow
            raise AccessDenied(seen.path, needed)

    def _places(self, path: SharePath) -> SharePlaces:
        return super()._places(self._shared.real(path))

    def _inner(self, path: SharePath) -> SharePath:
        """As stored; an owner file lies where its maker put it."""
        inner = super()._inner(self._shared.real(path))
        return inner if owner_of(path.name) is None else self._owner_file(path, inner)

    def _owner_file(self, path: SharePath, stored: SharePath) -> SharePath:
        """Where an owner file lies or would: the asker's own, or else whoever's if he may discover its document."""
        provider, folder = self._places(path).provider, stored.parent
        own = SharePath((*folder.segments, stored.name + self._mark))
        try:
            provider.stat(own)
        except NotFound:
            if self._has_document(path):
                others = (node.name for node in provider.children(provider.stat(folder)))
                name = next((name for name in others if bare_name(name) == path.name), own.name)
                return SharePath((*folder.segments, name))
        return own

    def _has_document(self, owner_file: SharePath) -> bool:
        """True if the asker may discover the document that an owner file belongs to."""
        name, folder = owner_file.name, owner_file.parent
        document = owner_of(name) or ""
        try:
            self.stat(SharePath((*folder.segments, document)))
        except NotFound:
            if not name.startswith("~$"):
                return False
        else:
            return not is_programs(document)
        try:
            members = self.children(self.stat(folder))
        except (NotFound, WrongKind):
            return False
        return Neighbours(seen.display_name for seen in members).has(name)

    def _seen(self, view: View, path: SharePath, node: Node) -> Seen | None:
        """None for what may not be discovered; a collection's tag is still to be made."""
        granted = view.granted(node.lineage, self.clock())
        self._edge = earlier(self._edge, granted.until)
        name = path.name if len(path.segments) > 1 else view.rules.committee.name
        # Made of what is hidden, too, as it is of what is absent: neither takes longer than the other.
        seen = Seen(path, view.rules.share, node, granted.rights, node.entity_tag, name, granted.obligations)
        return seen if shown(node, granted) else None

    def _tagged(self, page: list[Seen], places: SharePlaces, view: View) -> list[Seen]:
        """The page with entity tags of its collections, made of what the asker may discover beneath each."""
        cut = [seen.node.id for seen in page if seen.node.is_collection]
        if not cut or not isinstance(places.provider, TracksChanges):
            return page
        with self.forest.database.read() as connection:
            found = parts.of_collections(connection, places.share, cut)
        return [
            seen._replace(
                tag=parts.tag(seen.node, found.get(seen.node.id, ()), partial(self._delivery, view, seen.node.lineage))
            )
            if seen.node.is_collection
            else seen
            for seen in page
        ]

    def _delivery(self, view: View, collection: tuple[int, ...], pin: int) -> int:
        """How the asker gets this part of a collection: what lies under the pin, or (0) directly in it."""
        lineage = view.rules.places.get(pin, ()) if pin else collection
        if not lineage:
            return HIDDEN
        granted = view.inherited(lineage, self.clock(), beneath=True)
        self._edge = earlier(self._edge, granted.until)
        return delivery(granted)

    def _shared_here(self, places: SharePlaces) -> frozenset[int]:
        """Nodes of a drive at which somebody shares with the asker now."""
        view, now = self._view(places), self.clock()
        self._edge = earlier(self._edge, view.shared_until(now))
        return view.shared(now)

    def _drives(self) -> Seen:
        return Seen(ROOT, "", DRIVES, Rights.READ, self._list_tag(ROOT, self._all_drives), "")

    def _list_tag(self, path: SharePath, members: Callable[[], list[Seen]]) -> str:
        """Entity tag of a list that has no storage of its own: a digest over all that it shows to the asker."""
        database = self.forest.database
        if database.in_view:
            return parts.list_tag(members())
        kept = self.remembered(path, "tag")
        if kept is not None:
            return kept.decode()
        committed = database.committed()
        tag = parts.list_tag(members())
        self._keep(path, "tag", tag.encode(), committed)
        return tag

    def _all_drives(self) -> list[Seen]:
        drives = []
        for share in sorted(self.forest.shares()):
            try:
                drives.append(self.stat(SharePath((share,))))
            except NotFound:
                continue
        return self._shared.in_front(drives)
