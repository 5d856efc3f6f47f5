"""Answers worth keeping: each for one asker, as long as nothing was committed and no time edge has passed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from davserver.tree.seen import Seen

BYTES_KEPT = 32 * 1024 * 1024  # per process
TEXTS_KEPT = 16_384  # about 12 MiB per process
SEEN_BYTES = 2048  # about what a resource and its key hold


class Standing(NamedTuple):
    """The state of the world that an answer belongs to."""

    committed: int
    """`Database.committed()` from before it was made until after."""
    since: int
    """Microseconds; a clock that jumps back makes it void."""
    until: int | None
    """The next instant at which rights may change by the clock; None for never."""

    def holds(self, committed: int, now: int) -> bool:
        """Would it be made exactly so again?"""
        return committed == self.committed and self.since <= now and (self.until is None or now < self.until)


class Kept(NamedTuple):
    """One answer."""

    what: bytes | Seen
    standing: Standing


class Text(NamedTuple):
    """What was written of a member of a collection; it holds for whoever sees the member just so."""

    seen: Seen
    text: str


Texts = Mapping[tuple[str, int], Text]
"""By share and node id."""
_NO_TEXTS: Texts = MappingProxyType({})


class Remembered:
    """Answers by what they depend on besides the database and the clock; the oldest make room.

    After a commit none of before can be given again, so all of them go: what is written all the time fills no memory.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()
        self._bytes, self._committed = 0, 0
        self._texts: dict[Hashable, Texts] = {}
        self._members = 0
        self._lock = threading.Lock()

    def find(self, key: Hashable, committed: int, now: int) -> Kept | None:
        """The answer, if it would be made exactly so again."""
        kept = self._kept.get(key)
        return kept if kept is not None and kept.standing.holds(committed, now) else None

    def keep(self, key: Hashable, kept: Kept) -> None:
        with self._lock:
            if kept.standing.committed != self._committed:
                self._kept.clear()
                self._bytes, self._committed = 0, kept.standing.committed
            old = self._kept.pop(key, None)
            self._bytes += _size(kept) - (_size(old) if old else 0)
            self._kept[key] = kept
            while self._bytes > BYTES_KEPT:
                self._bytes -= _size(self._kept.popitem(last=False)[1])

    def texts(self, key: Hashable) -> Texts:
        """Those of the members of one collection, as they were written last in one manner."""
        return self._texts.get(key, _NO_TEXTS)

    def keep_texts(self, key: Hashable, texts: Sequence[Text]) -> None:
        """In place of what was kept."""
        page = {(each.seen.share, each.seen.node.id): each for each in texts}
        with self._lock:
            self._members += len(page) - len(self._texts.pop(key, ()))
            self._texts[key] = page
            while self._members > TEXTS_KEPT:
                self._members -= len(self._texts.pop(next(iter(self._texts))))


def _size(kept: Kept) -> int:
    return len(kept.what) if isinstance(kept.what, bytes) else SEEN_BYTES
