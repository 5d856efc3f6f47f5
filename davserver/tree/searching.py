"""Search by words in titles and by numbers, over all drives of one asker.

What may be discovered is decided first, folder by folder, and only that is compared (titles.py knows more than any
asker). What seems to be a hit is then asked of the tree like any other thing, so a hit is never more than a page shows.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from itertools import repeat
from typing import NamedTuple

from acl import store
from acl.engine import View
from acl.privileges import Rights
from davserver.tree.finding import Described, Finding, is_secret, shown_number
from davserver.tree.forest import SharePlaces
from davserver.tree.locking import GuardedTree
from davserver.tree.titles import Titled, comparable
from shareproviders.contract import NotFound
from shareproviders.paths import ROOT

SECONDS = 3.0
HITS = 100


class Hits(NamedTuple):
    """What a search has found."""

    found: list[Described]
    complete: bool
    """False if it was ended because it took too long or found too much."""


class Drive(NamedTuple):
    """One drive as the asker sees it."""

    places: SharePlaces
    view: View
    numbers: Mapping[int, str]
    """Folder → number of the agenda item whose folder it is, as `comparable` makes it."""


class Searching:
    """Looks through one tree, for one request."""

    def __init__(self, tree: GuardedTree) -> None:
        self.tree, self.finding, self.titles = tree, Finding(tree), tree.forest.titles

    def search(self, query: str) -> Hits:
        """All whose title holds every word of the query, nearest to the roots first. Without words nothing is found."""
        words = comparable(query).split()
        until = time.monotonic() + SECONDS
        found: list[Described] = []
        if not words:
            return Hits(found, complete=True)
        for drive, node in self._likely(words, until):
            if node is None or time.monotonic() > until:
                return Hits(found, complete=False)
            described = self._asked(drive, node)
            if described is not None and _has(words, comparable(f"{described.number} {described.title}")):
                if len(found) == HITS:
                    return Hits(found, complete=False)
                found.append(described)
        return Hits(found, complete=True)

    def _asked(self, drive: Drive, node: int) -> Described | None:
        """As the tree tells it to the asker now, if it does."""
        try:
            return self.finding.describe([self.finding.at(drive.places.share, node)])[0]
        except NotFound:
            return None

    def _likely(self, words: list[str], until: float) -> Iterator[tuple[Drive, int | None]]:
        """Numbers of what the asker may discover and that has all words; None when the time is up."""
        drives = [self._drive(seen.share) for seen in self.tree.children(self.tree.stat(ROOT)) if seen.share]
        longest = max(words, key=len)  # seldom met, so the others are seldom looked for
        waiting = deque[tuple[Drive, Titled | None, int]]((drive, None, 0) for drive in drives)
        while waiting:
            drive, above, node = waiting.popleft()
            places = drive.places
            try:
                if above is None:
                    folder = self.titles.root(places.share, places.provider)
                else:
                    folder = self.titles.within(places.share, places.provider, above, node)
            except NotFound:
                continue  # removed while it was being searched
            for member, title in self._known(drive, folder):
                if member in folder.folders:
                    waiting.append((drive, folder, member))
                if longest in title and _has(words, title):
                    yield drive, member
            if time.monotonic() > until:
                yield drive, None

    def _drive(self, share: str) -> Drive:
        places = self.tree._share(share)
        with self.tree.forest.database.read() as connection:
            found = store.agenda_numbers(connection, share)
        numbers = {node: comparable(shown_number(number, public=public)) for node, (number, public) in found.items()}
        return Drive(places, self.tree._view(places), numbers)

    def _known(self, drive: Drive, folder: Titled) -> Iterator[tuple[int, str]]:
        """Members that may be discovered, each with what may be compared: a secret title's number alone."""
        rules, numbers = drive.view.rules, drive.numbers
        page = drive.view.page(folder.lineage, folder.ids, self.tree.clock())
        if not page:
            return
        common, inherited = page[0], rules.bound_at(folder.lineage).classification
        alike = page.count(common) == len(page)
        if alike and rules.regions.keys().isdisjoint(folder.ids) and numbers.keys().isdisjoint(folder.ids):
            if common.rights & Rights.DISCOVER:
                secret = is_secret(inherited, common.rights)
                yield from zip(folder.ids, repeat("") if secret else folder.titles, strict=False)
            return
        for member, title, granted in zip(folder.ids, folder.titles, page, strict=True):
            if granted.rights & Rights.DISCOVER:
                region = rules.regions.get(member)
                classification = inherited if region is None else region.bound.classification
                shown = "" if is_secret(classification, granted.rights) else title
                number = numbers.get(member)
                yield member, shown if number is None else f"{number} {shown}"


def _has(words: list[str], title: str) -> bool:
    return all(word in title for word in words)
