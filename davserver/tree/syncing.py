"""What has changed in a collection since a sync-token, as one reader sees it: the door's half of RFC 6578."""

from __future__ import annotations

import heapq
from operator import attrgetter
from typing import NamedTuple

from davserver.tree.forest import SharePlaces
from davserver.tree.looking import LookingTree
from davserver.tree.seen import Seen, UnknownSyncToken
from davserver.tree.sight import Sight
from davserver.tree.synctokens import STALE, Cursor, Mark, SyncTokens
from davserver.tree.walking import Gone, Row, Walk
from shareproviders.contract import TracksChanges
from shareproviders.paths import SharePath

MOST_ROWS = 10_000
"""One answer tells no more; the client asks on with the token that it got (RFC 6578 §3.6)."""


class Changes(NamedTuple):
    """What a client has to do to its copy of a collection."""

    changed: list[Seen]
    """Members that are new, or have changed, as they are now."""
    gone: list[Gone]
    token: str
    """What the client knows after it."""
    is_whole: bool
    """False if there is more to tell."""


class SyncingTree(LookingTree):
    """Collections that can be kept in step with."""

    def can_sync(self, seen: Seen) -> bool:
        """A collection of a share with a journal, inside the scope of the credential; rights go by region."""
        if not seen.share or not seen.node.is_collection or self.forest.engine.per_node:
            return False
        scopes = self.principal.ceiling.scopes
        inside = not scopes or any(share == seen.share and node in seen.node.lineage for share, node in scopes)
        return inside and isinstance(self.forest.provider(seen.share), TracksChanges)

    def sync_token(self, seen: Seen) -> str:
        """The token of a collection that `can_sync`: it stays when only hidden things change. Raises NotFound."""
        places = self._share(seen.share)
        _, mark = self._look(places, lambda: _present(self._sight(places, seen)))
        return self._tokens(seen).make(seen, mark)

    def changes(self, seen: Seen, token: str, *, deep: bool, most: int | None = None) -> Changes:
        """What changed since the token, or everything if it is empty; at most so many rows.

        Raises UnknownSyncToken, also if rights have changed since in a way that shows in this collection.
        """
        places, tokens = self._share(seen.share), self._tokens(seen)
        known = tokens.read(seen, token) if token else None
        view, (rows, mark) = self._look(
            places, lambda: self._gathered(self._sight(places, seen), seen, known, deep=deep, most=most or MOST_ROWS)
        )
        found: dict[SharePath, Seen | Gone] = {row.what.path: row.what for row in rows}
        changed = [what for what in found.values() if isinstance(what, Seen)]
        gone = [what for what in found.values() if isinstance(what, Gone)]
        return Changes(self._tagged(changed, places, view), gone, tokens.make(seen, mark), mark.cursor is None)

    def _tokens(self, seen: Seen) -> SyncTokens:
        return SyncTokens(self.forest.sealer(seen.share), self.principal, self.channel, self.forest.era)

    def _sight(self, places: SharePlaces, seen: Seen) -> Sight:
        """To be called inside a view of the database."""
        provider = places.provider
        if not isinstance(provider, TracksChanges):
            raise UnknownSyncToken(STALE)
        with self.forest.database.read() as connection:
            return Sight(self, places, provider, connection, places.provider.locate(seen.node.id)[1])

    @staticmethod
    def _gathered(sight: Sight, seen: Seen, known: Mark | None, *, deep: bool, most: int) -> tuple[list[Row], Mark]:
        newest = sight.journal.newest_change()
        if known is not None and (known.change > newest or sight.digest(known.change) != known.view):
            raise UnknownSyncToken(STALE)
        present = _present(sight)
        if known == present:
            return [], present
        since = 0 if known is None else known.change
        cursor = (known and known.cursor) or Cursor(since, 0, 0, newest if known is None else since)
        walk = Walk(sight, since, told=cursor.change, start=cursor.start, deep=deep)
        top = seen._replace(node=sight.node)
        rows = walk.whole(top) if known is None else walk.changed(top)
        most = min(most, MOST_ROWS)
        found = heapq.nsmallest(most + 1, (row for row in rows if row.order > cursor[:3]), key=attrgetter("order"))
        if len(found) <= most:
            return found, present
        last = found[most - 1]
        base = max(since, last.change - 1)
        return found[:most], Mark(base, sight.digest(base), Cursor(*last.order, cursor.start))


def _present(sight: Sight) -> Mark:
    newest = sight.newest()
    return Mark(newest, sight.digest(newest))
