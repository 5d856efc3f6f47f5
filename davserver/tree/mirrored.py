"""The tree for clients that keep a copy of it: what can be copied, with tags that tell of rights and locks.

Files of programs are not in it, nor documents of which the reader may know the name alone, as of drafts.

A sync client looks into a folder again only if the folder's tag has changed, and meets the rights and locks of what is
in it only then. So a folder's tag in this tree also changes with what its reader may do there or beneath, and with the
locks that he is shown. A document's tag tells of its content alone: if it changed with a lock, everybody who has edited
his copy meanwhile would be told of a conflict that is none (docs/decisions/0024).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from sqlalchemy import Connection

from acl.engine import Granted, View
from acl.labels import earlier
from acl.principals import Channel, Principal
from acl.privileges import Rights
from davserver.tree import parts
from davserver.tree.forest import Forest, SharePlaces
from davserver.tree.locking import GuardedTree
from davserver.tree.looking import NOTHING_HERE
from davserver.tree.names import is_programs
from davserver.tree.seen import DoesNotFit, Seen, Terms
from davserver.tree.spots import Spot
from shareproviders.contract import KeepsChecksums, Node, NotFound, ShareProvider, TracksChanges
from shareproviders.paths import SharePath

NOT_SYNCED = "files that programs make for themselves are not kept in sync"

Key = tuple[str, int]
"""Share and node id."""


class Tracking(Mapping[str, ShareProvider]):
    """The shares that track changes: of the others a copy would never learn that something has happened."""

    def __init__(self, shares: Mapping[str, ShareProvider]) -> None:
        self._shares = shares

    def __getitem__(self, share: str) -> ShareProvider:
        provider = self._shares[share]
        if not isinstance(provider, TracksChanges):
            raise KeyError(share)
        return provider

    def __iter__(self) -> Iterator[str]:
        return (share for share, provider in self._shares.items() if isinstance(provider, TracksChanges))

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Shown(NamedTuple):
    """A lock that the reader is shown somewhere."""

    lineage: tuple[int, ...]
    token: str
    deep: bool
    expires: int


class MirroredTree(GuardedTree):
    """The guarded tree as a sync client's user meets it."""

    def __init__(self, forest: Forest, principal: Principal, channel: Channel) -> None:
        super().__init__(replace(forest, shares=lambda: Tracking(forest.shares())), principal, channel)
        self._told_locks: dict[str, list[Shown]] = {}
        self._above: dict[tuple[str, tuple[int, ...]], Rights] = {}

    def stat(self, path: SharePath, *, tagged: bool = True) -> Seen:
        if any(map(is_programs, path.segments)):
            raise NotFound(NOTHING_HERE)
        return super().stat(path, tagged=tagged)

    def _seen(self, view: View, path: SharePath, node: Node) -> Seen | None:
        seen = super()._seen(view, path, node)
        return None if seen is None or not _can_be_copied(seen) else seen

    def _shown(self, folder: Seen, nodes: Sequence[Node], page: Sequence[Granted]) -> list[Seen]:
        members = super()._shown(folder, nodes, page)
        return [member for member in members if not is_programs(member.path.name) and _can_be_copied(member)]

    def _spot(self, path: SharePath) -> Spot:
        """What would be taken and then not be shown, its owner's client would delete on his disk; so it is refused."""
        if is_programs(path.name):
            raise DoesNotFit(NOT_SYNCED)
        return super()._spot(path)

    def _admit_collection(self, connection: Connection, path: SharePath, terms: Terms) -> Spot:
        if is_programs(path.name):
            raise DoesNotFit(NOT_SYNCED)
        return super()._admit_collection(connection, path, terms)

    def _tagged(self, page: list[Seen], places: SharePlaces, view: View) -> list[Seen]:
        shown = self._shown_locks(places, view)
        return [
            seen._replace(tag=f"{seen.tag}-{self._standing(seen, view, shown)}") if seen.node.is_collection else seen
            for seen in super()._tagged(page, places, view)
        ]

    def _standing(self, seen: Seen, view: View, shown: list[Shown]) -> str:
        """A digest of what the reader may do here and in the regions beneath, and of the locks that he is shown."""
        now, lineage = self.clock(), seen.node.lineage
        facts: list[object] = [int(seen.rights), int(self._rights_above(view, lineage))]
        for pin in view.rules.beneath.get(seen.node.id, ()):
            granted = view.granted(view.rules.places[pin], now)
            self._edge = earlier(self._edge, granted.until)
            if Rights.DISCOVER in granted.rights:
                facts.append((pin, int(granted.rights), sorted(granted.obligations)))
        for lock in shown:
            if seen.node.id in lock.lineage or (lock.deep and lock.lineage[-1] in lineage):
                facts.append(lock.token)
                self._edge = earlier(self._edge, lock.expires)
        return hashlib.blake2b(repr(facts).encode(), digest_size=6).hexdigest()

    def _shown_locks(self, places: SharePlaces, view: View) -> list[Shown]:
        """All locks of a share whose resource the reader may discover; asked once, but anew inside a transaction."""
        changing = self.forest.database.in_transaction
        known = None if changing else self._told_locks.get(places.share)
        if known is not None:
            return known
        found: list[Shown] = []
        with self.forest.database.read() as connection:
            for row in self.forest.locks.of_share(connection, places.share):
                try:
                    lineage = places.lineage(row.node)
                except NotFound:
                    continue  # in the trash
                if Rights.DISCOVER in view.granted(lineage, self.clock()).rights:
                    found.append(Shown(lineage, row.token, row.deep, row.expires))
        found.sort(key=lambda lock: lock.token)
        if not changing:
            self._told_locks[places.share] = found
        return found

    def _rights_above(self, view: View, lineage: tuple[int, ...]) -> Rights:
        return view.granted(lineage[:-1], self.clock()).rights if len(lineage) > 1 else Rights.NONE

    def rights_above(self, seen: Seen) -> Rights:
        """What the asker may do to the list of members that a resource stands in; nothing for a drive or a line."""
        if not seen.share or self._shared.is_fixed(seen.path):
            return Rights.NONE
        folder = seen.share, seen.node.lineage[-2:-1]
        if folder not in self._above:  # one answer for all members of a listing
            self._above[folder] = self._rights_above(self._view(self._share(seen.share)), seen.node.lineage)
        return self._above[folder]

    def committee(self, seen: Seen) -> str:
        """The name of the committee whose drive it lies in; empty for what has no drive."""
        return self.forest.rules.of(self._share(seen.share)).committee.name if seen.share else ""

    def checksums(self, page: Sequence[Seen]) -> Mapping[Key, str]:
        """`SHA1:hex` and kin of the documents whose bytes the asker may read; what nobody told is missing."""
        found: dict[Key, str] = {}
        for share in {seen.share for seen in page if seen.share}:
            provider = self.forest.provider(share)
            if isinstance(provider, KeepsChecksums):
                nodes = [
                    seen.node
                    for seen in page
                    if seen.share == share
                    and not seen.node.is_collection
                    and Rights.READ in seen.rights
                    and seen.instead is None
                ]
                found |= {(share, node): told for node, told in provider.checksums(nodes).items()}
        return found

    def sizes(self, page: Sequence[Seen]) -> Mapping[Key, int]:
        """Bytes at and beneath each, of what the asker may discover; nothing for what has no drive."""
        found = {(seen.share, seen.node.id): seen.node.size for seen in page if seen.share}
        for share in {seen.share for seen in page if seen.share}:
            places = self._share(share)
            view = self._view(places)
            cut = [
                seen.node.id
                for seen in page
                if seen.share == share and seen.node.is_collection and seen.node.id in view.rules.beneath
            ]
            with self.forest.database.read() as connection:  # sizes and parts of one moment, as for `usage`
                rows = parts.of_collections(connection, share, cut)
                nodes = [places.provider.locate(number)[1] for number in places.lineages(cut)]
            for node in nodes:
                found[share, node.id] = self._visible_size(view, node, rows.get(node.id, ()))
        return found


def _can_be_copied(seen: Seen) -> bool:
    """Of a document that may be listed and not read, a copy could hold but what it was; and clients report errors."""
    return seen.node.is_collection or seen.instead is not None or Rights.READ in seen.rights
