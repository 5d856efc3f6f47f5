"""Looking through the door: locate, ask, act. What may not be discovered is not there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter

from acl.engine import HIDDEN_ON_DAV, LOG_READ, Granted
from acl.principals import Channel, Principal
from acl.privileges import Rights
from davserver.locks import by_node, covering
from davserver.tree.forest import Forest, SharePlaces
from davserver.tree.names import (
    Neighbours,
    bare_name,
    is_private,
    is_programs,
    is_reserved,
    maker_mark,
    owner_of,
)
from davserver.tree.seen import AccessDenied, Lock, Seen
from shareproviders.contract import (
    BadName,
    KeepsProperties,
    MetersQuota,
    Node,
    NotFound,
    TracksChanges,
    Usage,
    WrongKind,
)
from shareproviders.paths import ROOT, SharePath

NOTHING_HERE = "there is nothing here"
DRIVES = Node(0, (0,), "", True, 0, "", "", 0, 0, 0)  # the collection of all drives has no storage of its own


class LookingTree:
    """The reading half of the guarded tree."""

    def __init__(self, forest: Forest, principal: Principal, channel: Channel) -> None:
        self.forest, self.principal, self.channel = forest, principal, channel
        self.clock = forest.clock
        self.started = forest.clock()
        self._mark = maker_mark(principal.key)

    def stat(self, path: SharePath) -> Seen:
        """Raises NotFound for what is absent and for what may not be discovered, alike."""
        if path.is_root:
            return self._drives()
        with self.forest.database.read():
            places = self._places(path)
            node = places.provider.stat(self._inner(path))
            seen = self._seen(places, path, node)
        if seen is None:
            raise NotFound(NOTHING_HERE)
        return seen

    def children(self, seen: Seen) -> list[Seen]:
        """Members that may be discovered, sorted by name. Raises WrongKind for a document."""
        if not seen.node.is_collection:
            raise WrongKind("a document has no members")
        if not seen.share:
            return self._all_drives()
        with self.forest.database.read():
            places = SharePlaces(seen.share, self.forest.provider(seen.share))
            nodes = places.provider.children(seen.node)
            view = self.forest.rules.view(places, self.principal, self.channel)
            page = view.page(seen.node.lineage, [node.id for node in nodes], self.clock())
            tag = self._collection_tag(places)
        segments, share = seen.path.segments, seen.share
        members: list[Seen] = []
        foreign: list[Seen] = []
        for node, granted in zip(nodes, page, strict=True):
            name = bare_name(node.name)
            marked = node.name != name
            own = marked and node.name.endswith(self._mark)
            theirs = not own and owner_of(name) is not None
            if (marked and not own and not theirs) or not shown(node, granted):
                continue
            tagged = tag(node) if node.is_collection else node.entity_tag
            seen = Seen(SharePath((*segments, name)), share, node, granted.rights, tagged, name, granted.obligations)
            (foreign if theirs else members).append(seen)
        return with_owner_files(members, foreign) if foreign else members

    def admit_read(self, seen: Seen) -> None:
        """Ask for READ and open nothing: HEAD, 304 and 416 are refused where GET would be. Raises AccessDenied."""
        self._demand(seen, Rights.READ)

    def read(self, seen: Seen, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Bytes of a document; opened and verified at the call. Raises AccessDenied, WrongKind, NotFound, Damaged."""
        if seen.node.is_collection:
            raise WrongKind("a collection has no content of its own")
        self.admit_read(seen)
        pieces = self.forest.provider(seen.share).read(seen.node, start, length)
        if LOG_READ in seen.obligations:
            self.forest.reads.note(self.principal.key, seen.share, seen.node.id, seen.tag)
        return pieces

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
            places = SharePlaces(share, self.forest.provider(share))
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

    def usage(self, seen: Seen) -> Usage | None:
        """Numbers for RFC 4331, None where nothing is metered."""
        provider = self.forest.provider(seen.share) if seen.share else None
        return provider.usage() if isinstance(provider, MetersQuota) else None

    def _demand(self, seen: Seen, needed: Rights) -> None:
        if needed & ~seen.rights:
            raise AccessDenied(seen.path, needed)

    def _inner(self, path: SharePath) -> SharePath:
        """The path inside its share, with the stored names of the asker's own files. Raises BadName."""
        stored = SharePath(tuple(self._stored(name) for name in path.segments[1:]))
        return stored if owner_of(path.name) is None else self._owner_file(path, stored)

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

    def _stored(self, name: str) -> str:
        if is_reserved(name):
            raise BadName("a name cannot end in '.~' and twelve hexadecimal digits")
        return name + self._mark if is_private(name) else name

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

    def _places(self, path: SharePath) -> SharePlaces:
        share = path.segments[0]
        return SharePlaces(share, self.forest.provider(share))

    def _seen(self, places: SharePlaces, path: SharePath, node: Node) -> Seen | None:
        """None for what may not be discovered."""
        view = self.forest.rules.view(places, self.principal, self.channel)
        granted = view.granted(node.lineage, self.clock())
        if not shown(node, granted):
            return None
        tag = self._collection_tag(places)(node) if node.is_collection else node.entity_tag
        name = path.name if len(path.segments) > 1 else view.rules.committee.name
        return Seen(path, places.share, node, granted.rights, tag, name, granted.obligations)

    def _collection_tag(self, places: SharePlaces) -> CollectionTag:
        if not isinstance(places.provider, TracksChanges):
            return CollectionTag("")
        return CollectionTag(self.forest.rules.epoch_of(places))

    def _drives(self) -> Seen:
        return Seen(ROOT, "", DRIVES, Rights.READ, "", "")

    def _all_drives(self) -> list[Seen]:
        drives = []
        with self.forest.database.read():
            for share in sorted(self.forest.shares()):
                places = SharePlaces(share, self.forest.provider(share))
                path = SharePath((share,))
                seen = self._seen(places, path, places.provider.stat(ROOT))
                if seen is not None:
                    drives.append(seen)
        return drives


class CollectionTag:
    """Makes entity tags of collections: the newest change beneath and the epoch of the rules; empty if untracked."""

    def __init__(self, epoch: str) -> None:
        self._epoch = epoch

    def __call__(self, node: Node) -> str:
        return f"c{node.id:x}.{node.change:x}.{self._epoch}" if self._epoch else ""


def with_owner_files(members: list[Seen], foreign: list[Seen]) -> list[Seen]:
    """The members and those owner files of others that belong to one of them; of one name, the asker's own."""
    names = Neighbours(seen.display_name for seen in members)
    theirs = {seen.path: seen for seen in reversed(foreign) if names.has(seen.display_name)}
    return sorted((theirs | {seen.path: seen for seen in members}).values(), key=attrgetter("path"))


def shown(node: Node, granted: Granted) -> bool:
    """Discoverable, and for a document: in a form that this channel can deliver."""
    return bool(granted.rights & Rights.DISCOVER) and (node.is_collection or HIDDEN_ON_DAV not in granted.obligations)
