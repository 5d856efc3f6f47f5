"""What others share with me, as a drive of its own: `geteilt/<committee id>/<name>/…` stands for the real places.

Nothing lives here. Each path is turned into the real one, so node ids, locks, entity tags and decisions are those of
the committee's drive.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from acl.principals import PrincipalKind
from acl.privileges import Rights
from davserver.tree.forest import SharePlaces
from davserver.tree.names import bare_name, numbered
from davserver.tree.seen import DoesNotFit, Seen
from shareproviders.contract import Node, NotFound, ParentMissing
from shareproviders.paths import SharePath

if TYPE_CHECKING:
    from davserver.tree.looking import LookingTree

SHARED = "geteilt"
SHARED_NAME = "Mit mir geteilt"
DEPTH = 3  # segments of what is shared itself; beneath it the real names go on
FIXED = "what is shared with you is listed here; nothing can be added or removed in this list"


def is_listing(path: SharePath) -> bool:
    """The virtual drive itself, or one committee in it."""
    return path.segments[:1] == (SHARED,) and len(path.segments) < DEPTH


class SharedWithMe:
    """The virtual drive of one principal, for one request."""

    def __init__(self, tree: LookingTree) -> None:
        self._tree = tree
        self._known: dict[tuple[str, bool], Mapping[str, SharePath]] = {}

    def _lines(self, share: str) -> Mapping[str, SharePath]:
        """What one committee shares with the principal: name as listed here → real path in the whole tree.

        Found once for a request, and once more inside its transaction.
        """
        forest, principal = self._tree.forest, self._tree.principal
        key = share, forest.database.in_transaction
        if key not in self._known:
            found: Mapping[str, SharePath] = {}
            if principal.kind is PrincipalKind.USER and share in forest.shares():
                found = _named(self._nodes(SharePlaces(share, forest.provider(share))))
            self._known[key] = found
        return self._known[key]

    @cached_property
    def _committees(self) -> tuple[str, ...]:
        """Those that share anything with the principal."""
        return tuple(share for share in sorted(self._tree.forest.shares()) if self._lines(share))

    def _nodes(self, places: SharePlaces) -> list[tuple[Node, SharePath]]:
        """What is shared with the principal in one drive and may be discovered, each with its real path."""
        concerned = sorted(self._tree._shared_here(places))
        if not concerned:
            return []
        view, located = self._tree._look(places, lambda: _located(places, concerned))
        real = [(node, SharePath((places.share, *stored.segments))) for stored, node in located]
        return [
            (node, path)
            for node, path in real
            if node.name == bare_name(node.name) != "" and self._tree._seen(view, path, node) is not None
        ]

    def real(self, path: SharePath) -> SharePath:
        """The real path of one in the virtual drive; any other path as it is. Raises NotFound."""
        if path.segments[:1] != (SHARED,):
            return path
        if len(path.segments) < DEPTH:
            raise NotFound("there is nothing here")
        _, share, name, *rest = path.segments
        start = self._lines(share).get(name)
        if start is None:
            raise NotFound("there is nothing here")
        return SharePath((*start.segments, *rest))

    def end(self, path: SharePath, *, stays: bool = False) -> SharePath:
        """As `real`, for an end of MOVE or COPY. Raises ParentMissing, DoesNotFit for a line that would not stay."""
        if self.is_fixed(path) and not stays:
            raise DoesNotFit(FIXED)
        try:
            return self.real(path)
        except NotFound:
            raise ParentMissing("the folder does not exist") from None

    @staticmethod
    def is_fixed(path: SharePath) -> bool:
        """A line of the list: what is shared, under the name that it has here."""
        return path.segments[:1] == (SHARED,) and len(path.segments) <= DEPTH

    def is_new_line(self, path: SharePath) -> bool:
        """Would be a line of the list, but is none."""
        if not self.is_fixed(path):
            return False
        return len(path.segments) < DEPTH or path.segments[2] not in self._lines(path.segments[1])

    def listing(self, path: SharePath) -> Seen:
        """The drive or a committee in it. Raises NotFound where nothing is shared."""
        if len(path.segments) > 1 and not self._lines(path.segments[1]):
            raise NotFound("there is nothing here")
        name = SHARED_NAME if len(path.segments) == 1 else self._committee(path.segments[1])
        node = Node(0, (0,), path.name, True, 0, "", "", 0, 0, 0)
        tag = self._tree._list_tag(path, lambda: self.members(path))
        return Seen(path, "", node, Rights.READ, tag, name)

    def _committee(self, share: str) -> str:
        tree = self._tree
        return tree.forest.rules.of(SharePlaces(share, tree.forest.provider(share))).committee.name

    def members(self, path: SharePath) -> list[Seen]:
        """Of the drive: committees; of a committee: what is shared there."""
        if len(path.segments) == 1:
            return [self.listing(path / share) for share in self._committees]
        return list(self._found(path / name for name in sorted(self._lines(path.segments[1]))))

    def _found(self, paths: Iterable[SharePath]) -> Iterator[Seen]:
        for path in paths:
            try:
                yield self._tree.stat(path)
            except NotFound:
                continue  # taken away while it was being listed

    def in_front(self, drives: list[Seen]) -> list[Seen]:
        """The list of all drives as the principal should meet it: with this one if there is anything in it, and
        without those into which nothing but what is shared leads.
        """
        if not self._committees:
            return drives
        mine = [seen for seen in drives if seen.share not in self._committees or not self._only_shared(seen)]
        return sorted([*mine, self.listing(SharePath((SHARED,)))], key=lambda seen: seen.path)

    def _only_shared(self, drive: Seen) -> bool:
        """No mandate, and nothing that may be discovered for another reason."""
        tree, now = self._tree, self._tree.clock()
        places = SharePlaces(drive.share, tree.forest.provider(drive.share))
        view = tree._view(places)
        rules = view.rules
        if any(held.share == drive.share and held.holds_at(now) for held in rules.mandates.get(tree.principal.id, ())):
            return False
        shared = view.shared(now)
        lineages = [drive.node.lineage, *(rules.places[pin] for pin in rules.beneath.get(drive.node.id, ()))]
        return not any(
            view.decide(Rights.DISCOVER, lineage, now).reasons != ("container",)
            for lineage in lineages
            if shared.isdisjoint(lineage) and view.granted(lineage, now).rights & Rights.DISCOVER
        )


def _located(places: SharePlaces, nodes: Iterable[int]) -> list[tuple[SharePath, Node]]:
    """Stored path and facts of those that live."""
    found = []
    for node in nodes:
        try:
            found.append(places.provider.locate(node))
        except NotFound:
            continue  # in the trash
    return found


def _named(nodes: list[tuple[Node, SharePath]]) -> dict[str, SharePath]:
    """Names that differ: where two are called alike, both carry their node's number, so that neither is mistaken for
    the other when one of them goes.
    """
    called = Counter(path.name for _, path in nodes)
    named: dict[str, SharePath] = {}
    for node, path in nodes:
        name = path.name
        while called[name] > 1 or name in named:
            name = numbered(name, node.id)
        named[name] = path
    return named
