"""A door of which only one place is open: a document, or a folder with what lies beneath it, and nothing beside it."""

from __future__ import annotations

from acl.principals import Channel, Principal
from acl.privileges import Rights
from davserver.tree.forest import Forest, SharePlaces
from davserver.tree.locking import GuardedTree
from davserver.tree.looking import NOTHING_HERE
from davserver.tree.remembered import Standing
from davserver.tree.seen import DoesNotFit, Seen
from davserver.tree.spots import Spot
from shareproviders.contract import Node, NotFound, Usage
from shareproviders.paths import SharePath


class NarrowTree(GuardedTree):
    """What leads to one node alone. A document is shown as the only member of a collection that tells nothing else."""

    base: SharePath
    """The path in the whole tree that is this tree's root."""

    def __init__(
        self, forest: Forest, principal: Principal, channel: Channel, *, share: str, node: int, made: int
    ) -> None:
        """`made`: the instant that the collection around a document shows. Raises NotFound if the node has gone."""
        super().__init__(forest, principal, channel)
        places = SharePlaces(share, forest.provider(share))
        stored, self._node = places.provider.locate(node)
        self._opened = SharePath((share, *stored.segments))
        self.base = self._opened if self._node.is_collection else self._opened.parent
        self._around = Node(0, (0,), "", True, 0, "", "", made, made, 0)

    def stat(self, path: SharePath, *, tagged: bool = True) -> Seen:
        """As everywhere; outside of what is opened there is nothing."""
        if path == self.base:
            return self._root()
        if path != self._opened and not path.is_inside(self._opened):
            raise NotFound(NOTHING_HERE)
        return super().stat(path, tagged=tagged)

    def _enter(self, places: SharePlaces, path: SharePath) -> None:
        """The node itself is opened, and nothing of the way down to it."""

    def _root(self) -> Seen:
        seen = super().stat(self._opened)
        if self._node.is_collection:
            return seen
        return Seen(self.base, "", self._around, Rights.READ, "", seen.display_name)

    def children(self, seen: Seen) -> list[Seen]:
        return super().children(seen) if seen.share else [self.stat(self._opened)]

    def standing(self, path: SharePath, committed: int) -> Standing | None:
        """Whether it is still open is asked anew each time."""
        del path, committed
        return None

    def usage(self, seen: Seen) -> Usage | None:
        """How full the committee's drive is concerns its people only."""
        del seen
        return None

    def _spot(self, path: SharePath) -> Spot:
        if not path.is_inside(self.base):
            raise DoesNotFit("what is opened here cannot itself be replaced, moved or removed")
        return super()._spot(path)
