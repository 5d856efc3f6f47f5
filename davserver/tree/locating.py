"""From a path in the whole tree to a place in a share's storage; a consistent look at it together with its rules."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TypeVar

from acl.engine import View
from acl.labels import earlier
from acl.principals import Channel, Principal, PrincipalKind
from acl.privileges import Rights
from davserver.tree.forest import Forest, SharePlaces
from davserver.tree.names import bare_name, is_private, is_reserved, maker_mark
from davserver.tree.remembered import Kept, Standing
from davserver.tree.seen import Seen
from shareproviders.contract import BadName, NotFound, TracksChanges
from shareproviders.paths import ROOT, SharePath

Found = TypeVar("Found")
LOOKS = 5  # after so many looks that met a commit, look once more under one database view


class LocatingTree:
    """What a guarded tree stands on: one principal, one channel, one instant at which his request began."""

    def __init__(self, forest: Forest, principal: Principal, channel: Channel) -> None:
        self.forest, self.principal, self.channel = forest, principal, channel
        self.clock = forest.clock
        self.started = forest.clock()
        self._mark = maker_mark(principal.key)
        self._followed: dict[SharePath, SharePath] = {}
        self._edge: int | None = None  # the next instant at which what this request has seen may look otherwise

    def committed(self) -> int:
        """The state of the database, to be read before an answer is made that is to be remembered."""
        return self.forest.database.committed()

    def remembered(self, path: SharePath, about: Hashable) -> bytes | None:
        """What was answered to the same asker about the same path, if it would be answered exactly so again."""
        kept = self._recalled(path, about)
        return kept if isinstance(kept, bytes) else None

    def _recalled(self, path: SharePath, about: Hashable) -> bytes | Seen | None:
        if self.channel is not Channel.DAV:
            return None
        kept = self.forest.remembered.find(self._key(path, about), self.forest.database.known(), self.clock())
        if kept is None:
            return None
        self._edge = earlier(self._edge, kept.standing.until)
        return kept.what

    def remember(self, path: SharePath, about: Hashable, what: bytes | Seen, committed: int) -> None:
        """Keep an answer that says nothing but what the database held since `committed` was read, and still holds."""
        if self._tracks(path):
            self._keep(path, about, what, committed)

    def _keep(self, path: SharePath, about: Hashable, what: bytes | Seen, committed: int) -> None:
        standing = self._as_of(committed)
        if standing is not None:
            self.forest.remembered.keep(self._key(path, about), Kept(what, standing))

    def standing(self, path: SharePath, committed: int) -> Standing | None:
        """For how long this request, come again, would see the same at this path; `committed` from before it looked.

        None for what does not follow from the database and the clock alone.
        """
        return self._as_of(committed) if self._tracks(path) else None

    def _as_of(self, committed: int) -> Standing | None:
        """None, too, if somebody committed since this request began: what it recalls, and its login, are as of then."""
        database, plain = self.forest.database, self.channel is Channel.DAV and not self._followed
        stands = plain and database.known() == committed == database.committed()
        return Standing(committed, self.started, self._edge) if stands else None

    def _tracks(self, path: SharePath) -> bool:
        return bool(path.segments) and isinstance(self.forest.shares().get(path.segments[0]), TracksChanges)

    def _key(self, path: SharePath, about: Hashable) -> Hashable:
        """Each kind of door shows what it shows."""
        return type(self), self.principal, path, about

    def _places(self, path: SharePath) -> SharePlaces:
        """The share that a path leads into. Raises NotFound."""
        return self._share(path.segments[0])

    def _share(self, share: str) -> SharePlaces:
        return SharePlaces(share, self.forest.provider(share))

    def _lock_places(self, places: SharePlaces) -> LockPlaces:
        return LockPlaces(places.share, places.provider, self.forest, self.clock())

    def _inner(self, path: SharePath) -> SharePath:
        """The path inside its share, with the stored names of the asker's own files. Raises BadName."""
        stored = tuple([self._stored(name) for name in path.segments[1:]])
        for depth in range(len(path.segments), 1, -1) if self._followed else ():
            place = self._followed.get(SharePath(path.segments[:depth]))
            if place is not None:
                return SharePath((*place.segments, *stored[depth - 1 :]))
        return SharePath(stored)

    def _follow(self, places: SharePlaces, path: SharePath) -> bool:
        """Does the path lead somewhere by a name that a folder had a while ago? This request then goes there."""
        provider, aliases, now = places.provider, self.forest.aliases, self.clock()
        with self.forest.database.read() as connection:
            if not aliases.any_in(connection, places.share):
                return False
            place, node = ROOT, provider.stat(ROOT)
            for name in self._inner(path).segments:
                number = aliases.find(connection, places.share, node.id, name, now)  # in any case: law 3, timing
                try:
                    node = provider.stat(SharePath((*place.segments, name)))
                    place = SharePath((*place.segments, name))
                except NotFound:
                    if number is None:
                        return False
                    try:
                        place, node = provider.locate(number)
                    except NotFound:
                        return False
        if self._inner(path) == place:
            return False
        self._followed[path] = place
        return True

    def _stored(self, name: str) -> str:
        if is_reserved(name):
            raise BadName("a name cannot end in '.~' and twelve hexadecimal digits")
        return name + self._mark if is_private(name) else name

    def _view(self, places: SharePlaces) -> View:
        return self.forest.rules.view(places, self.principal, self.channel)

    def _look(self, places: SharePlaces, find: Callable[[], Found]) -> tuple[View, Found]:
        """What `find` finds, and rights that are at least as new; neither may be older than a commit between them.

        The quick way reads the rules first and repeats the look if anything was committed until it was done.
        """
        rules, database = self.forest.rules, self.forest.database
        if not database.in_view:
            for _ in range(LOOKS):
                view, number = self._view(places), rules.checked
                with database.read():
                    found = find()
                if database.committed() == number:
                    return view, found
        with database.read():
            found = find()
            return self._view(places), found


@dataclass(frozen=True, slots=True)
class LockPlaces(SharePlaces):
    """Where the nodes of a share are, and whether the holders of its locks may still change them."""

    forest: Forest
    at: int

    def path(self, node: int) -> SharePath:
        """As its maker knows it: without the mark in the stored names of programs' files."""
        stored = SharePlaces(self.share, self.provider).path(node)
        return SharePath(tuple([bare_name(name) for name in stored.segments]))

    def is_programs(self, node: int) -> bool:
        """All files of programs are stored with their maker's mark."""
        return is_reserved(self.provider.locate(node)[0].name)

    def may_still_write(self, principal: str, lineage: tuple[int, ...]) -> bool:
        """Judged without the ceiling of a credential: a lock outlives the connection that made it."""
        kind, _, number = principal.partition(":")
        holder = Principal(PrincipalKind(kind), number)
        channel = Channel.LINK if holder.kind is PrincipalKind.LINK else Channel.DAV
        places = SharePlaces(self.share, self.provider)
        rights = self.forest.rules.view(places, holder, channel).granted(lineage, self.at).rights
        return bool(rights & Rights.WRITE)
